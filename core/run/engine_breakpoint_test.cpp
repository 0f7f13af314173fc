// SPDX-License-Identifier: Apache-2.0
// Breakpoints, before a step and after its failure. Every run begins at 1 s.
#include "core/run/engine_fixture.h"

namespace taskgroup {
namespace {

using namespace std::chrono_literals;

class BreakpointTest : public EngineTest {
protected:
  void pause_on_failure(std::string_view name) {
    for (PlanStep& step : task(name).steps) {
      step.pause_on_failure = true;
    }
  }
};

// Covers: 2.4.F1
TEST_F(BreakpointTest, HeldStepIsReported) {
  given("a");
  begin();
  EXPECT_EQ(paused("a", true), "");
  EXPECT_EQ(records(), "a/0 BeforeStep 0");
  started("a");
  EXPECT_EQ(paused("a", false, 3), "");
  EXPECT_EQ(records(), "a/0 OnFailure 3");
  exit_ok("a");
  EXPECT_EQ(records(), "a/0 Completed 0; a Succeeded; end");
}

TEST_F(BreakpointTest, StepsTimeEndsWithItsProcess) {
  given("a");
  task("a").steps[0].timeout = 5s;
  task("a").timeout = 60s;
  begin();
  started("a");
  EXPECT_EQ(engine().next_deadline(), 6s);
  paused("a", false, 3);
  EXPECT_EQ(engine().next_deadline(), 61s);
  EXPECT_EQ(at(10s), "");
}

TEST_F(BreakpointTest, TasksTimeGoesOn) {
  given("a");
  task("a").timeout = 60s;
  begin();
  paused("a", true);
  EXPECT_EQ(at(61s), "stop a");
  exit("a", 143);
  EXPECT_EQ(end_of("a"), "Failed: TaskRunTimeout");
}

TEST_F(BreakpointTest, CancelEndsIt) {
  given("a");
  begin();
  paused("a", true);
  EXPECT_EQ(cancel(), "stop a");
  exit("a", 143);
  EXPECT_EQ(end_of("a"), "Cancelled: TaskRunCancelled");
}

TEST_F(BreakpointTest, PauseOfAStepThatIsBeingStoppedIsNone) {
  given("a");
  begin();
  cancel();
  paused("a", true);
  EXPECT_EQ(records(), "");
}

TEST_F(BreakpointTest, StepThatIsMarkedAsFailedFailsWhateverItsOnError) {
  given("a");
  task("a").steps[0].on_error = PlanStep::OnError::carry_on;
  begin();
  marked_failed("a");
  EXPECT_EQ(end_of("a"), "Failed: StepFailed");
}

// As a step that is marked before it begins, where failures are not held: pkg/entrypoint.
TEST_F(BreakpointTest, FailureSkipsLaterSteps) {
  given("a");
  steps("a", 2);
  begin();
  marked_failed("a");
  EXPECT_EQ(records(), "a/0 Error 1; a/1 Skipped -1; a Failed; end");
}

// The failed step's wait file counts for the next one: cmd/entrypoint/waiter.go.
TEST_F(BreakpointTest, WhereFailuresAreHeldLaterStepsRun) {
  given("a");
  steps("a", 4);
  pause_on_failure("a");
  begin();
  EXPECT_EQ(marked_failed("a"), "start a/1");
  started("a");
  paused("a", false, 3);
  EXPECT_EQ(exit_ok("a"), "start a/2");
  EXPECT_EQ(marked_failed("a"), "start a/3");
  exit_ok("a");
  EXPECT_EQ(records(), "a/3 Completed 0; a Failed; end");
  EXPECT_EQ(end_of("a"), "Failed: StepFailed");
  EXPECT_EQ(outcome().tasks[0].message, "\"step-s0\" exited with code 1");
}

TEST_F(BreakpointTest, WhereFailuresAreHeldLaterStepsRunAfterATimeoutToo) {
  given("a");
  steps("a", 2);
  pause_on_failure("a");
  task("a").steps[0].timeout = 5s;
  begin();
  started("a");
  EXPECT_EQ(at(6s), "stop a/0");
  EXPECT_EQ(exit("a", 143), "start a/1");
  EXPECT_EQ(exit_ok("a"), "release a/0; release a/1; finish");
  EXPECT_EQ(records(), "a/1 Completed 0; a Failed; end");
  EXPECT_EQ(end_of("a"), "Failed: StepFailed");
}

TEST_F(BreakpointTest, NextAttemptBeginsWithoutTheFailure) {
  given("a");
  steps("a", 2);
  pause_on_failure("a");
  task("a").retries = 1;
  task("a").timeout = 5s;
  begin();
  marked_failed("a");
  EXPECT_EQ(at(6s), "stop a/1");
  EXPECT_EQ(exit("a", 143), "reset a/0#1; reset a/1#1");
  EXPECT_EQ(reset("a"), "start a/0#1");
  exit_ok("a");
  exit_ok("a");
  EXPECT_EQ(end_of("a"), "Succeeded: Succeeded");
}

TEST_F(BreakpointTest, TaskRunsWhileItsStepIsHeld) {
  given("a -> b; c");
  plan.max_parallel = 1;
  pause_on_failure("a");
  begin();
  started("a");
  EXPECT_EQ(paused("a", false, 3), "") << "nothing starts in its place";
  EXPECT_EQ(exit_ok("a"), "release a; start b");
}

} // namespace
} // namespace taskgroup
