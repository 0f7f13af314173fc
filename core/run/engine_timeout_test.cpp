// SPDX-License-Identifier: Apache-2.0
// Time: of steps, tasks, the DAG, finally and the whole group. Every run begins at 1 s.
#include "core/run/engine_fixture.h"

namespace taskgroup {
namespace {

using namespace std::chrono_literals;

using TimeoutTest = EngineTest;

TEST_F(TimeoutTest, StepsTimeCountsFromItsStart) {
  given("a");
  steps("a", 2);
  task("a").steps[0].timeout = 5s;
  task("a").steps[0].on_error = PlanStep::OnError::carry_on; // does not cover a timeout
  begin();
  EXPECT_EQ(engine().next_deadline(), std::nullopt);
  now = 10s;
  started("a");
  EXPECT_EQ(engine().next_deadline(), 15s);
  EXPECT_EQ(at(14999ms), "");
  EXPECT_EQ(at(15s), "stop a/0");
  EXPECT_EQ(engine().next_deadline(), std::nullopt);
  EXPECT_EQ(at(60s), "");
  exit("a", 0);
  EXPECT_EQ(records(), "a/0 TimeoutExceeded 0; a/1 Skipped -1; a Failed; end");
  EXPECT_EQ(end_of("a"), "Failed: StepFailed");
  EXPECT_EQ(outcome().tasks[0].message,
            "\"step-s0\" exited because the step exceeded the specified timeout limit");
}

TEST_F(TimeoutTest, StepsTimeEndsWithIt) {
  given("a");
  steps("a", 2);
  task("a").steps[0].timeout = 5s;
  begin();
  started("a");
  exit_ok("a");
  EXPECT_EQ(engine().next_deadline(), std::nullopt);
  EXPECT_EQ(at(60s), "");
}

TEST_F(TimeoutTest, TasksTimeCountsFromWhenItsFirstStepMayStart) {
  given("a -> b");
  steps("b", 2);
  task("b").timeout = 5s;
  begin();
  EXPECT_EQ(engine().next_deadline(), std::nullopt);
  now = 10s;
  exit_ok("a");
  EXPECT_EQ(engine().next_deadline(), 15s);
  now = 14s;
  exit_ok("b");
  EXPECT_EQ(at(15s), "stop b/1");
  EXPECT_EQ(exit("b", 137), "release b/0; release b/1; finish");
  EXPECT_EQ(end_of("b"), "Failed: TaskRunTimeout");
  EXPECT_EQ(outcome().tasks[1].message, "the task failed to finish within 5000 ms");
  EXPECT_EQ(end(), "Failed: Failed");
}

TEST_F(TimeoutTest, ExitAtTheDeadlineIsTooLate) {
  given("a");
  task("a").timeout = 5s;
  begin();
  now = 6s;
  EXPECT_EQ(exit_ok("a"), "stop a; release a; finish");
  EXPECT_EQ(end_of("a"), "Failed: TaskRunTimeout");
}

TEST_F(TimeoutTest, TimeNeverGoesBack) {
  given("a -> b");
  task("b").timeout = 5s;
  now = 10s;
  begin();
  now = 3s;
  exit_ok("a");
  EXPECT_EQ(engine().next_deadline(), 15s);
  EXPECT_EQ(at(14s), "");
  EXPECT_EQ(at(15s), "stop b");
}

TEST_F(TimeoutTest, TasksTimeoutStopsTheDagAndFinallyRuns) {
  given("a -> b; c; d; finally f");
  plan.max_parallel = 2;
  plan.tasks_timeout = 10s;
  begin(); // a and c run, d is ready
  EXPECT_EQ(engine().next_deadline(), 11s);
  EXPECT_EQ(at(11s), "stop a; stop c; release d");
  EXPECT_EQ(records(), "stopping PipelineRunTimeout; d Skipped");
  EXPECT_EQ(exit("a", 143), "release a; release b");
  EXPECT_EQ(records(), "a/0 Cancelled 143; a Cancelled; b Skipped");
  EXPECT_EQ(exit("c", 143), "release c; start f");
  exit_ok("f");
  EXPECT_EQ(end_of("a"), "Cancelled: TaskRunCancelled");
  EXPECT_EQ(end_of("b"), "Skipped: PipelineRun was stopping");
  EXPECT_EQ(end_of("d"), "Skipped: PipelineRun Tasks timeout has been reached");
  EXPECT_EQ(end(), "Failed: PipelineRunTimeout");
  EXPECT_EQ(outcome().message, "Tasks Completed: 3 (Failed: 2, Cancelled 0), Skipped: 2");
}

TEST_F(TimeoutTest, TasksTimeoutSkipsWhatFollowsIgnoredTasks) {
  given("a -> b");
  task("a").on_error = PlanTask::OnError::carry_on;
  plan.tasks_timeout = 10s;
  begin();
  at(11s);
  exit("a", 143);
  EXPECT_EQ(end_of("b"), "Skipped: PipelineRun Tasks timeout has been reached");
}

TEST_F(TimeoutTest, TasksTimeoutMeansNothingOnceTheDagIsDone) {
  given("a; finally f");
  plan.tasks_timeout = 10s;
  begin();
  exit_ok("a");
  EXPECT_EQ(engine().next_deadline(), std::nullopt);
  EXPECT_EQ(at(20s), "");
  exit_ok("f");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
}

TEST_F(TimeoutTest, NoRetryAfterTheTasksTimeout) {
  given("a; b");
  plan.tasks_timeout = 10s;
  task("a").retries = 1;
  task("b").retries = 1;
  task("b").timeout = 9s;
  begin();
  exit("a", 1);
  EXPECT_EQ(at(10s), "stop b");
  EXPECT_EQ(at(11s), "release a"); // between its attempts
  EXPECT_EQ(exit("b", 143), "release b; finish");
  EXPECT_EQ(end_of("a"), "Cancelled: TaskRunCancelled");
  EXPECT_EQ(end_of("b"), "Failed: TaskRunTimeout");
}

TEST_F(TimeoutTest, WholeTimeoutStopsTheDagAndFinallyStillRuns) {
  given("a; b; finally f");
  plan.max_parallel = 1;
  plan.whole = 10s;
  plan.tasks_timeout = 20s;
  begin();
  EXPECT_EQ(at(11s), "stop a; release b");
  EXPECT_EQ(exit("a", 143), "release a; start f");
  EXPECT_EQ(engine().next_deadline(), 11s + 5min);
  exit_ok("f");
  EXPECT_EQ(end_of("b"), "Skipped: PipelineRun timeout has been reached");
  EXPECT_EQ(end(), "Failed: PipelineRunTimeout");
}

TEST_F(TimeoutTest, FinallyTimeoutCountsFromWhenFinallyBegan) {
  given("a; finally f g");
  plan.max_parallel = 1;
  plan.whole = 1s; // has no say once finally has a timeout
  plan.finally_timeout = 30s;
  now = 1s;
  begin();
  at(2s);
  now = 4s;
  EXPECT_EQ(exit("a", 143), "release a; start f");
  EXPECT_EQ(engine().next_deadline(), 34s);
  EXPECT_EQ(at(34s), "stop f; release g");
  EXPECT_EQ(records(), "stopping Failed; g Skipped");
  EXPECT_EQ(exit("f", 143), "release f; finish");
  EXPECT_EQ(end_of("f"), "Cancelled: TaskRunCancelled");
  EXPECT_EQ(end_of("g"), "Skipped: PipelineRun Finally timeout has been reached");
}

TEST_F(TimeoutTest, FinallyTimeoutAloneFailsTheRun) {
  given("a; finally f");
  plan.finally_timeout = 30s;
  begin();
  exit_ok("a");
  at(31s);
  exit("f", 143);
  EXPECT_EQ(end(), "Failed: Failed");
  EXPECT_EQ(outcome().message, "Tasks Completed: 2 (Failed: 1, Cancelled 0), Skipped: 0");
}

// Covers: 8.F3 9.5.F2
TEST_F(TimeoutTest, FinallyGetsTheRestOfTheWhole) {
  given("a; finally f g");
  plan.max_parallel = 1;
  plan.whole = 60min;
  begin();
  now = 10min;
  exit_ok("a");
  EXPECT_EQ(engine().next_deadline(), 1s + 60min);
  EXPECT_EQ(at(1s + 60min), "stop f; release g");
  EXPECT_EQ(records(), "stopping PipelineRunTimeout; g Skipped");
  exit("f", 143);
  EXPECT_EQ(end_of("g"), "Skipped: PipelineRun timeout has been reached");
  EXPECT_EQ(end(), "Failed: PipelineRunTimeout");
}

TEST_F(TimeoutTest, FinallyGetsFiveMinutesAtLeast) {
  given("a; finally f");
  plan.whole = 60min;
  begin();
  now = 59min;
  exit_ok("a");
  EXPECT_EQ(engine().next_deadline(), 64min);
}

TEST_F(TimeoutTest, FinallyIsNotRetriedAfterItsTimeout) {
  given("finally f");
  plan.finally_timeout = 10s;
  task("f").retries = 3;
  task("f").timeout = 9s;
  begin();
  EXPECT_EQ(at(10s), "stop f");
  EXPECT_EQ(at(11s), "");
  EXPECT_EQ(exit("f", 143), "release f; finish");
}

TEST_F(TimeoutTest, OneLateTickDoesAllThatIsDue) {
  given("a; b; finally f");
  plan.tasks_timeout = 30s;
  task("a").timeout = 5s;
  task("b").steps[0].timeout = 10s;
  begin();
  started("b");
  EXPECT_EQ(at(60s), "stop a; stop b");
  EXPECT_EQ(records(), "stopping PipelineRunTimeout");
  exit("a", 143);
  exit("b", 143);
  exit_ok("f");
  EXPECT_EQ(end_of("a"), "Failed: TaskRunTimeout");
  EXPECT_EQ(end_of("b"), "Failed: StepFailed");
}

TEST_F(TimeoutTest, AfterCancelTheDagHasNoMoreDeadline) {
  given("a");
  plan.whole = 10s;
  begin();
  cancel();
  EXPECT_EQ(engine().next_deadline(), std::nullopt);
  EXPECT_EQ(at(20s), "");
  exit("a", 143);
  EXPECT_EQ(end(), "Cancelled: Cancelled");
}

} // namespace
} // namespace taskgroup
