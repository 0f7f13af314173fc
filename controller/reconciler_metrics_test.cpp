// SPDX-License-Identifier: Apache-2.0
#include "controller/fake_cluster.h"
#include "kube/json_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

// What a run leaves in the metrics (docs/metrics.md).
namespace taskgroup {
namespace {

constexpr const char* two_tasks = R"(
customSpec:
  apiVersion: taskgroup.dev/v1alpha1
  kind: TaskGroup
  spec:
    tasks:
    - name: build
      taskSpec:
        steps:
        - {name: compile, image: busybox, script: "echo", computeResources: {requests: {cpu: "1", memory: 64Mi}}}
        - {name: check, image: busybox, script: "echo", computeResources: {requests: {cpu: "1", memory: 64Mi}}}
    - name: test
      runAfter: [build]
      taskSpec:
        steps: [{name: unit, image: busybox, script: "echo", computeResources: {requests: {cpu: "2", memory: 64Mi}}}]
    finally:
    - name: tell
      taskSpec:
        steps: [{name: say, image: busybox, script: "echo"}]
)";

const std::string begin =
    R"({event: begin, version: 1, group: g, tasks: [build, test], finally: [tell]})";

class ReconcilerMetricsTest : public ::testing::Test {
protected:
  // Return the value of a series; -1: there is none.
  double value(const std::string& series) const {
    std::istringstream text(cluster.registry.text());
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with(series + " "))
        return std::stod(line.substr(series.size() + 1));
    }
    return -1;
  }

  // Start the pod of a run, which is created first.
  void run_pod(const std::string& spec = two_tasks) {
    cluster.create_run(spec);
    cluster.settle();
    cluster.start_pod();
    cluster.settle();
  }

  // Write lines of the journal so long after what came before.
  void write(std::int64_t millis, const std::vector<std::string>& lines) {
    cluster.set_now(cluster.now() + millis);
    cluster.write_journal(lines);
  }

  static std::string task(const std::string& name, const std::string& state,
                          const std::string& reason = "") {
    return "{event: task, task: " + name + ", attempt: 0, state: " + state
           + (reason.empty() ? "}" : ", reason: \"" + reason + "\"}");
  }

  static std::string step(const std::string& task, const std::string& name, bool ended) {
    return "{event: step, task: " + task + ", attempt: 0, step: " + name
           + (ended ? ", state: Terminated, exitCode: 0, reason: Completed}" : ", state: Running}");
  }

  FakeCluster cluster;
};

// Covers: 11.4.F2 17.F2
TEST_F(ReconcilerMetricsTest, ARunIsCountedOnceWithAllItsTimes) {
  cluster.create_run(two_tasks);
  cluster.settle();
  EXPECT_EQ(value("taskgroup_run_pod_creation_seconds_count"), 1);
  cluster.start_pod();
  write(3'000, {begin, task("build", "Running"), step("build", "compile", false)});
  cluster.settle();
  EXPECT_EQ(value("taskgroup_run_first_step_seconds_count"), 1);
  EXPECT_EQ(value("taskgroup_run_first_step_seconds_sum"), 3);
  write(5'000, {step("build", "compile", true)});
  write(2, {step("build", "check", false)});
  write(1'000, {step("build", "check", true), task("build", "Succeeded", "Succeeded")});
  write(4, {task("test", "Running"), step("test", "unit", false)});
  cluster.settle();
  write(2'000, {step("test", "unit", true), task("test", "Failed", "StepFailed")});
  write(6, {"{event: finally}", task("tell", "Running"), step("tell", "say", false)});
  write(1'000, {step("tell", "say", true), task("tell", "Succeeded", "Succeeded"),
                "{event: end, state: Failed, reason: Failed, message: no, results: {}, tasks: {"
                "build: {state: Succeeded, reason: Succeeded, attempts: 1}, "
                "test: {state: Failed, reason: StepFailed, attempts: 1}, "
                "tell: {state: Succeeded, reason: Succeeded, attempts: 1}}}"});
  EXPECT_EQ(value("taskgroup_runs_total{outcome=\"failed\",reason=\"Failed\"}"), 0);
  cluster.settle();
  cluster.end_pod();
  cluster.settle();
  cluster.pass(60'000);

  EXPECT_EQ(value("taskgroup_runs_total{outcome=\"failed\",reason=\"Failed\"}"), 1);
  EXPECT_EQ(value("taskgroup_run_duration_seconds_count{outcome=\"failed\"}"), 1);
  EXPECT_DOUBLE_EQ(value("taskgroup_run_duration_seconds_sum{outcome=\"failed\"}"), 12.012);
  EXPECT_EQ(value("taskgroup_tasks_total{outcome=\"succeeded\",reason=\"Succeeded\"}"), 2);
  EXPECT_EQ(value("taskgroup_tasks_total{outcome=\"failed\",reason=\"StepFailed\"}"), 1);
  EXPECT_DOUBLE_EQ(value("taskgroup_task_duration_seconds_sum{outcome=\"failed\"}"), 2);
  EXPECT_EQ(value("taskgroup_run_first_step_seconds_count"), 1);
  // Step to step 2 ms, task to task 4 ms, tasks to finally 6 ms.
  EXPECT_EQ(value("taskgroup_step_handover_seconds_count"), 3);
  EXPECT_DOUBLE_EQ(value("taskgroup_step_handover_seconds_sum"), 0.012);
}

TEST_F(ReconcilerMetricsTest, RequestsAreCountedAsWrittenAndAsAsked) {
  run_pod();
  EXPECT_DOUBLE_EQ(value("taskgroup_requests_sum_cpu_cores_total"), 4.01);
  EXPECT_DOUBLE_EQ(value("taskgroup_requests_peak_cpu_cores_total"), 2.01);
  // The coordinator asks for 32 Mi.
  EXPECT_EQ(value("taskgroup_requests_sum_memory_bytes_total"), (3 * 64 + 32) << 20U);
  EXPECT_NEAR(value("taskgroup_requests_peak_memory_bytes_total"), (64 + 32) << 20U, 3);
}

TEST_F(ReconcilerMetricsTest, SkippedTasksHaveNoDuration) {
  run_pod();
  write(0, {begin, task("build", "Skipped", "When Expressions evaluated to false"),
            task("test", "Skipped", "A reason of a later release"),
            task("tell", "Skipped", "Parent Tasks were skipped"),
            "{event: end, state: Succeeded, reason: Completed, message: ok, results: {}, tasks: {"
            "build: {state: Skipped, reason: When Expressions evaluated to false, attempts: 0}, "
            "test: {state: Skipped, reason: A reason of a later release, attempts: 0}, "
            "tell: {state: Skipped, reason: Parent Tasks were skipped, attempts: 0}}}"});
  cluster.settle();
  EXPECT_EQ(value("taskgroup_runs_total{outcome=\"succeeded\",reason=\"Succeeded\"}"), 1);
  EXPECT_EQ(value("taskgroup_tasks_total{outcome=\"skipped\",reason=\"Other\"}"), 1);
  EXPECT_EQ(
      value("taskgroup_tasks_total{outcome=\"skipped\",reason=\"Parent Tasks were skipped\"}"), 1);
  EXPECT_EQ(value("taskgroup_task_duration_seconds_count{outcome=\"skipped\"}"), -1);
  EXPECT_EQ(value("taskgroup_run_first_step_seconds_count"), 0);
  EXPECT_EQ(value("taskgroup_step_handover_seconds_count"), 0);
}

TEST_F(ReconcilerMetricsTest, ACancelIsNoFailure) {
  cluster.create_run(two_tasks);
  cluster.settle();
  cluster.cancel_run();
  cluster.settle();
  cluster.remove_pod(); // it had not begun: it was deleted
  cluster.settle();
  EXPECT_EQ(value("taskgroup_runs_total{outcome=\"cancelled\",reason=\"CustomRunCancelled\"}"), 1);
  EXPECT_EQ(value("taskgroup_run_duration_seconds_count{outcome=\"cancelled\"}"), 1);
}

TEST_F(ReconcilerMetricsTest, ARunThatNeverGotAPodIsCounted) {
  cluster.create_run("customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: no}");
  cluster.settle();
  EXPECT_EQ(value("taskgroup_runs_total{outcome=\"failed\",reason=\"CouldntGetTaskGroup\"}"), 1);
  EXPECT_EQ(value("taskgroup_run_pod_creation_seconds_count"), 0);
}

TEST_F(ReconcilerMetricsTest, EachAttemptCountsItsTasksAndOnlyTheFirstPodItsCreation) {
  run_pod(std::string(two_tasks) + "retries: 1");
  write(1'000, {begin, task("build", "Running"), step("build", "compile", false)});
  cluster.settle();
  write(1'000, {step("build", "compile", true), task("build", "Failed", "StepFailed"),
                "{event: end, state: Failed, reason: Failed, message: no, results: {}, tasks: {"
                "build: {state: Failed, reason: StepFailed, attempts: 1}, "
                "test: {state: Skipped, reason: PipelineRun was stopping, attempts: 0}, "
                "tell: {state: Succeeded, reason: Succeeded, attempts: 1}}}"});
  cluster.settle();
  EXPECT_EQ(value("taskgroup_tasks_total{outcome=\"failed\",reason=\"StepFailed\"}"), 1);
  EXPECT_EQ(value("taskgroup_runs_total{outcome=\"failed\",reason=\"Failed\"}"), 0);
  EXPECT_EQ(cluster.pods_created(), 2U);
  EXPECT_EQ(value("taskgroup_run_pod_creation_seconds_count"), 1);
  EXPECT_DOUBLE_EQ(value("taskgroup_requests_sum_cpu_cores_total"), 8.02);
}

TEST_F(ReconcilerMetricsTest, AReplacedPodIsCounted) {
  cluster.create_run(two_tasks);
  cluster.settle();
  cluster.set_phase("Failed", "UnexpectedAdmissionError");
  cluster.settle();
  EXPECT_EQ(cluster.pods_created(), 2U);
  EXPECT_EQ(value("taskgroup_pods_replaced_total"), 1);
  EXPECT_EQ(value("taskgroup_run_pod_creation_seconds_count"), 1);
}

// Another process has told of it, or is about to be told apart from one that was not there.
TEST_F(ReconcilerMetricsTest, AFirstStepFromBeforeThisProcessIsNotMeasuredAgain) {
  run_pod();
  write(1'000, {begin, task("build", "Running"), step("build", "compile", false)});
  cluster.settle();
  cluster.set_now(cluster.now() + 60'000);
  cluster.restart();
  cluster.settle();
  EXPECT_EQ(value("taskgroup_run_first_step_seconds_count"), 1);
}

TEST_F(ReconcilerMetricsTest, ALogThatCannotBeReadIsCounted) {
  run_pod();
  cluster.remove_pod();
  cluster.settle();
  EXPECT_EQ(value("taskgroup_runs_total{outcome=\"failed\",reason=\"PodLost\"}"), 1);
  EXPECT_EQ(value("taskgroup_journal_errors_total{reason=\"unreadable\"}"), 0)
      << "there was no pod to be asked";
}

TEST_F(ReconcilerMetricsTest, NoSeriesNamesARun) {
  run_pod();
  cluster.write_success();
  cluster.end_pod();
  cluster.settle();
  const std::string text = cluster.registry.text();
  for (const char* name : {"\"run\"", "run-", "\"default\"", "\"build\""})
    EXPECT_THAT(text, testing::Not(testing::HasSubstr(name)));
}

} // namespace
} // namespace taskgroup
