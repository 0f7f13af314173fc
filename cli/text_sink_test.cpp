// SPDX-License-Identifier: Apache-2.0
#include "cli/status_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace taskgroup {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TextSinkTest : public ::testing::Test {
protected:
  TextSinkTest() {
    plan.group = "ci";
    for (const char* name : {"build", "report"}) {
      PlanTask task;
      task.name = name;
      PlanStep step;
      step.name = "run";
      task.steps = {step};
      plan.tasks.push_back(task);
    }
    PlanStep second;
    second.name = "check";
    plan.tasks[0].steps.push_back(second);
    plan.tasks[1].is_finally = true;
  }

  static void send(StatusSink& sink, const std::string& event) {
    sink.event(nlohmann::json::parse(event), event);
  }

  Plan plan;
};

TEST_F(TextSinkTest, PrintsPlainLinesInALog) {
  ::testing::internal::CaptureStdout();
  {
    const auto sink = make_text_sink(plan, {});
    sink->notice("hello");
    send(*sink, R"({"event":"task","task":"build","state":"Running","time":1000})");
    sink->output(0, 0, false, "compiling");
    sink->output(0, 1, true, "10%\r20%\r30%\r");
    send(*sink, R"({"event":"task","task":"build","state":"Failed","reason":"StepFailed",)"
                R"("message":"step \"check\" exited with code 1","time":3500})");
    send(
        *sink,
        R"({"event":"task","task":"report","state":"Skipped","reason":"Results were missing","time":3500})");
    send(*sink, R"({"event":"end","state":"Failed","reason":"Failed","message":"m","tasks":{)"
                R"("build":{"state":"Failed","reason":"StepFailed","attempts":2},)"
                R"("report":{"state":"Skipped","reason":"Results were missing","attempts":0}},)"
                R"("results":{"list":["a","b"],"text":"x"}})");
  }
  const std::string shown = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(shown, HasSubstr("hello\n"
                               "build:run   │ compiling\n"
                               "build:check │ 30%\n"
                               "✘ build 2.5s StepFailed: step \"check\" exited with code 1\n"
                               "- report skipped: Results were missing\n"
                               "\n"
                               "TASK    STATE         TIME  REASON\n"
                               "build   Failed        2.5s  StepFailed (2 attempts)\n"
                               "report  Skipped          -  Results were missing (finally)\n"
                               "result list = [\"a\",\"b\"]\n"
                               "result text = x\n"
                               "ci: Failed in "));
  EXPECT_THAT(shown, Not(HasSubstr("\033")));
}

TEST_F(TextSinkTest, ShowsOnlyTheInstancesOfAMatrixThatThereAre) {
  plan.tasks[1] = plan.tasks[0];
  plan.tasks[1].name = "build-1";
  plan.matrices = {{.task = "build", .first = 0, .count = 2, .params = {{"p", {"x"}}}}};
  ::testing::internal::CaptureStdout();
  send(*make_text_sink(plan, {}),
       R"({"event":"end","state":"Succeeded","tasks":{"build":{"state":"Succeeded"}}})");
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), Not(HasSubstr("build-1")));
}

TEST_F(TextSinkTest, TakesTimesFromTheRunsOwnClock) {
  ::testing::internal::CaptureStdout();
  {
    const auto sink = make_text_sink(plan, {});
    send(*sink, R"({"event":"begin","time":1000})");
    send(*sink, R"({"event":"task","task":"build","state":"Running","time":1000})");
    // The record of the task's end is lost.
    send(*sink, R"({"event":"end","state":"Succeeded","reason":"Succeeded","time":64000,)"
                R"("tasks":{"build":{"state":"Succeeded","attempts":1}},"results":{}})");
  }
  const std::string shown = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(shown, HasSubstr("build   Succeeded        -  \n"));
  EXPECT_THAT(shown, HasSubstr("ci: Succeeded in 1m03s"));
}

TEST_F(TextSinkTest, KeepsAProgressLineOnATerminal) {
  ::testing::internal::CaptureStdout();
  {
    const auto sink = make_text_sink(plan, {.colour = false, .sticky = true, .width = 40});
    send(*sink, R"({"event":"task","task":"build","state":"Running","time":1000})");
    sink->output(0, 0, false, "compiling");
  }
  const std::string shown = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(shown,
              HasSubstr("\r\033[Kbuild:run   │ compiling\n\r\033[K0/2 done, 0s, running: build"));
  EXPECT_TRUE(shown.ends_with("\r\033[K")); // nothing of it is left at the end
}

TEST_F(TextSinkTest, ColoursOnlyWhereWanted) {
  ::testing::internal::CaptureStdout();
  {
    const auto sink = make_text_sink(plan, {.colour = true, .sticky = false, .width = 80});
    sink->output(0, 0, false, "compiling");
  }
  EXPECT_THAT(::testing::internal::GetCapturedStdout(),
              ::testing::MatchesRegex("\033.*build:run   │\033\\[0m compiling\n"));
}

TEST_F(TextSinkTest, TellsPeopleAndProgramsHowToGoOnFromABreakpoint) {
  const HeldStep held{.task = "build",
                      .step = "run",
                      .exit_code = 3,
                      .look = {"enter", "sh"},
                      .go_on = {"enter", "c"},
                      .fail = {"enter", "f"}};
  ::testing::internal::CaptureStdout();
  make_text_sink(plan, {})->held(held);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "‖ build:run is held by a breakpoint after its failure (exit code 3); its task's "
            "timeout goes on\n"
            "    to look around: enter sh\n"
            "    to let it pass: enter c\n"
            "    to fail it: enter f\n");
  ::testing::internal::CaptureStdout();
  make_json_sink(plan)->held(held);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            R"({"event":"held","task":"build","step":"run","look":["enter","sh"],)"
            R"("goOn":["enter","c"],"fail":["enter","f"]})"
            "\n");
}

TEST_F(TextSinkTest, JsonIsOneObjectALine) {
  ::testing::internal::CaptureStdout();
  const auto sink = make_json_sink(plan);
  send(*sink, R"({"n":1,"event":"begin"})");
  sink->output(0, 1, true, "not \xff UTF-8 \"\n");
  EXPECT_EQ(::testing::internal::GetCapturedStdout(),
            "{\"n\":1,\"event\":\"begin\"}\n"
            "{\"event\":\"output\",\"task\":\"build\",\"step\":\"check\",\"stream\":\"stderr\","
            "\"line\":\"not \xEF\xBF\xBD UTF-8 \\\"\\n\"}\n");
}

} // namespace
} // namespace taskgroup
