// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/run_table.h"
#include "cli/cluster/yaml_text.h"

#include <gtest/gtest.h>

namespace taskgroup::cluster {
namespace {

kube::WallTime at(int second) { return kube::WallTime(std::chrono::seconds(1'000'000 + second)); }

TaskView task(const std::string& name, const std::string& state) {
  TaskView task;
  task.name = name;
  task.state = state;
  return task;
}

RunView run() {
  RunView run;
  run.name = "release-1-build";
  run.namespace_name = "ci";
  run.pipeline_run = "release-1";
  run.pipeline_task = "build";
  run.state = "Failed";
  run.reason = "Failed";
  run.message = "Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 1";
  run.started = at(0);
  run.finished = at(75);
  run.attempts = {{"pod-1", "uid-1", "PodLost", "gone"}, {"pod-2", "uid-2", "", ""}};
  run.attempts_allowed = 2;
  run.results = {{"digest", "sha256:0"}};
  TaskView build = task("build", "Failed");
  build.reason = "Failed";
  build.message = "step \"make\" exited\nwith code 3";
  build.started = at(1);
  build.finished = at(4);
  build.steps = {{"make", "step-build-make", "Terminated", 3, "Error", "", at(1), at(4)},
                 {"check", "step-build-check", "Terminated", {}, "Skipped", "", {}, {}}};
  TaskView test = task("test", "Skipped");
  test.reason = "Parent Tasks were skipped";
  test.steps = {{"unnamed-0", "c", "", {}, "", "", {}, {}}};
  TaskView report = task("report", "Running");
  report.is_finally = true;
  report.attempts = 2;
  report.started = at(70);
  TaskView notify = task("notify", "Succeeded");
  notify.reason = "Succeeded";
  notify.message = "All Steps have completed executing";
  notify.started = notify.finished = at(5);
  run.tasks = {build, test, notify, report};
  return run;
}

TEST(RunTable, ShowsTasksWithTheirStepsAndWhatToTypeNext) {
  EXPECT_EQ(draw_run(run(), at(80), false),
            "release-1-build: Failed in 1m15s, attempt 2 of 2\n"
            "an embedded TaskGroup, task \"build\" of PipelineRun \"release-1\", in pod \"pod-2\"\n"
            "Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 1\n"
            "\n"
            "TASK     STATE      TIME  REASON\n"
            "build    Failed       3s  step \"make\" exited with code 3\n"
            "  make   Error        3s  exit code 3\n"
            "  check  Skipped       -\n"
            "test     Skipped       -  Parent Tasks were skipped\n"
            "notify   Succeeded    0s\n"
            "report   Running     10s  (2 attempts) (finally)\n"
            "result digest = sha256:0\n"
            "\n"
            "taskgroup logs release-1-build -n ci --task build\n");
}

TEST(RunTable, TellsHowToGoOnFromABreakpoint) {
  RunView held = run();
  held.state = "Running";
  held.tasks = {task("build", "Running")};
  StepView make{"make", "step-build-make", "Running", 3, "", "", at(1), {}};
  make.paused = "OnFailure";
  StepView check{"check", "step-build-check", "", {}, "", "", {}, {}};
  check.paused = "BeforeStep";
  held.tasks[0].steps = {make, check};
  const std::string drawn = draw_run(held, at(80), false);
  EXPECT_NE(drawn.find("  make   Held     1m19s  exit code 3\n"
                       "  check  Held         -  by a breakpoint before it runs\n"),
            std::string::npos)
      << drawn;
  EXPECT_NE(drawn.find("kubectl exec -n ci pod-2 -c step-build-make -- "
                       "/tekton/debug/scripts/debug-continue\n"),
            std::string::npos)
      << drawn;
  EXPECT_NE(drawn.find("kubectl exec -n ci pod-2 -c step-build-check -- "
                       "/tekton/debug/scripts/debug-beforestep-fail-continue\n"),
            std::string::npos)
      << drawn;
}

TEST(RunTable, SaysThatNobodyHasAnswered) {
  RunView fresh;
  fresh.name = "run";
  fresh.group = "hello";
  fresh.state = "Pending";
  fresh.attempts.resize(1);
  EXPECT_EQ(draw_run(fresh, at(0), false),
            "run: Pending\n"
            "TaskGroup \"hello\"\n"
            "No controller has taken it up yet. If this stays so, it does not run, or does not "
            "serve this namespace\n");
}

TEST(RunTable, OfAClockThatLagsBehindTimeIsNeverNegative) {
  RunView early = run();
  early.finished.reset();
  early.state = "Running";
  EXPECT_TRUE(
      draw_run(early, at(-5), false).starts_with("release-1-build: Running (Failed) for 0s"));
}

TEST(RunTable, PaintsStatesOnlyWhereWanted) {
  EXPECT_NE(draw_run(run(), at(80), true).find("\033[31mFailed\033[0m"), std::string::npos);
  EXPECT_EQ(draw_run(run(), at(80), false).find('\033'), std::string::npos);
}

TEST(RunTable, ListsRuns) {
  RunView fresh;
  fresh.name = "b";
  fresh.state = "Pending";
  fresh.attempts.resize(1);
  EXPECT_EQ(draw_list({run(), fresh}, at(135), false),
            "RUN              STATE     TIME  TASKS  STARTED    PIPELINERUN\n"
            "release-1-build  Failed   1m15s  3/4    2m15s ago  release-1\n"
            "b                Pending      -  -      -          -\n");
}

TEST(YamlText, QuotesWhatAReaderCouldTakeForSomethingElse) {
  EXPECT_EQ(yaml_text({{"plain", "taskgroup.dev/v1"},
                       {"yes", "no"},
                       {"number", "012"},
                       {"null", nullptr},
                       {"text", "a: b\n#"},
                       {"count", 3},
                       {"empty", nlohmann::ordered_json::array()},
                       {"list", {{{"a", "x"}, {"b", {"w", "z"}}}, "On"}}}),
            "plain: taskgroup.dev/v1\n"
            "\"yes\": \"no\"\n"
            "number: \"012\"\n"
            "\"null\": null\n"
            "text: \"a: b\\n#\"\n"
            "count: 3\n"
            "empty: []\n"
            "list:\n"
            "- a: x\n"
            "  b:\n"
            "  - w\n"
            "  - z\n"
            "- \"On\"\n");
}

} // namespace
} // namespace taskgroup::cluster
