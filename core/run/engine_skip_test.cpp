// SPDX-License-Identifier: Apache-2.0
// Which tasks do not run, and the reason they get.
#include "core/run/engine_fixture.h"

namespace taskgroup {
namespace {

class SkipTest : public EngineTest {
protected:
  // Let a task run only if `input` is (or is not) among `values`.
  void when(std::string_view name, Text input, std::vector<Text> values, bool negated = false) {
    task(name).when.push_back({std::move(input), negated, std::move(values)});
  }

  void skip_by_when(std::string_view name) { when(name, "x", {"y"}); }
};

TEST_F(SkipTest, WhenInAndNotin) {
  given("a; b; c; d; e");
  when("a", "x", {"w", "x"});
  when("b", "x", {"w"});
  when("c", "x", {"w"}, true);
  when("d", "x", {"x"}, true);
  when("e", "x", {});
  EXPECT_EQ(begin(), "release b; release d; release e; start a; start c");
  EXPECT_EQ(records(), "begin; b Skipped; d Skipped; e Skipped; a Running; c Running");
  exit_ok("a");
  exit_ok("c");
  EXPECT_EQ(end_of("b"), "Skipped: When Expressions evaluated to false");
  EXPECT_EQ(end(), "Succeeded: Completed");
  EXPECT_EQ(outcome().message, "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 3");
}

TEST_F(SkipTest, AllWhenExpressionsMustBeTrue) {
  given("a");
  when("a", "x", {"x"});
  when("a", "x", {"y"});
  begin();
  EXPECT_EQ(end_of("a"), "Skipped: When Expressions evaluated to false");
}

TEST_F(SkipTest, WhenUsesResults) {
  given("a -> b; a -> c; a -> d");
  declare("a", {"list"}, ValueType::array);
  when("b", "two", {late("tasks.a.results.list[*]")});
  when("c", "two", {late("tasks.a.results.list[0]")});
  when("d", late("tasks.a.results.list[*]"), {"[\"one\",\"two\"]"});
  begin();
  EXPECT_EQ(exit_ok("a", {{"list", R"(["one","two"])"}}), "release a; release c; start b; start d");
}

TEST_F(SkipTest, WhenDoesNotSkipWhatComesAfter) {
  given("a -> b");
  skip_by_when("a");
  EXPECT_EQ(begin(), "release a; start b");
}

TEST_F(SkipTest, WhenIsLookedAtOnlyWhenAllBeforeAreDone) {
  given("a -> b");
  skip_by_when("b");
  EXPECT_EQ(begin(), "start a");
  EXPECT_EQ(exit("a", 1), "release a; release b; finish");
  EXPECT_EQ(end_of("b"), "Skipped: PipelineRun was stopping");
}

TEST_F(SkipTest, AnyOtherSkipSpreads) {
  given("a -> b -> c -> d; x -> d");
  declare("a", {"r"});
  skip_by_when("a");
  need("b", {"tasks.a.results.r"});
  EXPECT_EQ(begin(), "release a; release b; release c; start x");
  exit_ok("x");
  EXPECT_EQ(end_of("b"), "Skipped: Results were missing");
  EXPECT_EQ(end_of("c"), "Skipped: Parent Tasks were skipped");
  EXPECT_EQ(end_of("d"), "Skipped: Parent Tasks were skipped");
  EXPECT_EQ(end(), "Succeeded: Completed");
}

// Covers: 9.2.F2
TEST_F(SkipTest, OwnWhenComesBeforeSkippedParents) {
  given("a -> b -> c");
  declare("a", {"r"});
  skip_by_when("a");
  need("b", {"tasks.a.results.r"});
  skip_by_when("c");
  begin();
  EXPECT_EQ(end_of("c"), "Skipped: When Expressions evaluated to false");
}

TEST_F(SkipTest, FailureStopsTheRunEvenBeforeParentsAreDone) {
  given("a; b -> c -> d");
  begin();
  EXPECT_EQ(exit("a", 1), "release a; release c; release d");
  EXPECT_EQ(exit_ok("b"), "release b; finish");
  EXPECT_EQ(end_of("c"), "Skipped: PipelineRun was stopping");
  EXPECT_EQ(end_of("d"), "Skipped: PipelineRun was stopping");
  EXPECT_EQ(end_of("b"), "Succeeded: Succeeded");
}

TEST_F(SkipTest, IgnoredFailureStopsNothing) {
  given("a -> b; finally f");
  task("a").on_error = PlanTask::OnError::carry_on;
  need("f", {"tasks.a.status", "tasks.a.reason", "tasks.status"});
  begin();
  EXPECT_EQ(exit("a", 2), "release a; start b");
  EXPECT_EQ(exit_ok("b"), "release b; start f");
  const auto& values = last_start("f").values;
  EXPECT_EQ(values.at("tasks.a.status"), Value("Failed"));
  EXPECT_EQ(values.at("tasks.a.reason"), Value("FailureIgnored"));
  EXPECT_EQ(values.at("tasks.status"), Value("Failed"));
  exit_ok("f");
  EXPECT_EQ(end_of("a"), "Failed: FailureIgnored");
  EXPECT_EQ(outcome().tasks[0].message, "\"step-s0\" exited with code 2");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
  EXPECT_EQ(outcome().message,
            "Tasks Completed: 3 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0");
}

TEST_F(SkipTest, MissingResultOfASucceededTaskFailsTheRun) {
  given("a -> b -> c; a -> d; finally f");
  declare("a", {"r"});
  need("b", {"tasks.a.results.r"});
  begin();
  // d is ready at the same time and does not start any more.
  EXPECT_EQ(exit_ok("a"), "release a; release b; release c; release d; start f");
  exit_ok("f");
  EXPECT_EQ(end_of("b"), "Failed: InvalidTaskResultReference");
  EXPECT_EQ(outcome().tasks[1].attempts, 0);
  EXPECT_EQ(end_of("c"), "Skipped: PipelineRun was stopping");
  EXPECT_EQ(end_of("d"), "Skipped: PipelineRun was stopping");
  EXPECT_EQ(end(), "Failed: PipelineValidationFailed");
  EXPECT_EQ(outcome().message,
            "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 2, Failed Validation: 1 (task "
            "\"a\" completed successfully but did not emit the result \"r\", which is referenced "
            "by task \"b\")");
}

TEST_F(SkipTest, MissingResultOfAnIgnoredFailure) {
  given("a -> b; a -> c");
  declare("a", {"r"});
  task("a").on_error = PlanTask::OnError::carry_on;
  need("b", {"tasks.a.results.r"});
  task("b").on_error = PlanTask::OnError::carry_on;
  need("c", {"tasks.a.results.r"});
  begin();
  exit("a", 1);
  EXPECT_EQ(end_of("b"), "Skipped: Results were missing");
  EXPECT_EQ(end_of("c"), "Failed: InvalidTaskResultReference");
  EXPECT_EQ(outcome().tasks[2].message,
            "Invalid task result reference: Could not find result with name r for pipeline task a");
}

TEST_F(SkipTest, IndexOutOfBoundsAndMissingKeyAreMissingResults) {
  given("a -> b; a -> c");
  task("a").results = {{.name = "l", .type = ValueType::array},
                       {.name = "o", .type = ValueType::object}};
  need("b", {"tasks.a.results.l[0]", "tasks.a.results.l[1]"});
  need("c", {"tasks.a.results.o.k"});
  begin();
  exit_ok("a", {{"l", R"(["x"])"}, {"o", "{}"}});
  EXPECT_EQ(end_of("b"), "Failed: InvalidTaskResultReference");
  EXPECT_EQ(outcome().tasks[1].message,
            "$(tasks.a.results.l[1]): the array has 1 elements, which is referenced by task \"b\"");
}

TEST_F(SkipTest, WhenOnAMissingResultIsDecidedByTheResultsRule) {
  given("a -> b -> c");
  declare("a", {"r"});
  skip_by_when("a");
  need("b", {"tasks.a.results.r"});
  when("b", late("tasks.a.results.r"), {"x"});
  begin();
  EXPECT_EQ(end_of("b"), "Skipped: Results were missing");
}

TEST_F(SkipTest, FinallyLooksForResultsThenWhen) {
  given("a; finally f g h i");
  declare("a", {"r"});
  need("f", {"tasks.a.results.r"});
  skip_by_when("f");
  skip_by_when("g");
  when("h", late("tasks.a.status"), {"Succeeded"});
  when("i", late("tasks.a.status"), {"Failed"});
  begin();
  EXPECT_EQ(exit_ok("a"), "release a; release f; release g; release i; start h");
  exit_ok("h");
  EXPECT_EQ(end_of("f"), "Skipped: Results were missing");
  EXPECT_EQ(end_of("g"), "Skipped: When Expressions evaluated to false");
  EXPECT_EQ(end(), "Succeeded: Completed");
}

// Covers: 9.3.F2
TEST_F(SkipTest, StatusOfTasksForFinally) {
  given("ok; failed; failed -> after; when; finally f");
  skip_by_when("when");
  for (const char* name : {"ok", "failed", "after", "when"}) {
    need("f", {"tasks." + std::string(name) + ".status", "tasks." + std::string(name) + ".reason"});
  }
  need("f", {"tasks.status"});
  begin();
  exit_ok("ok");
  exit("failed", 1);
  const std::map<std::string, Value> expected = {
      {"context.task.retry-count", "0"},
      {"tasks.ok.status", "Succeeded"},
      {"tasks.ok.reason", "Succeeded"},
      {"tasks.failed.status", "Failed"},
      {"tasks.failed.reason", "StepFailed"},
      {"tasks.after.status", "None"},
      {"tasks.after.reason", ""},
      {"tasks.when.status", "None"},
      {"tasks.when.reason", ""},
      {"tasks.status", "Failed"},
  };
  EXPECT_EQ(last_start("f").values, expected);
}

// Covers: 9.3.F2
TEST_F(SkipTest, StatusOfTheGroupForFinally) {
  given("a; b; finally f");
  need("f", {"tasks.status"});
  begin();
  exit_ok("a");
  exit_ok("b");
  EXPECT_EQ(last_start("f").values.at("tasks.status"), Value("Succeeded"));

  given("a; b; finally f");
  need("f", {"tasks.status"});
  skip_by_when("b");
  begin();
  exit_ok("a");
  EXPECT_EQ(last_start("f").values.at("tasks.status"), Value("Completed"));
}

// --- Steps ---

TEST_F(SkipTest, AStepWhoseWhenIsFalseIsOnlyNoted) {
  given("a");
  steps("a", 3);
  task("a").steps[1].when = {{.input = "x", .values = {"x"}}, {.input = "x", .values = {"y"}}};
  task("a").steps[1].timeout = Millis(1);
  task("a").steps[2].when = {{.input = "x", .negated = true, .values = {"y"}}};
  begin();
  exit("a", 0);
  EXPECT_TRUE(last_start("a").skipped);
  at(Millis(100)); // its timeout is that of a run
  exit("a", 0);
  EXPECT_FALSE(last_start("a").skipped);
  exit("a", 0);
  EXPECT_EQ(end_of("a"), "Succeeded: Succeeded");
}

TEST_F(SkipTest, WhenOfAStepKnowsTheStepsBefore) {
  given("a");
  steps("a", 2);
  task("a").steps[1].when = {
      {.input = Text(Reference::parse("steps." + task("a").steps[0].name + ".results.r").value()),
       .values = {"go"}}};
  begin();
  send(event::StepExited{.id = {0, 0}, .step_results = {{"r", "go"}}});
  EXPECT_FALSE(last_start("a").skipped);
}

} // namespace
} // namespace taskgroup
