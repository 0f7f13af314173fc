// SPDX-License-Identifier: Apache-2.0
// onError and timeout that are results of other tasks: taken when the task or step starts.
#include "core/run/engine_fixture.h"
#include "core/run/policy.h"

namespace taskgroup {
namespace {

using namespace std::chrono_literals;

class PolicyTest : public EngineTest {
protected:
  // Let `b` need the result `r` of `a`, which is the text returned.
  Text late() {
    given("a -> b; c");
    declare("a", {"r"});
    need("b", {"tasks.a.results.r"});
    return Text(Reference::parse("tasks.a.results.r").value());
  }

  void begin_with(const std::string& result) {
    begin();
    exit_ok("c");
    exit_ok("a", {{"r", result}});
  }
};

TEST_F(PolicyTest, LateOnErrorOfATaskLetsTheGroupGoOn) {
  const Text text = late();
  task("b").late_on_error = text;
  begin_with("continue");
  exit("b", 1);
  EXPECT_EQ(end_of("b"), "Failed: FailureIgnored");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
  EXPECT_EQ(outcome().message,
            "Tasks Completed: 3 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0");
}

TEST_F(PolicyTest, LateOnErrorOfATaskStopsTheGroup) {
  for (const char* value : {"stopAndFail", ""}) {
    const Text text = late();
    task("b").late_on_error = text;
    begin_with(value);
    exit("b", 1);
    EXPECT_EQ(end_of("b"), "Failed: StepFailed") << value;
    EXPECT_EQ(end(), "Failed: Failed") << value;
  }
}

TEST_F(PolicyTest, ATaskWhoseLateOnErrorIsNoneFailsBeforeItStarts) {
  const Text text = late();
  task("b").late_on_error = text;
  task("b").retries = 3;
  begin_with("sometimes\n");
  EXPECT_EQ(end_of("b"), "Failed: TaskRunValidationFailed");
  EXPECT_EQ(outcome().tasks[1].attempts, 0);
  EXPECT_EQ(outcome().tasks[1].message,
            "onError is \"sometimes\n\", expected \"continue\" or \"stopAndFail\"; it ends with a "
            "line break, which `printf` leaves out");
}

TEST_F(PolicyTest, LateTimeoutOfATaskCountsFromItsStart) {
  const Text text = late();
  task("b").late_timeout = text;
  begin();
  exit_ok("c");
  now = 10s;
  exit_ok("a", {{"r", "90s"}});
  EXPECT_EQ(engine().next_deadline(), 100s);
  EXPECT_EQ(at(100s), "stop b");
  exit("b", 137);
  EXPECT_EQ(end_of("b"), "Failed: TaskRunTimeout");
  EXPECT_EQ(outcome().tasks[1].message, "the task failed to finish within 90000 ms");
}

TEST_F(PolicyTest, LateTimeoutOfZeroIsNone) {
  for (const char* value : {"0", "0s", ""}) {
    const Text text = late();
    task("b").late_timeout = text;
    begin_with(value);
    EXPECT_EQ(engine().next_deadline(), std::nullopt) << value;
  }
}

TEST_F(PolicyTest, ATaskWhoseLateTimeoutIsNoneFailsBeforeItStarts) {
  const Text text = late();
  task("b").late_timeout = text;
  begin_with("soon");
  EXPECT_EQ(end_of("b"), "Failed: TaskRunValidationFailed");
  EXPECT_EQ(outcome().tasks[1].message, "timeout: \"soon\" is no duration: a number is missing; "
                                        "expected one such as \"1h30m\", \"90s\" or \"0\"");
}

TEST_F(PolicyTest, LateOnErrorOfAStepLetsTheNextOneRun) {
  const Text text = late();
  steps("b", 2);
  task("b").steps[0].late_on_error = text;
  begin_with("continue");
  EXPECT_TRUE(last_start("b").carries_on);
  EXPECT_EQ(exit("b", 3), "start b/1");
  EXPECT_FALSE(last_start("b").carries_on);
  EXPECT_EQ(records(), "b/0 Continued 3");
  exit_ok("b");
  EXPECT_EQ(end_of("b"), "Succeeded: Succeeded");
}

TEST_F(PolicyTest, LateTimeoutOfAStepCountsFromItsStart) {
  const Text text = late();
  task("b").steps[0].late_timeout = text;
  begin_with("5s");
  EXPECT_EQ(engine().next_deadline(), std::nullopt);
  now = 10s;
  started("b");
  EXPECT_EQ(engine().next_deadline(), 15s);
  EXPECT_EQ(at(15s), "stop b");
}

TEST_F(PolicyTest, AStepWhosePolicyIsNoneFailsItsTaskWhenItsTurnComes) {
  const Text text = late();
  steps("b", 2);
  task("b").steps[1].late_timeout = text;
  task("b").retries = 1;
  begin_with("-1s");
  exit_ok("b");
  EXPECT_EQ(end_of("b"), "Failed: TaskRunValidationFailed");
  EXPECT_EQ(outcome().tasks[1].message,
            "step \"s1\": timeout: \"-1s\" is no duration: it is negative; expected one such as "
            "\"1h30m\", \"90s\" or \"0\"");
}

TEST_F(PolicyTest, OnErrorThatNobodySetStops) {
  const Text text = late();
  task("b").late_on_error = text;
  begin();
  exit_ok("c");
  exit_ok("a");
  EXPECT_EQ(end_of("b"), "Failed: InvalidTaskResultReference");
  EXPECT_EQ(end(), "Failed: PipelineValidationFailed");
}

TEST(PolicyProblem, TellsTheMissingValue) {
  PlanStep step;
  step.late_on_error = Text(Reference::parse("tasks.a.results.r").value());
  const Lookup nothing = [](const Reference&) { return nullptr; };
  EXPECT_EQ(policy_problem(step, nothing).substr(0, 9), "onError: ");
  EXPECT_FALSE(carries_on(step, nothing));
}

} // namespace
} // namespace taskgroup
