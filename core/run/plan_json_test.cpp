// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/plan.h>

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using namespace std::chrono_literals;

Text late(const std::string& before, const std::string& reference) {
  Text text(before);
  text.append(Reference::parse(reference).value());
  return text;
}

// A plan in which no field holds its default.
Plan full_plan() {
  Plan plan{.group = "g", .nonce = "5f2c"};
  plan.volumes = {
      {.name = "v", .kind = PlanVolume::Kind::bound, .source = "/src", .read_only = true},
      {.name = "w", .memory = true, .size_limit = "1Gi"},
  };
  PlanStep step{.name = "s", .container = "step-a-s"};
  step.command = {"sh"};
  step.args = {late("x=", "tasks.a.results.r[1]"), "$(HOME)"};
  step.script = late("#!/bin/sh\necho ", "tasks.a.results.o.k");
  step.env = {{.name = "E", .value = late("", "context.task.retry-count")},
              {.name = "K", .value_from = R"({"secretKeyRef":{}})"}};
  step.working_dir = "sub";
  step.on_error = PlanStep::OnError::carry_on;
  step.timeout = 1500ms;
  step.late_on_error = late("", "tasks.a.results.o.k");
  step.late_timeout = late("", "tasks.a.results.o.k");
  step.image = "alpine";
  step.mounts = {{.volume = "v", .path = "/w", .sub_path = "p", .read_only = true}};
  step.container_fields = R"({"resources":{}})";
  step.when = {{.input = Text(Reference::parse("steps.s.results.r").value()),
                .negated = true,
                .values = {"x"}}};
  step.results = {{.name = "o", .type = ValueType::object, .keys = {"k"}}};
  step.stdout_path = "/out";
  step.stderr_path = "/err";
  step.pause_before = true;
  step.pause_on_failure = true;
  PlanTask first{.name = "a", .steps = {{.name = "only", .container = "step-first"}}};
  first.results = {{.name = "r", .type = ValueType::array},
                   {.name = "o",
                    .type = ValueType::object,
                    .keys = {"k"},
                    .value = Reference::parse("steps.only.results.o").value()}};
  PlanTask second{.name = "b", .after = {0}};
  second.when = {{.input = late("", "tasks.a.results.r[0]"),
                  .negated = true,
                  .values = {"x", late("", "tasks.a.results.r[*]")}}};
  second.needs = {Reference::parse("tasks.a.results.r[0]").value()};
  second.late_timeout = late("", "tasks.a.results.o.k");
  second.late_on_error = late("", "tasks.a.results.r[0]");
  second.checks = {{.param = "p", .value = late("", "tasks.a.results.o.k"), .allowed = {"1"}}};
  second.ordered_after = {0};
  second.retries = 3;
  second.timeout = 60'000ms;
  second.on_error = PlanTask::OnError::carry_on;
  second.steps = {step};
  PlanSidecar& sidecar = second.sidecars.emplace_back();
  sidecar.name = "db";
  sidecar.container = "sidecar-b-db";
  sidecar.script = "#!/bin/sh\n";
  sidecar.care.startup = {{.kind = PlanHandler::Kind::tcp_socket, .host = "::1", .port = 5432}};
  sidecar.care.readiness = {
      {.kind = PlanHandler::Kind::http_get, .port = 80, .path = "/ready", .headers = {"A: b"}},
      1s,
      2s,
      3s,
      4,
      5};
  sidecar.care.liveness = {{.command = {"true"}}};
  sidecar.care.post_start = {.command = {"date"}};
  sidecar.care.pre_stop = {.kind = PlanHandler::Kind::sleep, .duration = 2s};
  sidecar.care.grace = 5s;
  sidecar.ports = {5432};
  sidecar.from_start = true;
  second.emptied = {"/tekton/home"};
  PlanTask last{.name = "f", .is_finally = true, .steps = {{.name = "only", .container = "c"}}};
  plan.tasks = {first, second, last};
  plan.results = {{.name = "all",
                   .type = ValueType::object,
                   .keys = {"k"},
                   .values = {late("v", "tasks.a.results.o.k")}}};
  plan.whole = 3'600'000ms;
  plan.tasks_timeout = 1000ms;
  plan.finally_timeout = 500ms;
  plan.max_parallel = 4;
  plan.fail_fast = true;
  plan.launch_on_demand = true;
  plan.report_task_results = true;
  plan.pod_template = R"({"nodeSelector":{}})";
  return plan;
}

TEST(PlanJson, CareOfASidecarTravelsAlone) {
  const std::string json = to_json(full_plan().tasks[1].sidecars[0].care);
  const auto care = care_from_json(json);
  ASSERT_TRUE(care) << care.error();
  EXPECT_EQ(to_json(*care), json);
  EXPECT_EQ(care->readiness->handler.headers, std::vector<std::string>{"A: b"});
  EXPECT_EQ(care->readiness->failure_threshold, 5);
  EXPECT_EQ(care->pre_stop->duration, 2s);
  EXPECT_FALSE(care_from_json("{").has_value());
  EXPECT_FALSE(care_from_json(R"({"postStart":{"kind":"grpc"}})").has_value());
}

TEST(PlanJson, RoundTrips) {
  const std::string json = to_json(full_plan());
  const auto plan = plan_from_json(json);
  ASSERT_TRUE(plan) << plan.error();
  EXPECT_EQ(to_json(*plan), json);

  const PlanTask& task = plan->tasks[1];
  EXPECT_EQ(task.after, std::vector<std::size_t>{0});
  EXPECT_TRUE(task.when[0].negated);
  EXPECT_EQ(task.when[0].values[1], late("", "tasks.a.results.r[*]"));
  EXPECT_EQ(task.needs[0].name(), "tasks.a.results.r[0]");
  EXPECT_EQ(task.retries, 3);
  EXPECT_EQ(task.timeout, 60'000ms);
  EXPECT_EQ(task.on_error, PlanTask::OnError::carry_on);
  EXPECT_EQ(task.steps[0].args[0], late("x=", "tasks.a.results.r[1]"));
  EXPECT_EQ(task.steps[0].script, late("#!/bin/sh\necho ", "tasks.a.results.o.k"));
  EXPECT_EQ(task.steps[0].on_error, PlanStep::OnError::carry_on);
  EXPECT_EQ(task.steps[0].mounts[0].sub_path, "p");
  EXPECT_EQ(task.steps[0].when[0].input.sole_reference()->name(), "steps.s.results.r");
  EXPECT_EQ(task.steps[0].results[0].keys, std::vector<std::string>{"k"});
  EXPECT_EQ(task.steps[0].stderr_path, "/err");
  EXPECT_TRUE(task.steps[0].pause_before);
  EXPECT_TRUE(task.steps[0].pause_on_failure);
  EXPECT_EQ(plan->tasks[0].results[1].value->task, "only");
  EXPECT_EQ(plan->volumes[0].kind, PlanVolume::Kind::bound);
  EXPECT_TRUE(plan->tasks[2].is_finally);
  EXPECT_EQ(plan->finally_timeout, 500ms);
  EXPECT_EQ(plan->max_parallel, 4);
  EXPECT_EQ(plan->results[0].keys, std::vector<std::string>{"k"});
  EXPECT_EQ(task.steps[0].env[1].value_from, R"({"secretKeyRef":{}})");
  EXPECT_EQ(task.steps[0].container_fields, R"({"resources":{}})");
  EXPECT_EQ(plan->pod_template, R"({"nodeSelector":{}})");
}

TEST(PlanJson, RunPartsLeaveOutWhatContainersHave) {
  const std::string json = to_json(full_plan(), PlanParts::run);
  for (const char* field :
       {"image", "args", "command", "env", "mounts", "volumes", "containerFields", "podTemplate"}) {
    EXPECT_EQ(json.find('"' + std::string(field) + '"'), std::string::npos) << field;
  }
  const auto plan = plan_from_json(json);
  ASSERT_TRUE(plan) << plan.error();
  EXPECT_EQ(plan->tasks[1].steps[0].script, full_plan().tasks[1].steps[0].script);
  EXPECT_EQ(plan->tasks[1].emptied, full_plan().tasks[1].emptied);
}

// Returns the error of a plan whose single task is `task`.
std::string error_of_task(const std::string& task) {
  const auto plan =
      plan_from_json(R"({"version":1,"group":"g","nonce":"1","tasks":[)" + task + "]}");
  return plan ? "no error" : plan.error();
}

TEST(PlanJson, ErrorsNameTheField) {
  const std::string steps = R"("steps":[{"name":"s","container":"c"}])";
  EXPECT_EQ(error_of_task(R"({"name":"a",)" + steps + "}"), "no error");
  EXPECT_EQ(error_of_task(R"({"name":"a"})"), "plan.tasks[0].steps: must not be empty");
  EXPECT_EQ(error_of_task(R"({"name":7,)" + steps + "}"), "plan.tasks[0].name: must be a string");
  EXPECT_EQ(error_of_task(R"({"name":"a","after":[0],)" + steps + "}"),
            "plan.tasks[0].after: 0 is not the index of an earlier task");
  EXPECT_EQ(error_of_task(R"({"name":"a","retries":-1,)" + steps + "}"),
            "plan.tasks[0].retries: must be an integer from 0 to 2147483647");
  EXPECT_EQ(error_of_task(R"({"name":"a","timeout":99999999999999,)" + steps + "}"),
            "plan.tasks[0].timeout: must be an integer from 0 to 9500000000000");
  EXPECT_EQ(error_of_task(R"({"name":"a","retry":1,)" + steps + "}"),
            "plan.tasks[0].retry: is not a field of plans of version 1");
  EXPECT_EQ(error_of_task(R"({"name":"a","needs":["params.x"],)" + steps + "}"),
            "plan.tasks[0].needs[0]: \"params.x\" is not a variable");
  EXPECT_EQ(error_of_task(R"({"name":"a","when":[{"operator":"is"}],)" + steps + "}"),
            "plan.tasks[0].when[0].operator: must be in or notin");
  EXPECT_EQ(error_of_task(R"({"name":"a",)" + steps + R"(},{"name":"a",)" + steps + "}"),
            "plan.tasks[1].name: \"a\" is empty or another task's name");
  EXPECT_EQ(error_of_task(R"({"name":"a","finally":true,)" + steps
                          + R"(},{"name":"b","steps":[{"name":"s","container":"d"}]})"),
            "plan.tasks[1]: comes after a finally task");
}

TEST(PlanJson, RefusesOtherVersionsFirst) {
  const auto plan = plan_from_json(R"({"version":2,"news":[]})");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error(), "plan.version: is 2, this program reads 1");
  EXPECT_FALSE(plan_from_json("{}"));
}

TEST(PlanJson, RefusesJunk) {
  for (const std::string& text : {std::string(), std::string("null"), std::string("[]"),
                                  std::string("\xFF"), std::string(100'000, '[')}) {
    EXPECT_FALSE(plan_from_json(text));
  }
}

} // namespace
} // namespace taskgroup
