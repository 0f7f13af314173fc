// SPDX-License-Identifier: Apache-2.0
// Tasks that a matrix fans out: what others see of the instances, and matrices with late values.
#include "core/run/engine_fixture.h"

namespace taskgroup {
namespace {

class MatrixTest : public EngineTest {
protected:
  // Say that the task `name` is `count` instances, of which `first` is the first in the plan.
  PlanMatrix& matrix(const std::string& name, std::size_t first, std::size_t count) {
    return plan.matrices.emplace_back(PlanMatrix{.task = name, .first = first, .count = count});
  }

  // `list` produces the array `r`, over which the task m is fanned out, to four at most.
  void late_matrix() {
    given("list -> m0; list -> m1; list -> m2; list -> m3");
    declare("list", {"r"}, ValueType::array);
    for (const char* name : {"m0", "m1", "m2", "m3"}) {
      need(name, {"tasks.list.results.r[*]", "matrix.p"});
    }
    matrix("m", 1, 4).params = {{"p", {late("tasks.list.results.r[*]")}}};
  }

  std::string p_of(std::string_view name) { return last_start(name).values.at("matrix.p").text(); }
};

TEST_F(MatrixTest, ResultsAreGatheredByInstance) {
  given("m0; m1; m2; m0 -> c");
  matrix("m", 0, 3);
  task("c").after = {0, 1, 2};
  for (const char* name : {"m0", "m1", "m2"}) {
    declare(name, {"r"});
  }
  need("c", {"tasks.m.results.r[*]", "tasks.m.matrix.length", "tasks.m.matrix.r.length"});
  begin();
  exit_ok("m2", {{"r", "two"}});
  exit_ok("m1");
  EXPECT_EQ(exit_ok("m0", {{"r", "zero"}}), "release m0; start c");
  const auto& values = last_start("c").values;
  EXPECT_EQ(values.at("tasks.m.results.r[*]"), Value(Value::Array{"zero", "two"}));
  EXPECT_EQ(values.at("tasks.m.matrix.length"), Value("3"));
  EXPECT_EQ(values.at("tasks.m.matrix.r.length"), Value("2"));
}

TEST_F(MatrixTest, ResultsAreInTheOrderOfNames) {
  std::string graph;
  for (int i = 0; i < 12; ++i) {
    graph += "m" + std::to_string(i) + "; ";
  }
  given(graph + "finally c");
  matrix("m", 0, 12);
  for (int i = 0; i < 12; ++i) {
    declare("m" + std::to_string(i), {"r"});
  }
  need("c", {"tasks.m.results.r[*]"});
  begin();
  for (int i = 0; i < 12; ++i) {
    exit_ok("m" + std::to_string(i), {{"r", std::to_string(i)}});
  }
  EXPECT_EQ(last_start("c").values.at("tasks.m.results.r[*]"),
            Value(Value::Array{"0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"}));
}

TEST_F(MatrixTest, FirstInstanceMustHaveTheResult) {
  given("m0; m1; m0 -> c; finally f");
  matrix("m", 0, 2);
  task("c").after = {0, 1};
  declare("m0", {"r"});
  declare("m1", {"r"});
  need("c", {"tasks.m.results.r[*]"});
  need("f", {"tasks.m.results.r[*]"});
  begin();
  exit_ok("m0");
  EXPECT_EQ(exit_ok("m1", {{"r", "one"}}), "release m1; release c; start f");
  exit_ok("f");
  EXPECT_EQ(end_of("c"), "Failed: InvalidTaskResultReference");
  EXPECT_EQ(last_start("f").values.at("tasks.m.results.r[*]"), Value(Value::Array{"one"}));
}

TEST_F(MatrixTest, NobodyHasTheResult) {
  given("m0; m1; m0 -> c");
  matrix("m", 0, 2);
  task("c").after = {0, 1};
  need("c", {"tasks.m.results.r[*]"});
  begin();
  exit_ok("m0");
  exit_ok("m1");
  EXPECT_EQ(end_of("c"), "Failed: InvalidTaskResultReference");
  EXPECT_NE(outcome().message.find("task \"m\" completed successfully but did not emit"),
            std::string::npos);
}

TEST_F(MatrixTest, FailsWithItsLastInstance) {
  given("m0; m1; x; y");
  matrix("m", 0, 2);
  plan.max_parallel = 3;
  EXPECT_EQ(begin(), "start m0; start m1; start x");
  EXPECT_EQ(exit("m0", 1), "release m0; start y"); // m1 runs on, so nothing is stopping
  EXPECT_EQ(exit_ok("m1"), "release m1");
  exit_ok("x");
  exit_ok("y");
  EXPECT_EQ(end(), "Failed: Failed");
  EXPECT_EQ(outcome().message, "Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 0");
}

TEST_F(MatrixTest, IsOneTaskToFinally) {
  given("m0; m1; finally f");
  matrix("m", 0, 2);
  need("f", {"tasks.m.status", "tasks.m.reason", "tasks.status"});
  begin();
  exit_ok("m0");
  exit("m1", 1);
  EXPECT_EQ(last_start("f").values.at("tasks.m.status"), Value("Failed"));
  EXPECT_EQ(last_start("f").values.at("tasks.m.reason"), Value("StepFailed"));
  EXPECT_EQ(last_start("f").values.at("tasks.status"), Value("Failed"));
}

TEST_F(MatrixTest, FailFastStopsAtTheFirstInstance) {
  given("m0; m1; m2");
  matrix("m", 0, 3);
  plan.fail_fast = true;
  plan.max_parallel = 2;
  begin();
  EXPECT_EQ(exit("m0", 1), "release m0; stop m1; release m2");
  exit("m1", 143);
  EXPECT_EQ(outcome().message, "Tasks Completed: 1 (Failed: 0, Cancelled 1), Skipped: 0");
}

TEST_F(MatrixTest, EachInstanceHasItsRetries) {
  given("m0; m1");
  matrix("m", 0, 2);
  task("m0").retries = 1;
  task("m1").retries = 1;
  begin();
  EXPECT_EQ(exit("m0", 1), "reset m0#1");
  EXPECT_EQ(reset("m0"), "start m0#1");
  exit_ok("m0");
  exit_ok("m1");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
  EXPECT_EQ(outcome().message, "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 0");
}

// --- Late values ---

TEST_F(MatrixTest, CombinationsAreMadeWhenItsTurnComes) {
  late_matrix();
  begin();
  EXPECT_EQ(exit_ok("list", {{"r", R"(["x","y"])"}}),
            "release list; release m2; release m3; start m0; start m1");
  EXPECT_EQ(p_of("m0"), "x");
  EXPECT_EQ(p_of("m1"), "y");
  exit_ok("m0");
  exit_ok("m1");
  EXPECT_EQ(end(), "Succeeded: Succeeded");
  EXPECT_EQ(end_of("m2"), "Skipped: NoCombination");
  EXPECT_EQ(outcome().message, "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0");
}

TEST_F(MatrixTest, EmptyArraySkipsTheTask) {
  late_matrix();
  begin();
  exit_ok("list", {{"r", "[]"}});
  EXPECT_EQ(end_of("m0"), "Skipped: Matrix Parameters have an empty array");
  EXPECT_EQ(end_of("m1"), "Skipped: NoCombination");
  EXPECT_EQ(end(), "Succeeded: Completed");
  EXPECT_EQ(outcome().message, "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1");
}

TEST_F(MatrixTest, MoreCombinationsThanInstancesFailTheTask) {
  late_matrix();
  begin();
  exit_ok("list", {{"r", R"(["1","2","3","4","5"])"}});
  EXPECT_EQ(end_of("m0"), "Failed: MatrixTooLarge");
  EXPECT_EQ(end_of("m1"), "Skipped: NoCombination");
  EXPECT_EQ(outcome().tasks[1].message,
            "the matrix of task \"m\" has 5 combinations, and there are containers for 4: let "
            "spec.run.matrix.maxCombinations of the group be as large, or make the arrays that it "
            "gets from other tasks shorter");
  EXPECT_EQ(end(), "Failed: Failed");
}

TEST_F(MatrixTest, SkippedBeforeItsCombinationsAreKnownItIsOneTask) {
  late_matrix();
  for (const char* name : {"m0", "m1", "m2", "m3"}) {
    task(name).when = {{.input = "a", .values = {"b"}}};
  }
  begin();
  exit_ok("list", {{"r", R"(["x"])"}});
  EXPECT_EQ(end_of("m0"), "Skipped: When Expressions evaluated to false");
  EXPECT_EQ(end_of("m3"), "Skipped: NoCombination");
  EXPECT_EQ(outcome().message, "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1");
}

TEST_F(MatrixTest, IncludeGivesSomeInstancesMore) {
  late_matrix();
  plan.matrices[0].include = {{{{"p", {"y"}}, {"q", {late("tasks.list.results.r[0]")}}}},
                              {{{"p", {"z"}}}}};
  plan.matrices[0].defaults = {{"q", {"none"}}};
  for (const char* name : {"m0", "m1", "m2", "m3"}) {
    need(name, {"matrix.q"});
  }
  begin();
  EXPECT_EQ(exit_ok("list", {{"r", R"(["x","y"])"}}),
            "release list; release m3; start m0; start m1; start m2");
  EXPECT_EQ(p_of("m2"), "z");
  EXPECT_EQ(last_start("m0").values.at("matrix.q"), Value("none"));
  EXPECT_EQ(last_start("m1").values.at("matrix.q"), Value("x"));
  EXPECT_EQ(last_start("m2").values.at("matrix.q"), Value("none"));
}

TEST_F(MatrixTest, InstanceWithoutAParamFails) {
  late_matrix();
  plan.matrices[0].include = {{{{"q", {"only"}}, {"p", {"y"}}}}};
  begin();
  exit_ok("list", {{"r", R"(["x","y"])"}});
  exit_ok("m1");
  EXPECT_EQ(end_of("m0"), "Failed: TaskRunValidationFailed");
  EXPECT_EQ(outcome().tasks[1].message,
            "missing values for these params which have no default values: [q]");
}

TEST_F(MatrixTest, EnumOfALateParamIsChecked) {
  late_matrix();
  task("m1").checks = {{.param = "p", .value = late("matrix.p"), .allowed = {"x"}}};
  begin();
  EXPECT_EQ(exit_ok("list", {{"r", R"(["x","y"])"}}),
            "release list; release m2; release m3; start m0; release m1");
  exit_ok("m0");
  EXPECT_EQ(end_of("m1"), "Failed: InvalidParamValue");
}

} // namespace
} // namespace taskgroup
