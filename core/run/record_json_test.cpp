// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/record.h>

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

Plan example() {
  Plan plan{.group = "g"};
  plan.tasks.push_back({.name = "build", .steps = {{.name = "compile", .container = "c"}}});
  plan.tasks.push_back(
      {.name = "report", .is_finally = true, .steps = {{.name = "send", .container = "d"}}});
  return plan;
}

TEST(RecordJson, WritesEachKind) {
  const Plan plan = example();
  const auto json = [&plan](const Record& record) { return to_json(record, plan, 7, 1234); };
  EXPECT_EQ(json(record::GroupBegan{}),
            R"({"n":7,"time":1234,"event":"begin","version":1,"group":"g",)"
            R"("tasks":["build"],"finally":["report"]})");
  EXPECT_EQ(json(record::TaskChanged{.task = 0, .state = TaskState::running}),
            R"({"n":7,"time":1234,"event":"task","task":"build","attempt":0,"state":"Running"})");
  EXPECT_EQ(json(record::TaskRetried{.task = 0, .attempt = 1, .reason = "StepFailed"}),
            R"({"n":7,"time":1234,"event":"retry","task":"build","attempt":1,)"
            R"("reason":"StepFailed"})");
  EXPECT_EQ(json(record::StepChanged{.task = 1, .step = 0}),
            R"({"n":7,"time":1234,"event":"step","task":"report","attempt":0,"step":"send",)"
            R"("state":"Running"})");
  EXPECT_EQ(
      json(record::StepChanged{.ended = true, .exit_code = 0, .termination_reason = "Completed"}),
      R"({"n":7,"time":1234,"event":"step","task":"build","attempt":0,"step":"compile",)"
      R"("state":"Terminated","exitCode":0,"reason":"Completed"})");
  EXPECT_EQ(
      json(record::StepChanged{.ended = true, .exit_code = -1, .termination_reason = "Skipped"}),
      R"({"n":7,"time":1234,"event":"step","task":"build","attempt":0,"step":"compile",)"
      R"("state":"Terminated","reason":"Skipped"})");
  EXPECT_EQ(json(record::StepPaused{.task = 1, .attempt = 1, .before = true}),
            R"({"n":7,"time":1234,"event":"paused","task":"report","attempt":1,"step":"send",)"
            R"("reason":"BeforeStep"})");
  EXPECT_EQ(json(record::StepPaused{.exit_code = 127, .message = "no such program"}),
            R"({"n":7,"time":1234,"event":"paused","task":"build","attempt":0,"step":"compile",)"
            R"("reason":"OnFailure","exitCode":127,"message":"no such program"})");
  EXPECT_EQ(json(record::FinallyBegan{}), R"({"n":7,"time":1234,"event":"finally"})");
  EXPECT_EQ(json(record::GroupStopping{.reason = "Cancelled", .message = "by \"me\"\n\xFF"}),
            R"({"n":7,"time":1234,"event":"stopping","reason":"Cancelled",)"
            "\"message\":\"by \\\"me\\\"\\n\xEF\xBF\xBD\"}");
}

TEST(RecordJson, EndCarriesTaskResultsOnlyOnRequest) {
  Plan plan = example();
  const Outcome outcome{
      .state = GroupState::failed,
      .reason = "Failed",
      .tasks = {{.state = TaskState::failed,
                 .reason = "StepFailed",
                 .attempts = 2,
                 .results = {{"list", Value::Array{"a"}}}},
                {.state = TaskState::skipped, .reason = "Results were missing"}},
      .group_results = {{"digest", "sha"}},
  };
  EXPECT_EQ(to_json(record::GroupEnded{outcome}, plan, 1, 2),
            R"({"n":1,"time":2,"event":"end","state":"Failed","reason":"Failed","tasks":{)"
            R"("build":{"state":"Failed","reason":"StepFailed","attempts":2},)"
            R"("report":{"state":"Skipped","reason":"Results were missing","attempts":0}},)"
            R"("results":{"digest":"sha"}})");
  plan.report_task_results = true;
  EXPECT_NE(to_json(record::GroupEnded{outcome}, plan, 1, 2).find(R"("results":{"list":["a"]})"),
            std::string::npos);
  const std::string line = to_json(record::GroupEnded{outcome, {{"huge", 5}}}, plan, 1, 2);
  EXPECT_NE(line.find(R"("results":{"digest":"sha"},"omitted":{"huge":5}})"), std::string::npos);
}

} // namespace
} // namespace taskgroup
