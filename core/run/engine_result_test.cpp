// SPDX-License-Identifier: Apache-2.0
// Results of tasks, what steps get to see of them, and results of the group.
#include "core/run/engine_fixture.h"

namespace taskgroup {
namespace {

class ResultTest : public EngineTest {
protected:
  using Results = std::map<std::string, Value>;

  void group_result(const std::string& name, std::vector<Text> values,
                    ValueType type = ValueType::string, std::vector<std::string> keys = {}) {
    plan.results.push_back(
        {.name = name, .type = type, .keys = std::move(keys), .values = std::move(values)});
  }
};

TEST_F(ResultTest, AreReadAsDeclared) {
  given("a");
  task("a").results = {{.name = "s"},
                       {.name = "l", .type = ValueType::array},
                       {.name = "o", .type = ValueType::object, .keys = {"k"}},
                       {.name = "absent"}};
  begin();
  exit_ok("a", {{"s", "x\n"}, {"l", "[\"1\"]"}, {"o", R"({"k":"v"})"}, {"undeclared", "y"}});
  EXPECT_EQ(outcome().tasks[0].results,
            (Results{{"s", "x\n"}, {"l", Value::Array{"1"}}, {"o", Value::Object{{"k", "v"}}}}));
  EXPECT_EQ(end(), "Succeeded: Succeeded");
}

// Covers: 3.1.F4
TEST_F(ResultTest, LastContentOfAFileCounts) {
  given("a");
  steps("a", 2);
  declare("a", {"r", "q"});
  begin();
  exit_ok("a", {{"r", "first"}, {"q", "kept"}});
  exit_ok("a", {{"r", "second"}});
  EXPECT_EQ(outcome().tasks[0].results, (Results{{"r", "second"}, {"q", "kept"}}));
}

// --- Of steps ---

event::StepExited exited(std::size_t step, std::map<std::string, std::string> results,
                         int attempt = 0, int code = 0) {
  return {
      .id = {0, step}, .attempt = attempt, .exit_code = code, .step_results = std::move(results)};
}

Reference of_step(const std::string& tail) { return Reference::parse("steps." + tail).value(); }

TEST_F(ResultTest, OfAStepReachTheStepsAfterIt) {
  given("a");
  steps("a", 3);
  const std::string first = task("a").steps[0].name;
  task("a").steps[0].on_error = PlanStep::OnError::carry_on;
  begin();
  send(exited(0, {{"r", "x"}, {"l", "[\"1\"]"}, {"q", "\"quoted\""}}, 0, 1));
  send(exited(1, {}));
  EXPECT_EQ(last_start("a").values.at("steps." + first + ".results.r"), Value("x"));
  EXPECT_EQ(last_start("a").values.at("steps." + first + ".results.l"), Value(Value::Array{"1"}));
  EXPECT_EQ(last_start("a").values.at("steps." + first + ".results.q"), Value("quoted"));
}

TEST_F(ResultTest, OfAStepBecomeThoseOfTheTask) {
  given("a");
  const std::string step = task("a").steps[0].name;
  task("a").results = {
      {.name = "r", .value = of_step(step + ".results.s")},
      {.name = "l", .type = ValueType::array, .value = of_step(step + ".results.l")},
      {.name = "none", .value = of_step(step + ".results.none")}};
  begin();
  auto event = exited(0, {{"s", "of the step"}, {"l", "[]"}});
  event.results = {{"r", "of the task"}, {"none", "its own file"}};
  send(event);
  EXPECT_EQ(outcome().tasks[0].results,
            (Results{{"r", "of the step"}, {"l", Value::Array{}}, {"none", "its own file"}}));
}

TEST_F(ResultTest, OfAnotherTypeThanTheTasksFailIt) {
  given("a");
  task("a").results = {{.name = "l",
                        .type = ValueType::array,
                        .value = of_step(task("a").steps[0].name + ".results.l")}};
  begin();
  send(exited(0, {{"l", "text"}}));
  EXPECT_EQ(end_of("a"), "Failed: TaskRunValidationFailed");
}

TEST_F(ResultTest, OfStepsAreGoneInTheNextAttempt) {
  given("a");
  steps("a", 2);
  task("a").retries = 1;
  begin();
  send(exited(0, {{"r", "x"}}));
  exit("a", 1);
  send(event::StepReset{{0, 0}, 1, {}});
  send(event::StepReset{{0, 1}, 1, {}});
  send(exited(0, {}, 1));
  EXPECT_EQ(last_start("a").values.size(), 1U); // the retry count
}

TEST_F(ResultTest, ThatIsTooShortForAStepFailsTheTask) {
  given("a");
  steps("a", 2);
  PlanStep& second = task("a").steps[1];
  second.when = {
      {.input = Text(of_step(task("a").steps[0].name + ".results.l[2]")), .values = {"x"}}};
  begin();
  send(exited(0, {{"l", "[\"1\"]"}}));
  EXPECT_EQ(end_of("a"), "Failed: TaskRunValidationFailed");
  EXPECT_NE(outcome().tasks[0].message.find("the array has 1 elements"), std::string::npos);
}

TEST_F(ResultTest, OfAnotherTypeFailTheTask) {
  given("a -> b");
  task("a").results = {{.name = "l", .type = ValueType::array}, {.name = "s"}};
  begin();
  EXPECT_EQ(exit_ok("a", {{"l", "text"}, {"s", "fine"}}), "release a; release b; finish");
  EXPECT_EQ(end_of("a"), "Failed: TaskRunValidationFailed");
  EXPECT_EQ(outcome().tasks[0].results, (Results{{"s", "fine"}}));
  EXPECT_NE(outcome().tasks[0].message.find("\"l\": task result is expected to be \"array\""),
            std::string::npos);
}

TEST_F(ResultTest, ObjectWithoutItsKeysFailsTheTask) {
  given("a");
  task("a").results = {{.name = "o", .type = ValueType::object, .keys = {"k", "l"}}};
  begin();
  exit_ok("a", {{"o", R"({"k":"v"})"}});
  EXPECT_EQ(end_of("a"), "Failed: TaskRunValidationFailed");
  EXPECT_EQ(outcome().tasks[0].message,
            "missing keys for these results which are required in TaskResult's properties o:[l]");
}

TEST_F(ResultTest, WrongResultsOutweighAFailedStep) {
  given("a");
  declare("a", {"l"}, ValueType::array);
  begin();
  exit("a", 1, {{"l", "text"}});
  EXPECT_EQ(end_of("a"), "Failed: TaskRunValidationFailed");
}

// Covers: 3.3.F4
TEST_F(ResultTest, OfFailedTasksAreKeptAndUsable) {
  given("a -> b");
  declare("a", {"r"});
  task("a").on_error = PlanTask::OnError::carry_on;
  need("b", {"tasks.a.results.r"});
  group_result("out", {late("tasks.a.results.r")});
  begin();
  EXPECT_EQ(exit("a", 1, {{"r", "still"}}), "release a; start b");
  EXPECT_EQ(last_start("b").values.at("tasks.a.results.r"), Value("still"));
  exit_ok("b");
  EXPECT_EQ(outcome().group_results, (Results{{"out", "still"}}));
}

TEST_F(ResultTest, StepsGetWhatTheirTextsNeed) {
  given("a -> b");
  task("a").results = {{.name = "s"}, {.name = "l", .type = ValueType::array}};
  need("b", {"tasks.a.results.l[1]"});
  PlanStep& step = task("b").steps[0];
  step.script = late("tasks.a.results.s");
  step.script->append(" $(tasks.a.results.s)");
  step.working_dir = late("tasks.a.results.l[0]");
  step.args = {late("tasks.a.results.l[*]")};
  step.env = {{.name = "E", .value = late("tasks.a.results.s")}};
  begin();
  exit_ok("a", {{"s", "$(tasks.a.results.l[0])"}, {"l", R"(["d","e"])"}});
  const action::StartStep& start = last_start("b");
  EXPECT_EQ(start.script, "$(tasks.a.results.l[0]) $(tasks.a.results.s)");
  EXPECT_EQ(start.working_dir, "d");
  const Value list(Value::Array{"d", "e"});
  EXPECT_EQ(start.values, (Results{{"context.task.retry-count", "0"},
                                   {"tasks.a.results.l[1]", list},
                                   {"tasks.a.results.l[*]", list},
                                   {"tasks.a.results.s", "$(tasks.a.results.l[0])"}}));
}

TEST_F(ResultTest, StepWithoutAScriptGetsNone) {
  given("a");
  begin();
  EXPECT_EQ(last_start("a").script, std::nullopt);
  EXPECT_EQ(last_start("a").working_dir, "");
}

TEST_F(ResultTest, ScriptThatCannotBeMadeFailsTheTask) {
  given("a -> b");
  steps("b", 2);
  declare("a", {"l"}, ValueType::array);
  task("b").retries = 3; // no retry helps
  task("b").steps[1].script = late("tasks.a.results.l");
  begin();
  exit_ok("a", {{"l", "[]"}});
  EXPECT_EQ(exit_ok("b"), "release b/0; release b/1; finish");
  EXPECT_EQ(end_of("b"), "Failed: TaskRunValidationFailed");
}

TEST_F(ResultTest, EnumOfALateParamIsCheckedBeforeTheFirstStep) {
  given("a -> b; a -> c; finally f");
  declare("a", {"r", "empty"});
  task("b").retries = 1; // no retry helps
  task("b").checks = {{.param = "p", .value = late("tasks.a.results.r"), .allowed = {"x", "y"}}};
  task("c").checks = {{.param = "p", .value = late("tasks.a.results.empty"), .allowed = {"x"}}};
  task("f").checks = {{.param = "p", .value = late("tasks.a.results.r"), .allowed = {"z"}}};
  begin();
  EXPECT_EQ(exit_ok("a", {{"r", "z"}, {"empty", ""}}), "release a; release b; release c; start f");
  exit_ok("f");
  EXPECT_EQ(end_of("b"), "Failed: InvalidParamValue");
  EXPECT_EQ(outcome().tasks[1].message, "param `p` value: z is not in the enum list");
  EXPECT_EQ(outcome().tasks[1].attempts, 0);
}

TEST_F(ResultTest, EmptyValuePassesAnEnum) {
  given("a");
  task("a").checks = {{.param = "p", .value = "", .allowed = {"x"}}};
  EXPECT_EQ(begin(), "start a");
}

TEST_F(ResultTest, OfTheGroup) {
  given("a; finally f");
  task("a").results = {{.name = "s"},
                       {.name = "l", .type = ValueType::array},
                       {.name = "o", .type = ValueType::object}};
  declare("f", {"r"});
  Text mixed("<");
  mixed.append(late("tasks.a.results.s"));
  mixed.append(late("tasks.a.results.l[1]"));
  mixed.append(late("tasks.a.results.o.k"));
  mixed.append(">");
  group_result("text", {mixed});
  group_result("list", {late("tasks.a.results.l[*]")});
  group_result("object", {late("tasks.a.results.o")});
  group_result("array", {"x", late("tasks.a.results.l[*]"), mixed}, ValueType::array);
  group_result("fields", {mixed, "y"}, ValueType::object, {"one", "two"});
  group_result("last", {late("finally.f.results.r")});
  begin();
  exit_ok("a", {{"s", "s"}, {"l", R"(["0","1"])"}, {"o", R"({"k":"v"})"}});
  exit_ok("f", {{"r", "end"}});
  EXPECT_EQ(outcome().group_results,
            (Results{{"text", "<s1v>"},
                     {"list", Value::Array{"0", "1"}},
                     {"object", Value::Object{{"k", "v"}}},
                     {"array", Value::Array{"x", "0", "1", "<s1v>"}},
                     {"fields", Value::Object{{"one", "<s1v>"}, {"two", "y"}}},
                     {"last", "end"}}));
}

TEST_F(ResultTest, OfTheGroupAreLeftOutIfTheirTaskDidNotSucceed) {
  given("a; b; finally f");
  declare("a", {"r"});
  declare("b", {"r"});
  task("b").when = {{.input = "x", .values = {"y"}}};
  group_result("failed", {late("tasks.a.results.r")});
  group_result("skipped", {late("tasks.b.results.r")});
  begin();
  exit("a", 1);
  exit_ok("f");
  EXPECT_TRUE(outcome().group_results.empty());
  EXPECT_EQ(end(), "Failed: Failed");
}

TEST_F(ResultTest, OfTheGroupThatASucceededTaskDidNotWriteFailsIt) {
  given("a; b");
  declare("a", {"r"});
  declare("b", {"r"});
  group_result("x", {late("tasks.a.results.r")});
  group_result("y", {late("tasks.b.results.r[0]")}); // b's is no array
  group_result("z", {late("tasks.b.results.r")});
  begin();
  exit_ok("a");
  exit_ok("b", {{"r", "text"}});
  EXPECT_EQ(end(), "Failed: CouldntGetPipelineResult");
  EXPECT_EQ(outcome().message,
            "Failed to get PipelineResult from TaskRun Results for PipelineRun group: invalid "
            "pipelineresults [x y], the referenced results don't exist");
  EXPECT_EQ(outcome().group_results, (Results{{"z", "text"}}));
}

} // namespace
} // namespace taskgroup
