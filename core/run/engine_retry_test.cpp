// SPDX-License-Identifier: Apache-2.0
// Attempts: what makes another one, and what does not.
#include "core/run/engine_fixture.h"

namespace taskgroup {
namespace {

using RetryTest = EngineTest;

TEST_F(RetryTest, EveryStepIsResetThenTheFirstOneStarts) {
  given("a -> b");
  steps("a", 2);
  task("a").retries = 2;
  begin();
  EXPECT_EQ(exit("a", 1), "reset a/0#1; reset a/1#1");
  EXPECT_EQ(records(), "a/0 Error 1; a/1 Skipped -1; a retry StepFailed");
  EXPECT_EQ(send(event::StepReset{{0, 1}, 1, ""}), "");
  EXPECT_EQ(send(event::StepReset{{0, 1}, 1, ""}), ""); // a second time
  EXPECT_EQ(send(event::StepReset{{0, 0}, 2, ""}), ""); // for another attempt
  EXPECT_EQ(send(event::StepReset{{0, 0}, 1, ""}), "start a/0#1");
  EXPECT_EQ(records(), "a#1 Running");
  EXPECT_EQ(exit_ok("a"), "start a/1#1");
  EXPECT_EQ(exit("a", 1), "reset a/0#2; reset a/1#2");
  reset("a");
  exit_ok("a");
  EXPECT_EQ(exit_ok("a"), "release a/0; release a/1; start b");
  exit_ok("b");
  EXPECT_EQ(end_of("a"), "Succeeded: Succeeded");
  EXPECT_EQ(outcome().tasks[0].attempts, 3);
  EXPECT_EQ(outcome().tasks[1].attempts, 1);
}

// Covers: 4.1.F6 8.F1
TEST_F(RetryTest, LastAttemptsFailureIsTheTasks) {
  given("a");
  task("a").retries = 1;
  begin();
  exit("a", 1);
  reset("a");
  EXPECT_EQ(exit("a", 7), "release a; finish");
  EXPECT_EQ(outcome().tasks[0].message, "\"step-s0\" exited with code 7");
  EXPECT_EQ(outcome().tasks[0].attempts, 2);
}

TEST_F(RetryTest, LateEventsOfAnOlderAttemptMeanNothing) {
  given("a");
  task("a").retries = 1;
  begin();
  exit("a", 1);
  EXPECT_EQ(send(event::StepExited{.id = {0, 0}, .attempt = 0}), ""); // while it is reset
  EXPECT_EQ(send(event::StepExited{.id = {0, 0}, .attempt = 1}), "");
  reset("a");
  EXPECT_EQ(send(event::StepExited{.id = {0, 0}, .attempt = 0}), "");
  EXPECT_EQ(send(event::StepStarted{{0, 0}, 0}), "");
  EXPECT_EQ(records(), "");
}

TEST_F(RetryTest, AttemptIsTheRetryCount) {
  given("a");
  task("a").retries = 1;
  task("a").steps[0].script = late("context.task.retry-count");
  begin();
  EXPECT_EQ(last_start("a").script, "0");
  exit("a", 1);
  reset("a");
  EXPECT_EQ(last_start("a").script, "1");
  EXPECT_EQ(last_start("a").values.at("context.task.retry-count"), Value("1"));
}

TEST_F(RetryTest, ResultsOfAFailedAttemptAreGone) {
  given("a");
  task("a").retries = 1;
  declare("a", {"r", "s"});
  plan.results = {{.name = "out", .values = {late("tasks.a.results.r")}}};
  begin();
  exit("a", 1, {{"r", "first"}});
  reset("a");
  exit("a", 1, {{"s", "second"}});
  EXPECT_EQ(outcome().tasks[0].results, (std::map<std::string, Value>{{"s", "second"}}));
  EXPECT_TRUE(outcome().group_results.empty());
}

TEST_F(RetryTest, FailedValidationOfResultsIsRetried) {
  given("a");
  task("a").retries = 1;
  declare("a", {"r"}, ValueType::array);
  begin();
  EXPECT_EQ(exit_ok("a", {{"r", "no array"}}), "reset a#1");
  EXPECT_EQ(records(), "a/0 Completed 0; a retry TaskRunValidationFailed");
}

TEST_F(RetryTest, TimeoutIsRetriedWithTimeOfItsOwn) {
  given("a");
  task("a").retries = 1;
  task("a").timeout = Millis(100);
  begin();
  EXPECT_EQ(at(Millis(1100)), "stop a");
  EXPECT_EQ(exit("a", 143), "reset a#1");
  EXPECT_EQ(records(), "a/0 TimeoutExceeded 143; a retry TaskRunTimeout");
  EXPECT_EQ(engine().next_deadline(), std::nullopt);
  now = Millis(5000);
  EXPECT_EQ(reset("a"), "start a#1");
  EXPECT_EQ(engine().next_deadline(), Millis(5100));
}

TEST_F(RetryTest, GoesOnAlthoughAnotherTaskHasFailed) {
  given("a; b");
  task("b").retries = 1;
  begin();
  exit("a", 1);
  EXPECT_EQ(exit("b", 1), "reset b#1");
  EXPECT_EQ(reset("b"), "start b#1");
}

TEST_F(RetryTest, NotAfterCancel) {
  given("a; finally f");
  task("a").retries = 1;
  task("a").timeout = Millis(100);
  task("f").retries = 1;
  begin();
  at(Millis(1100)); // a is being stopped for its own timeout already
  EXPECT_EQ(cancel(), "");
  EXPECT_EQ(exit("a", 143), "release a; start f");
  EXPECT_EQ(exit("f", 1), "reset f#1"); // finally goes on as ever
  reset("f");
  exit_ok("f");
  EXPECT_EQ(end_of("a"), "Failed: TaskRunTimeout");
  EXPECT_EQ(end(), "Cancelled: Cancelled");
}

TEST_F(RetryTest, CancelledBetweenAttempts) {
  given("a");
  task("a").retries = 1;
  declare("a", {"r"});
  begin();
  exit("a", 1, {{"r", "of an attempt that does not count"}});
  EXPECT_EQ(cancel(), "release a; finish");
  EXPECT_EQ(end_of("a"), "Cancelled: TaskRunCancelled");
  EXPECT_EQ(outcome().tasks[0].attempts, 1);
  EXPECT_TRUE(outcome().tasks[0].results.empty());
}

TEST_F(RetryTest, CancelledBetweenAttemptsOfWhichTheFirstTimedOut) {
  given("a");
  task("a").retries = 1;
  task("a").timeout = Millis(100);
  begin();
  at(Millis(1100));
  exit("a", 143);
  EXPECT_EQ(cancel(), "release a; finish");
}

TEST_F(RetryTest, NotAfterFailFast) {
  given("a; b; c");
  plan.fail_fast = true;
  task("b").retries = 1;
  task("c").retries = 1;
  begin();
  exit("c", 1);
  EXPECT_EQ(exit("a", 1), "release a; stop b; release c");
  EXPECT_EQ(exit("b", 143), "release b; finish");
  EXPECT_EQ(end_of("b"), "Cancelled: TaskRunCancelled");
  EXPECT_EQ(end_of("c"), "Cancelled: TaskRunCancelled");
}

TEST_F(RetryTest, FailedResetEndsTheTask) {
  given("a");
  task("a").retries = 1;
  begin();
  exit("a", 1);
  EXPECT_EQ(reset("a", "busy"), "release a; finish");
  EXPECT_EQ(end_of("a"), "Failed: StepFailed");
  EXPECT_EQ(outcome().tasks[0].message,
            "\"step-s0\" exited with code 1; the next attempt could not be prepared: busy");
}

TEST_F(RetryTest, LostContainerIsNotRetried) {
  given("a");
  task("a").retries = 1;
  begin();
  lose("a");
  EXPECT_EQ(end_of("a"), "Failed: ImagePullBackOff");
}

TEST_F(RetryTest, ContainerLostBetweenAttempts) {
  given("a; finally f");
  steps("a", 2);
  task("a").retries = 1;
  begin();
  exit("a", 1);
  EXPECT_EQ(lose("a", 1), "release a/0; start f");
  EXPECT_EQ(records(), "a Failed; finally; f Running");
  EXPECT_EQ(reset("a"), "");
}

} // namespace
} // namespace taskgroup
