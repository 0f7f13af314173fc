// SPDX-License-Identifier: Apache-2.0
// Sidecars: started and awaited before a task's steps, stopped after them.
#include "core/run/engine_fixture.h"

namespace taskgroup {
namespace {

using SidecarTest = EngineTest;

// Covers: 7.F2 7.F3
TEST_F(SidecarTest, StepsBeginWhenAllSidecarsAreReadyAndTheyEndBeforeTheTask) {
  given("a -> b");
  sidecars("a", 2);
  EXPECT_EQ(begin(), "start a+c0; start a+c1");
  EXPECT_EQ(sidecar_ready("a", 1), "");
  EXPECT_EQ(sidecar_ready("a", 0), "start a");
  EXPECT_EQ(exit_ok("a"), "stop a+c0; stop a+c1");
  EXPECT_EQ(sidecar_exit("a", 143, 0), "");
  EXPECT_EQ(records(), "a+c0 Stopped 143");
  EXPECT_EQ(sidecar_exit("a", 7, 1), "release a; release a+c0; release a+c1; start b");
  exit_ok("b");
  EXPECT_EQ(end_of("a"), "Succeeded: Succeeded"); // how a sidecar that was stopped ended is all one
}

TEST_F(SidecarTest, RecordsSayWhenASidecarRuns) {
  given("a");
  sidecars("a");
  begin();
  EXPECT_EQ(send(event::StepStarted{sidecar("a"), 0}), "");
  EXPECT_EQ(records(), "a+c0 Running");
}

// Covers: 4.1.F5
TEST_F(SidecarTest, OneThatDiesBeforeTheStepsEndFailsTheTaskWhenTheyHaveEnded) {
  given("a");
  sidecars("a");
  begin();
  sidecar_ready("a");
  EXPECT_EQ(sidecar_exit("a", 3), "");
  EXPECT_EQ(records(), "a+c0 Error 3");
  exit_ok("a");
  EXPECT_EQ(end_of("a"), "Failed: SidecarFailed");
  EXPECT_EQ(outcome().tasks[0].message, "\"sidecar-c0\" exited with code 3: Error");
}

TEST_F(SidecarTest, OneThatEndsWithZeroFailsNothingAndIsNotWaitedFor) {
  given("a");
  sidecars("a");
  begin();
  EXPECT_EQ(sidecar_exit("a", 0), "start a");
  exit_ok("a");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
}

TEST_F(SidecarTest, OneThatDiesBeforeItIsReadyLetsTheStepsBegin) {
  given("a");
  sidecars("a");
  begin();
  EXPECT_EQ(sidecar_exit("a", 1), "start a");
  exit_ok("a");
  EXPECT_EQ(end_of("a"), "Failed: SidecarFailed");
}

// Covers: 4.1.F6
TEST_F(SidecarTest, ADeadSidecarOutweighsAFailedStepButNotOneOutOfMemory) {
  given("a; b; c");
  for (const char* name : {"a", "b", "c"}) {
    sidecars(name);
  }
  begin();
  sidecar_exit("a", 1);
  sidecar_exit("b", 1);
  send(event::StepExited{.id = sidecar("c"), .exit_code = 137, .out_of_memory = true});
  exit("a", 2);
  for (const char* name : {"b", "c"}) {
    send(event::StepExited{.id = last_start(name).id, .exit_code = 137, .out_of_memory = true});
  }
  EXPECT_EQ(end_of("a"), "Failed: SidecarFailed");
  EXPECT_EQ(end_of("b"), "Failed: StepOOM");
  EXPECT_EQ(end_of("c"), "Failed: SidecarOOM");
}

TEST_F(SidecarTest, ADeadSidecarIsIgnoredByTheTasksOnError) {
  given("a");
  sidecars("a");
  task("a").on_error = PlanTask::OnError::carry_on;
  begin();
  sidecar_exit("a", 1);
  exit_ok("a");
  EXPECT_EQ(end_of("a"), "Failed: FailureIgnored");
}

TEST_F(SidecarTest, SidecarsAreStartedAnewForEachAttempt) {
  given("a");
  sidecars("a");
  task("a").retries = 1;
  begin();
  sidecar_ready("a");
  EXPECT_EQ(exit("a", 1), "stop a+c0");
  EXPECT_EQ(sidecar_exit("a", 143), "reset a#1; reset a+c0#1");
  EXPECT_EQ(reset("a"), "start a+c0#1");
  EXPECT_EQ(sidecar_ready("a", 0, 0), ""); // of the first attempt
  EXPECT_EQ(sidecar_ready("a", 0, 1), "start a#1");
  EXPECT_EQ(exit_ok("a"), "stop a+c0#1");
  sidecar_exit("a", 0, 0, 1);
  EXPECT_EQ(end(), "Succeeded: Succeeded");
}

TEST_F(SidecarTest, ADeadSidecarIsRetried) {
  given("a");
  sidecars("a");
  task("a").retries = 1;
  begin();
  sidecar_exit("a", 1);
  EXPECT_EQ(exit_ok("a"), "reset a#1; reset a+c0#1");
  reset("a");
  sidecar_ready("a", 0, 1);
  exit_ok("a");
  sidecar_exit("a", 143, 0, 1);
  EXPECT_EQ(end(), "Succeeded: Succeeded"); // the first attempt's death is forgotten
}

TEST_F(SidecarTest, TheTasksTimeoutCountsWhileSidecarsAreAwaited) {
  given("a");
  sidecars("a");
  task("a").timeout = Millis(50);
  begin();
  EXPECT_EQ(at(Millis(1050)), "stop a+c0");
  EXPECT_EQ(records(), "a/0 TimeoutExceeded -1");
  sidecar_exit("a", 143);
  EXPECT_EQ(end_of("a"), "Failed: TaskRunTimeout");
}

TEST_F(SidecarTest, CancelWhileSidecarsAreAwaitedStopsThem) {
  given("a");
  sidecars("a");
  begin();
  EXPECT_EQ(cancel(), "stop a+c0");
  sidecar_exit("a", 143);
  EXPECT_EQ(end_of("a"), "Cancelled: TaskRunCancelled");
}

TEST_F(SidecarTest, CancelWhileSidecarsAreStoppedChangesNothingButForbidsARetry) {
  given("a; b");
  sidecars("a");
  sidecars("b");
  task("b").retries = 1;
  begin();
  sidecar_ready("a");
  sidecar_ready("b");
  exit_ok("a");
  exit("b", 1);
  EXPECT_EQ(cancel(), "");
  sidecar_exit("a", 143);
  EXPECT_EQ(sidecar_exit("b", 143), "release b; release b+c0; finish");
  EXPECT_EQ(end_of("a"), "Succeeded: Succeeded");
  EXPECT_EQ(end_of("b"), "Failed: StepFailed");
}

TEST_F(SidecarTest, ALostSidecarEndsItsTaskAtOnce) {
  given("a");
  sidecars("a", 2);
  steps("a", 2);
  begin();
  sidecar_ready("a", 0);
  sidecar_ready("a", 1);
  EXPECT_EQ(lose("a", 2), "stop a/0; stop a+c1");
  EXPECT_EQ(sidecar_exit("a", 143, 1), "release a/0; release a/1; release a+c1; finish");
  EXPECT_EQ(end_of("a"), "Failed: ImagePullBackOff");
}

TEST_F(SidecarTest, ALostContainerOfATaskThatIsDoneButForItsSidecarsForbidsOnlyARetry) {
  given("a; b");
  sidecars("a");
  sidecars("b");
  task("b").retries = 1;
  begin();
  sidecar_ready("a");
  sidecar_ready("b");
  exit_ok("a");
  exit("b", 1);
  EXPECT_EQ(lose("a", 1), "release a");
  EXPECT_EQ(lose("b", 0), "");
  EXPECT_EQ(sidecar_exit("b", 143), "release b+c0; finish");
  EXPECT_EQ(end_of("a"), "Succeeded: Succeeded");
  EXPECT_EQ(end_of("b"), "Failed: StepFailed");
}

// --- run.sidecars: fromStart ---

TEST_F(SidecarTest, OneThatStartedWithThePodIsAwaitedAndOtherwiseLeftAlone) {
  given("a");
  sidecars("a");
  task("a").sidecars[0].from_start = true;
  task("a").retries = 1;
  EXPECT_EQ(begin(), "");
  EXPECT_EQ(sidecar_ready("a"), "start a");
  EXPECT_EQ(sidecar_ready("a"), "");
  EXPECT_EQ(exit("a", 1), "reset a#1");
  EXPECT_EQ(reset("a"), "start a#1") << "ready is ready";
  EXPECT_EQ(exit_ok("a"), "release a; finish");
  EXPECT_EQ(container_order(plan).size(), 1U);
}

TEST_F(SidecarTest, OneThatStartedWithThePodMayBeReadyOrDieBeforeItsTask) {
  given("a -> b; a -> c");
  for (const char* name : {"b", "c"}) {
    sidecars(name);
    task(name).sidecars[0].from_start = true;
    task(name).on_error = PlanTask::OnError::carry_on;
  }
  begin();
  sidecar_ready("b");
  sidecar_exit("c", 1);
  EXPECT_EQ(exit_ok("a"), "release a; start b; start c");
  exit_ok("b");
  exit_ok("c");
  EXPECT_EQ(end_of("b"), "Succeeded: Succeeded");
  EXPECT_EQ(outcome().tasks[2].message, "\"sidecar-c0\" exited with code 1: Error");
}

TEST_F(SidecarTest, ContainersAreNumberedStepsFirst) {
  given("a; b");
  sidecars("a");
  EXPECT_EQ(container_order(plan), (std::vector<StepId>{{0, 0}, {1, 0}, {0, 1}}));
  begin();
  EXPECT_EQ(engine().wanted(0), (std::vector<StepId>{{0, 0}, {0, 1}, {1, 0}}));
}

} // namespace
} // namespace taskgroup
