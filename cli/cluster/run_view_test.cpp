// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/plan.h>

#include "cli/cluster/pod_shape.h"
#include "cli/cluster/run_view.h"
#include "controller/custom_run.h"
#include "controller/pod_outline.h"
#include "controller/reasons.h"
#include "controller/run_status.h"

#include <gtest/gtest.h>

namespace taskgroup::cluster {
namespace {

using nlohmann::json;

json custom_run() {
  return {
      {"apiVersion", "tekton.dev/v1beta1"},
      {"kind", "CustomRun"},
      {"metadata", {{"name", "run"}, {"namespace", "ci"}, {"uid", "u"}, {"resourceVersion", "1"}}},
      {"spec",
       {{"retries", 2},
        {"customRef",
         {{"apiVersion", "taskgroup.dev/v1alpha1"}, {"kind", "TaskGroup"}, {"name", "g"}}}}}};
}

std::string state_with(const std::string& succeeded, const std::string& reason,
                       const std::string& asked = {}) {
  json run = custom_run();
  if (!asked.empty())
    run["spec"]["status"] = asked;
  run["status"]["conditions"] =
      json::array({{{"type", "Succeeded"}, {"status", succeeded}, {"reason", reason}}});
  return run_view_of(run)->state;
}

TEST(RunView, StateIsOneWord) {
  EXPECT_EQ(run_view_of(custom_run())->state, "Pending");
  EXPECT_EQ(state_with("Unknown", "Started"), "Pending");
  EXPECT_EQ(state_with("Unknown", "ExceededResourceQuota"), "Pending");
  EXPECT_EQ(state_with("Unknown", "Running"), "Running");
  EXPECT_EQ(state_with("Unknown", "Running", "RunCancelled"), "Cancelling");
  EXPECT_EQ(state_with("Unknown", "Running", "Paused"), "Running");
  EXPECT_EQ(state_with("True", "Completed"), "Succeeded");
  EXPECT_EQ(state_with("True", "Succeeded", "RunCancelled"), "Succeeded");
  EXPECT_EQ(state_with("False", "Failed"), "Failed");
  EXPECT_EQ(state_with("False", "CustomRunTimedOut"), "Failed");
  EXPECT_EQ(state_with("False", "CustomRunCancelled"), "Cancelled");
}

TEST(RunView, OtherKindsAreNotOurs) {
  json run = custom_run();
  run["spec"]["customRef"]["apiVersion"] = "wait.example.dev/v1";
  EXPECT_FALSE(run_view_of(run));
  EXPECT_EQ(asked_kind_of(run), "TaskGroup (wait.example.dev/v1)");
  run["spec"]["customRef"] = {{"apiVersion", "taskgroup.dev/v1alpha1"}, {"kind", "Other"}};
  EXPECT_FALSE(run_view_of(run));
}

TEST(RunView, WhatIsMissingOrOfAnotherTypeIsEmpty) {
  json run = custom_run();
  run["status"] = {{"extraFields", nullptr}, {"conditions", "none"}, {"results", 3}};
  const auto view = run_view_of(run);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->state, "Pending");
  EXPECT_EQ(view->attempts.size(), 1U);
  EXPECT_TRUE(view->attempt().pod.empty());
  EXPECT_FALSE(run_view_of(json("text")));
}

// The controller's own words, so that the two cannot drift apart.
TEST(RunView, ReadsWhatTheControllerWrites) {
  Plan plan;
  plan.results.emplace_back().name = "r";
  PlanTask task;
  task.name = "build";
  task.steps.resize(1);
  task.steps[0].name = "make";
  task.steps[0].container = "step-build-make";
  plan.tasks.push_back(task);
  plan.tasks.push_back(task);
  plan.tasks[1].name = "report";
  plan.tasks[1].is_finally = true;

  json pod = {{"metadata", {{"annotations", {{"taskgroup.dev/outline", outline_text(plan)}}}}}};
  const auto shape = shape_of(pod, "run");
  ASSERT_TRUE(shape) << shape.error().message;
  ASSERT_EQ(shape->tasks.size(), 2U);
  EXPECT_EQ(shape->group, "run");
  EXPECT_EQ(shape->tasks[0].steps.at(0).container, "step-build-make");
  EXPECT_FALSE(shape->tasks[0].is_finally);
  EXPECT_TRUE(shape->tasks[1].is_finally);

  Progress progress;
  TaskProgress build;
  build.name = "build";
  build.state = "Failed";
  build.reason = "StepFailed";
  build.message = "step \"make\" exited with code 3";
  build.attempts = 2;
  build.started = 1'000;
  build.finished = 4'000;
  build.steps.push_back({"make", "Terminated", 3, "Error", "", 2'000, 4'000});
  progress.tasks.push_back(build);

  const auto decoded = [](const json& object) { return custom_run_of(object).value(); };
  json object = custom_run();
  object["status"] = running_status(decoded(object), "pod-1", "uid-1", 1'000);
  EXPECT_EQ(run_view_of(object)->state, "Running");
  EXPECT_EQ(run_view_of(object)->attempt().pod, "pod-1");
  EXPECT_EQ(run_view_of(object)->attempt().pod_uid, "uid-1");

  const json tasks = tasks_of(progress, outline_of(pod).value(), nullptr);
  object["status"] = retry_status(decoded(object), {false, "Failed", "no", true}, {}, tasks, 5'000);
  EXPECT_EQ(run_view_of(object)->state, "Pending");
  EXPECT_EQ(run_view_of(object)->attempts.at(0).pod, "pod-1");
  EXPECT_EQ(run_view_of(object)->attempts.at(0).reason, "Failed");

  object["status"] = running_status(decoded(object), "pod-2", "uid-2", 6'000);
  object["status"] = final_status(decoded(object), {false, "Failed", "1 failed", true},
                                  {{"r", Value(std::string("text"))}}, tasks, 9'000);
  const auto view = run_view_of(object);
  EXPECT_EQ(view->state, "Failed");
  EXPECT_EQ(view->group, "g");
  EXPECT_EQ(view->attempts.size(), 2U);
  EXPECT_EQ(view->attempts_allowed, 3);
  EXPECT_EQ(view->attempt().pod, "pod-2");
  EXPECT_EQ(*view->finished - *view->started, std::chrono::seconds(4));
  EXPECT_EQ(view->results.at(0), std::pair(std::string("r"), std::string("text")));
  ASSERT_EQ(view->tasks.size(), 2U);
  EXPECT_EQ(view->tasks[0].state, "Failed");
  EXPECT_EQ(view->tasks[0].attempts, 2);
  EXPECT_EQ(*view->tasks[0].finished - *view->tasks[0].started, std::chrono::seconds(3));
  ASSERT_EQ(view->tasks[0].steps.size(), 1U);
  EXPECT_EQ(view->tasks[0].steps[0].exit_code, 3);
  EXPECT_EQ(view->tasks[0].steps[0].container, "step-build-make");
  EXPECT_EQ(view->tasks[1].state, "Pending");
  EXPECT_TRUE(view->tasks[1].is_finally);

  EXPECT_EQ(document_of(*view).dump(),
            R"({"name":"run","namespace":"ci","taskGroup":"g","state":"Failed","reason":"Failed",)"
            R"("message":"1 failed","attempt":2,"attempts":3,"pod":"pod-2",)"
            R"("startTime":"1970-01-01T00:00:05Z","completionTime":"1970-01-01T00:00:09Z",)"
            R"("tasks":)"
                + tasks.dump() + R"(,"results":{"r":"text"}})");
}

TEST(PodShape, OnlyTheTasksThatWereAskedFor) {
  Plan shape;
  shape.group = "run";
  for (const char* name : {"build", "test"})
    shape.tasks.emplace_back().name = name;
  EXPECT_EQ(only_tasks(shape, {})->tasks.size(), 2U);
  EXPECT_EQ(only_tasks(shape, {"test"})->tasks.at(0).name, "test");
  EXPECT_EQ(only_tasks(shape, {"tets"}).error().message,
            "error: --task: \"run\" has no task \"tets\" (did you mean \"test\"?); it has build, "
            "test");
  EXPECT_EQ(shape_of(json::object(), "run").error().code, ExitCode::failed);
}

} // namespace
} // namespace taskgroup::cluster
