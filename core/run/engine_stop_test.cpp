// SPDX-License-Identifier: Apache-2.0
// What stops a run from outside or from within: cancel, failFast, lost containers.
#include "core/run/engine_fixture.h"

namespace taskgroup {
namespace {

using StopTest = EngineTest;

// Covers: 2.3.F2
TEST_F(StopTest, CancelStopsTheDagAndFinallyRuns) {
  given("a -> b; c; finally f");
  plan.whole = Millis(60'000);
  plan.max_parallel = 1;
  begin();
  EXPECT_EQ(cancel(), "stop a; release b; release c");
  EXPECT_EQ(records(), "stopping Cancelled; b Skipped; c Skipped");
  EXPECT_EQ(cancel(), "");
  EXPECT_EQ(records(), "");
  EXPECT_EQ(exit("a", 143), "release a; start f");
  EXPECT_EQ(records(), "a/0 Cancelled 143; a Cancelled; finally; f Running");
  EXPECT_EQ(exit_ok("f"), "release f; finish");
  EXPECT_EQ(end_of("a"), "Cancelled: TaskRunCancelled");
  EXPECT_EQ(end_of("b"), "Skipped: PipelineRun was gracefully cancelled");
  EXPECT_EQ(end(), "Cancelled: Cancelled");
  EXPECT_EQ(outcome().message, "Tasks Completed: 2 (Failed: 0, Cancelled 1), Skipped: 2");
}

TEST_F(StopTest, CancelledBeforeItBegan) {
  given("a; finally f");
  Engine early(plan);
  EXPECT_TRUE(early.handle(event::Cancel{"m"}, Millis(1)).empty());
  const std::vector<Action> actions = early.handle(event::Begin{}, Millis(2));
  const auto* start = std::get_if<action::StartStep>(&actions.back());
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(start->id, (StepId{1, 0})); // only finally
}

TEST_F(StopTest, StepThatEndsByItselfAfterCancelIsCancelledAllTheSame) {
  given("a");
  begin();
  cancel();
  exit_ok("a");
  EXPECT_EQ(end_of("a"), "Cancelled: TaskRunCancelled");
}

TEST_F(StopTest, FinallyGoesOnThroughCancel) {
  given("a; finally f g");
  plan.max_parallel = 1;
  begin();
  exit_ok("a");
  EXPECT_EQ(cancel(), "");
  EXPECT_EQ(exit_ok("f"), "release f; start g");
  exit_ok("g");
  EXPECT_EQ(end(), "Cancelled: Cancelled");
}

TEST_F(StopTest, CancelOutweighsFailureAndTimeout) {
  given("a; b");
  plan.tasks_timeout = Millis(1000);
  begin();
  exit("a", 1);
  at(Millis(2000));
  cancel();
  exit("b", 143);
  EXPECT_EQ(end(), "Cancelled: Cancelled");
}

TEST_F(StopTest, CancelledTasksKeepTheirResults) {
  given("a; finally f");
  declare("a", {"r"});
  need("f", {"tasks.a.results.r", "tasks.a.status", "tasks.a.reason"});
  begin();
  cancel();
  EXPECT_EQ(exit("a", 143, {{"r", "kept"}}), "release a; start f");
  EXPECT_EQ(last_start("f").values.at("tasks.a.results.r"), Value("kept"));
  EXPECT_EQ(last_start("f").values.at("tasks.a.status"), Value("Failed"));
  EXPECT_EQ(last_start("f").values.at("tasks.a.reason"), Value("TaskRunCancelled"));
}

TEST_F(StopTest, CancelWithoutFinallySkipsIt) {
  given("a -> b; finally f");
  begin();
  EXPECT_EQ(cancel(false), "stop a; release b; release f");
  EXPECT_EQ(records(), "stopping Cancelled; b Skipped; f Skipped");
  EXPECT_EQ(exit("a", 143), "release a; finish");
  EXPECT_EQ(end_of("f"), "Skipped: PipelineRun was stopping");
  EXPECT_EQ(end(), "Cancelled: Cancelled");
}

TEST_F(StopTest, CancelWithoutFinallyStopsOneThatRuns) {
  given("a; finally f g");
  plan.max_parallel = 1;
  task("f").retries = 2;
  begin();
  exit_ok("a");
  EXPECT_EQ(cancel(false), "stop f; release g");
  EXPECT_EQ(exit("f", 143), "release f; finish");
  EXPECT_EQ(end_of("f"), "Cancelled: TaskRunCancelled");
  EXPECT_EQ(end(), "Cancelled: Cancelled");
}

TEST_F(StopTest, CancelWithoutFinallyMayFollowOneWithIt) {
  given("a; finally f");
  begin();
  EXPECT_EQ(cancel(), "stop a");
  EXPECT_EQ(cancel(false), "release f");
  EXPECT_EQ(records(), "stopping Cancelled; f Skipped");
  EXPECT_EQ(cancel(), "");
  EXPECT_EQ(cancel(false), "");
  EXPECT_EQ(exit("a", 143), "release a; finish");
}

TEST_F(StopTest, OfTwoEarlyCancelsTheOneWithoutFinallyCounts) {
  given("a; finally f");
  Engine early(plan);
  early.handle(event::Cancel{"first", false}, Millis(1));
  early.handle(event::Cancel{"second", true}, Millis(1));
  early.handle(event::Begin{}, Millis(2));
  EXPECT_TRUE(early.finished());
}

// Covers: 9.4.F1
TEST_F(StopTest, FailureLeavesRunningTasksAlone) {
  given("a; b -> c");
  begin();
  EXPECT_EQ(exit("a", 1), "release a; release c");
  EXPECT_EQ(exit_ok("b"), "release b; finish");
}

TEST_F(StopTest, FailFastStopsTheSiblings) {
  given("a; b; c; finally f");
  plan.fail_fast = true;
  begin();
  EXPECT_EQ(exit("a", 1), "release a; stop b; stop c");
  EXPECT_EQ(exit("b", 143), "release b");
  EXPECT_EQ(exit("c", 143), "release c; start f");
  exit_ok("f");
  EXPECT_EQ(end_of("b"), "Cancelled: TaskRunCancelled");
  EXPECT_EQ(end(), "Failed: Failed");
  EXPECT_EQ(outcome().message, "Tasks Completed: 4 (Failed: 1, Cancelled 2), Skipped: 0");
}

TEST_F(StopTest, FailFastWaitsForTheLastAttempt) {
  given("a; b");
  plan.fail_fast = true;
  task("a").retries = 1;
  begin();
  EXPECT_EQ(exit("a", 1), "reset a#1");
  reset("a");
  EXPECT_EQ(exit("a", 1), "release a; stop b");
}

TEST_F(StopTest, FailFastLetsIgnoredFailuresPass) {
  given("a; b");
  plan.fail_fast = true;
  task("a").on_error = PlanTask::OnError::carry_on;
  begin();
  EXPECT_EQ(exit("a", 1), "release a");
}

TEST_F(StopTest, LostContainerEndsItsTaskAtOnce) {
  given("a -> b; finally f");
  steps("a", 2);
  begin();
  started("a");
  EXPECT_EQ(lose("a", 0), "release a/1; release b; start f"); // never the lost one
  EXPECT_EQ(records(),
            "a/0 ImagePullBackOff -1; a/1 Skipped -1; a Failed; b Skipped; finally; f Running");
  EXPECT_EQ(exit_ok("a"), "");
  exit_ok("f");
  EXPECT_EQ(end_of("a"), "Failed: ImagePullBackOff");
  EXPECT_EQ(outcome().tasks[0].message, "no such image");
  EXPECT_EQ(outcome().tasks[0].attempts, 1);
  EXPECT_EQ(end(), "Failed: Failed");
}

TEST_F(StopTest, LostContainerOfAnotherStepStopsTheRunningOne) {
  given("a; b");
  steps("a", 3);
  begin();
  exit_ok("a");
  EXPECT_EQ(lose("a", 2), "stop a/1; release a/0; release a/1");
  EXPECT_EQ(records(), "a/1 Cancelled -1; a/2 Skipped -1; a Failed");
}

// Covers: 4.1.F3 4.1.F4
TEST_F(StopTest, StepOutOfMemoryFailsItsTaskWhateverItsOnError) {
  given("a; b");
  steps("a", 2);
  for (const char* const name : {"a", "b"}) {
    task(name).steps[0].on_error = PlanStep::OnError::carry_on;
  }
  task("b").on_error = PlanTask::OnError::carry_on;
  begin();
  EXPECT_EQ(send(event::StepExited{.id = {0, 0}, .exit_code = 137, .out_of_memory = true}),
            "release a/0; release a/1");
  EXPECT_EQ(records(), "a/0 OOMKilled 137; a/1 Skipped -1; a Failed");
  send(event::StepExited{.id = {1, 0}, .exit_code = 2, .out_of_memory = true});
  EXPECT_EQ(end_of("a"), "Failed: StepOOM");
  EXPECT_EQ(outcome().tasks[0].message, "\"step-s0\" exited with code 137: OOMKilled");
  EXPECT_EQ(end_of("b"), "Failed: FailureIgnored");
}

TEST_F(StopTest, StepThatEndsWellNeedNotMindItsMemory) {
  given("a");
  begin();
  send(event::StepExited{.id = {0, 0}, .exit_code = 0, .out_of_memory = true});
  EXPECT_EQ(end_of("a"), "Succeeded: Succeeded");
}

TEST_F(StopTest, StepIsStoppedOnce) {
  given("a; finally f");
  steps("a", 2);
  begin();
  cancel();
  EXPECT_EQ(lose("a", 1), "release a/0; start f");
}

TEST_F(StopTest, LossBeforeItsTaskBeganCountsWhenItWouldStart) {
  given("a -> b; a -> c; finally f");
  steps("b", 2);
  begin();
  EXPECT_EQ(lose("b", 1), "");
  EXPECT_EQ(lose("b", 1), "");
  EXPECT_EQ(exit_ok("a"), "release a; release b/0; release c; start f");
  exit_ok("f");
  EXPECT_EQ(end_of("b"), "Failed: ImagePullBackOff");
  EXPECT_EQ(outcome().tasks[1].attempts, 0);
  EXPECT_EQ(end_of("c"), "Skipped: PipelineRun was stopping");
}

TEST_F(StopTest, LossOfASkippedTaskMeansNothing) {
  given("a -> b");
  task("b").when = {{.input = "x", .values = {"y"}}};
  begin();
  lose("b");
  EXPECT_EQ(exit_ok("a"), "release a; finish");
  EXPECT_EQ(end_of("b"), "Skipped: When Expressions evaluated to false");
  EXPECT_EQ(end(), "Succeeded: Completed");
}

TEST_F(StopTest, LossBeforeTheRunBeganIsRemembered) {
  given("a");
  Engine early(plan);
  EXPECT_TRUE(early.handle(event::ContainerLost{{0, 0}, "R", "m"}, Millis(1)).empty());
  const std::vector<Action> actions = early.handle(event::Begin{}, Millis(2));
  const auto* finish = std::get_if<action::Finish>(&actions.back());
  ASSERT_NE(finish, nullptr);
  EXPECT_EQ(finish->outcome.tasks[0].reason, "R");
}

TEST_F(StopTest, LossOfADoneTaskMeansNothing) {
  given("a -> b");
  begin();
  exit_ok("a");
  EXPECT_EQ(lose("a"), "");
  exit_ok("b");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
}

TEST_F(StopTest, LossInATaskWhoseFailureIsIgnored) {
  given("a -> b");
  task("a").on_error = PlanTask::OnError::carry_on;
  begin();
  EXPECT_EQ(lose("a"), "start b");
  exit_ok("b");
  EXPECT_EQ(end_of("a"), "Failed: ImagePullBackOff");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
}

} // namespace
} // namespace taskgroup
