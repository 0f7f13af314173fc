// SPDX-License-Identifier: Apache-2.0
// Order: the DAG, maxParallel, steps, finally.
#include "core/run/engine_fixture.h"

namespace taskgroup {
namespace {

using OrderTest = EngineTest;

// Covers: 1.8.F3
TEST_F(OrderTest, TaskStartsWhenAllBeforeItAreDone) {
  given("a -> c -> d; b -> c");
  EXPECT_EQ(begin(), "start a; start b");
  EXPECT_EQ(records(), "begin; a Running; b Running");
  EXPECT_EQ(exit_ok("b"), "release b");
  EXPECT_EQ(exit_ok("a"), "release a; start c");
  EXPECT_EQ(records(), "a/0 Completed 0; a Succeeded; c Running");
  EXPECT_EQ(exit_ok("c"), "release c; start d");
  EXPECT_EQ(end(), "still running");
  EXPECT_EQ(exit_ok("d"), "release d; finish");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
  EXPECT_EQ(outcome().message, "Tasks Completed: 4 (Failed: 0, Cancelled 0), Skipped: 0");
  EXPECT_TRUE(engine().finished());
}

TEST_F(OrderTest, NothingHappensBeforeBeginOrAfterTheEnd) {
  given("a");
  Engine waiting(plan);
  EXPECT_TRUE(waiting.handle(event::Tick{}, Millis(5)).empty());
  EXPECT_TRUE(waiting.handle(event::StepExited{}, Millis(5)).empty());
  EXPECT_EQ(waiting.next_deadline(), std::nullopt);
  begin();
  EXPECT_EQ(send(event::Begin{}), "");
  exit_ok("a");
  EXPECT_EQ(exit("a", 1), "");
  EXPECT_EQ(cancel(), "");
  EXPECT_EQ(lose("a"), "");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
}

TEST_F(OrderTest, PlanWithoutTasksEndsAtOnce) {
  given("");
  EXPECT_EQ(begin(), "finish");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
}

TEST_F(OrderTest, MaxParallelStartsReadyTasksInPlanOrder) {
  given("a; b; c -> e; d; finally f g h");
  plan.max_parallel = 2;
  EXPECT_EQ(begin(), "start a; start b");
  EXPECT_EQ(exit_ok("b"), "release b; start c");
  EXPECT_EQ(exit_ok("c"), "release c; start e"); // e stands before d in the plan
  EXPECT_EQ(exit_ok("a"), "release a; start d");
  EXPECT_EQ(exit_ok("d"), "release d");
  EXPECT_EQ(exit_ok("e"), "release e; start f; start g");
  EXPECT_EQ(exit_ok("f"), "release f; start h");
}

TEST_F(OrderTest, TasksThatShareAPortAreOrderedAndNothingElse) {
  given("a -> b; c; d");
  task("c").ordered_after = {0, 1};
  task("d").ordered_after = {0};
  task("a").on_error = PlanTask::OnError::carry_on;
  task("d").when = {{.input = Text("x"), .values = {Text("y")}}};
  EXPECT_EQ(begin(), "release d; start a"); // what is skipped need not wait
  EXPECT_EQ(exit("a", 1), "release a; start b");
  EXPECT_EQ(exit_ok("b"), "release b; start c"); // whatever became of a
}

TEST_F(OrderTest, TaskBetweenAttemptsCountsAsRunning) {
  given("a; b");
  plan.max_parallel = 1;
  task("a").retries = 1;
  begin();
  EXPECT_EQ(exit("a", 1), "reset a#1");
  EXPECT_EQ(reset("a"), "start a#1");
  EXPECT_EQ(exit_ok("a"), "release a; start b");
}

TEST_F(OrderTest, StepsRunOneAfterAnother) {
  given("a");
  steps("a", 3);
  EXPECT_EQ(begin(), "start a/0");
  EXPECT_EQ(started("a"), "");
  EXPECT_EQ(records(), "a/0 Running");
  EXPECT_EQ(exit_ok("a"), "start a/1");
  EXPECT_EQ(exit_ok("a"), "start a/2");
  EXPECT_EQ(exit_ok("a"), "release a/0; release a/1; release a/2; finish");
}

TEST_F(OrderTest, StepThatFailsEndsTheAttempt) {
  given("a");
  steps("a", 3);
  begin();
  exit_ok("a");
  EXPECT_EQ(exit("a", 3), "release a/0; release a/1; release a/2; finish");
  EXPECT_EQ(records(), "a/1 Error 3; a/2 Skipped -1; a Failed; end");
  EXPECT_EQ(end_of("a"), "Failed: StepFailed");
  EXPECT_EQ(outcome().tasks[0].message, "\"step-s1\" exited with code 3");
  EXPECT_EQ(end(), "Failed: Failed");
}

TEST_F(OrderTest, StepMayFailIfItsOnErrorSaysSo) {
  given("a");
  steps("a", 2);
  task("a").steps[0].on_error = PlanStep::OnError::carry_on;
  task("a").steps[1].on_error = PlanStep::OnError::carry_on;
  begin();
  EXPECT_EQ(exit("a", 3), "start a/1");
  EXPECT_EQ(records(), "a/0 Continued 3");
  exit("a", 4);
  EXPECT_EQ(end_of("a"), "Succeeded: Succeeded");
}

TEST_F(OrderTest, StepThatCannotStartFailsWhateverItsOnError) {
  given("a");
  steps("a", 2);
  task("a").steps[0].on_error = PlanStep::OnError::carry_on;
  begin();
  cannot_start("a", "no such file");
  EXPECT_EQ(records(), "a/0 Error 127; a/1 Skipped -1; a Failed; end");
  EXPECT_EQ(end_of("a"), "Failed: StepFailed");
  EXPECT_EQ(outcome().tasks[0].message, "\"step-s0\" failed: no such file");
}

TEST_F(OrderTest, EventsThatMeanNothingAreIgnored) {
  given("a");
  steps("a", 2);
  begin();
  EXPECT_EQ(started("a"), "");
  EXPECT_EQ(started("a"), "");
  EXPECT_EQ(records(), "");
  exit_ok("a");
  EXPECT_EQ(send(event::StepExited{.id = {0, 0}, .exit_code = 1}), ""); // a second time
  EXPECT_EQ(send(event::StepStarted{{0, 0}, 0}), "");
  EXPECT_EQ(send(event::StepExited{.id = {0, 1}, .attempt = 1}), ""); // of no attempt
  EXPECT_EQ(send(event::StepExited{.id = {0, 2}}), "");               // of no step
  EXPECT_EQ(send(event::StepExited{.id = {7, 0}}), "");               // of no task
  EXPECT_EQ(send(event::StepReset{{0, 1}, 1, ""}), "");
  EXPECT_EQ(send(event::StepReset{{7, 1}, 1, ""}), "");
  EXPECT_EQ(send(event::ContainerLost{{7, 1}, "r", "m"}), "");
  EXPECT_EQ(exit_ok("a"), "release a/0; release a/1; finish");
}

TEST_F(OrderTest, FinallyBeginsWhenTheDagIsDoneWhateverHappened) {
  given("a -> b; c; finally f g");
  begin();
  EXPECT_EQ(exit("a", 1), "release a; release b");
  EXPECT_EQ(exit_ok("c"), "release c; start f; start g");
  EXPECT_EQ(records(), "c/0 Completed 0; c Succeeded; finally; f Running; g Running");
  EXPECT_EQ(exit_ok("g"), "release g");
  EXPECT_EQ(exit_ok("f"), "release f; finish");
  EXPECT_EQ(end(), "Failed: Failed");
  EXPECT_EQ(outcome().message, "Tasks Completed: 4 (Failed: 1, Cancelled 0), Skipped: 1");
}

TEST_F(OrderTest, FinallyTasksDoNotStopEachOtherButFailTheRun) {
  given("a; finally f g");
  plan.max_parallel = 1;
  plan.fail_fast = true;
  begin();
  exit_ok("a");
  EXPECT_EQ(exit("f", 1), "release f; start g");
  exit_ok("g");
  EXPECT_EQ(end(), "Failed: Failed");
}

TEST_F(OrderTest, ContainersAreWantedAsTasksStartOrAreNearIt) {
  given("a -> b -> c -> d; finally f");
  steps("b", 2);
  begin();
  using Steps = std::vector<StepId>;
  EXPECT_EQ(engine().wanted(0), (Steps{{0, 0}}));
  EXPECT_EQ(engine().wanted(1), (Steps{{1, 0}, {1, 1}}));
  EXPECT_EQ(engine().wanted(1), Steps{});
  exit_ok("a");
  EXPECT_EQ(engine().wanted(0), Steps{});
  EXPECT_EQ(engine().wanted(1), (Steps{{2, 0}}));
  EXPECT_EQ(engine().wanted(9), (Steps{{3, 0}, {4, 0}}));
  exit("b", 1);
  EXPECT_EQ(engine().wanted(9), Steps{});
}

TEST_F(OrderTest, ContainersOfSkippedTasksAreNotWanted) {
  given("a -> b; finally f");
  begin();
  EXPECT_EQ(engine().wanted(0).size(), 1U);
  exit("a", 1);
  EXPECT_EQ(engine().wanted(9), (std::vector<StepId>{{2, 0}}));
}

} // namespace
} // namespace taskgroup
