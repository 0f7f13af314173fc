// SPDX-License-Identifier: Apache-2.0
#include "core/planning/planner_fixture.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ParamsTest : public PlannerTest {};

TEST_F(ParamsTest, ValuesOfTheRequestWinOverDefaults) {
  group.params = {declare("p", ValueType::string, value("default"))};
  group.tasks = {scripted("t", "$(params.p)")};
  EXPECT_EQ(script(), "default");
  request.params = {param("p", value("passed"))};
  EXPECT_EQ(script(), "passed");
}

TEST_F(ParamsTest, DefaultsReferToOtherParamsInAnyOrder) {
  group.params = {declare("image", ValueType::string, value("$(params.registry)/$(params.repo)")),
                  declare("registry", ValueType::string, value("$(params.host):80")),
                  declare("host", ValueType::string, value("example.org")),
                  declare("repo"),
                  declare("args", ValueType::array, array({"-i", "$(params.image)"})),
                  declare("map", ValueType::object, object({{"k", "$(params.args[1])"}}))};
  request.params = {param("repo", value("app")), param("host", value("h"))};
  group.tasks = {scripted("t", "$(params.image) $(params.args[1]) $(params.map.k)")};
  EXPECT_EQ(script(), "h:80/app h:80/app h:80/app");
}

TEST_F(ParamsTest, DefaultsMayHoldContexts) {
  group.params = {declare("p", ValueType::string, value("run $(context.pipelineRun.name)"))};
  group.tasks = {scripted("t", "$(params.p)")};
  EXPECT_EQ(script(), "run run");
}

TEST_F(ParamsTest, DefaultsInACircleAreAnError) {
  group.params = {declare("a", ValueType::string, value("$(params.b)")),
                  declare("b", ValueType::string, value("$(params.a)"))};
  EXPECT_THAT(errors(), HasSubstr("in a circle: a -> b -> a"));
  request.params = {param("b", value("x"))};
  group.tasks = {scripted("t", "$(params.a)")};
  EXPECT_EQ(script(), "x");
}

TEST_F(ParamsTest, ReportsEverythingThatIsWrongWithARequest) {
  group.params = {declare("missing"), declare("list", ValueType::array),
                  declare("map", ValueType::object), declare("colour")};
  group.params[2].keys = {"host", "port"};
  group.params[3].allowed = {at("green"), at("blue")};
  request.params = {param("list", value("x")), param("map", object({{"host", "h"}})),
                    param("colour", value("gren"))};
  EXPECT_THAT(errors(), AllOf(HasSubstr("param \"missing\" has no default and got no value"),
                              HasSubstr("param \"list\" is declared as an array and got a string"),
                              HasSubstr("param \"map\" lacks the key \"port\""),
                              HasSubstr("param \"colour\" cannot be \"gren\""),
                              HasSubstr("(did you mean \"green\"?)")));
}

TEST_F(ParamsTest, WhatFollowsFromAMissingValueIsNotReported) {
  group.params = {declare("list", ValueType::array)};
  group.tasks = {scripted("t", "true")};
  group.tasks[0].params = {param("list", value("$(params.list[*])"))};
  group.tasks[0].task_spec->params = {declare("list", ValueType::array)};
  EXPECT_THAT(errors(), Not(HasSubstr("got a string")));
}

TEST_F(ParamsTest, WarnsOfParamsThatNobodyKnows) {
  group.params = {declare("branch", ValueType::string, value("main"))};
  group.tasks = {scripted("t", "$(params.extra)")};
  request.params = {param("extra", value("used")), param("brnch", value("x"))};
  EXPECT_EQ(script(), "used");
  EXPECT_THAT(warnings, AllOf(HasSubstr("\"brnch\" has no effect"),
                              HasSubstr("did you mean \"branch\"?"), Not(HasSubstr("\"extra\""))));
}

TEST_F(ParamsTest, EmbeddedTasksSeeTheGroupsParamsAndTheirOwnWin) {
  group.params = {declare("outer"), declare("both")};
  request.params = {param("outer", value("o")), param("both", value("group's"))};
  group.tasks = {scripted("t", "$(params.outer) $(params.both)")};
  EXPECT_EQ(script(), "o group's");
  group.tasks[0].params = {param("both", value("task's"))};
  EXPECT_EQ(script(), "o task's");
}

TEST_F(ParamsTest, AGroupsValueWinsOverAnEmbeddedTasksDefault) {
  // As in stock:
  // examples/v1/pipelineruns/propagating_params_with_scope_precedence_default_only.yaml
  group.params = {declare("p"), declare("q")};
  request.params = {param("p", value("group's")), param("q", array({"x"}))};
  group.params[1].type = ValueType::array;
  group.tasks = {scripted("t", "$(params.p) $(params.q) $(params.r)")};
  group.tasks[0].task_spec->params = {declare("p", ValueType::string, value("default")),
                                      declare("q", ValueType::string, value("own type")),
                                      declare("r", ValueType::string, value("r of $(params.p)"))};
  EXPECT_EQ(script(), "group's own type r of group's");
}

TEST_F(ParamsTest, ReferredTasksGetOnlyWhatIsPassed) {
  group.params = {declare("outer")};
  request.params = {param("outer", value("o"))};
  facts.tasks["ref"].steps = {
      script_step("s", "$(params.outer) $(params.own) $(context.pipelineRun.name) "
                       "$(tasks.a.results.r) $(context.task.name)")};
  facts.tasks["ref"].params = {declare("own")};
  group.tasks = {scripted("a", "true"), referring("t", "ref")};
  group.tasks[0].task_spec->results = {produces("r")};
  group.tasks[1].params = {param("own", value("$(params.outer)!"))};
  EXPECT_EQ(script("t"), "$(params.outer) o! $(context.pipelineRun.name) $(tasks.a.results.r) ref");
}

TEST_F(ParamsTest, ParamsOfTasksAreChecked) {
  facts.tasks["ref"].steps = {script_step("s", "true")};
  facts.tasks["ref"].params = {
      declare("needed"), declare("list", ValueType::array),
      declare("map", ValueType::object, object({{"a", "1"}, {"b", "$(params.needed)"}}))};
  facts.tasks["ref"].params[2].keys = {"a", "b", "c"};
  group.tasks = {referring("t", "ref")};
  group.tasks[0].params = {param("list", value("x")), param("map", object({{"a", "2"}}))};
  EXPECT_THAT(errors(), AllOf(HasSubstr("task \"t\" passes no value for the param \"needed\""),
                              HasSubstr("\"list\" is declared as an array and got a string"),
                              HasSubstr("param \"map\" lacks the key \"c\"")));
}

TEST_F(ParamsTest, KeysThatAreNotPassedComeFromTheDefault) {
  facts.tasks["ref"].steps = {script_step("s", "$(params.map.a) $(params.map.b)")};
  facts.tasks["ref"].params = {declare("map", ValueType::object, object({{"a", "1"}, {"b", "2"}}))};
  group.tasks = {referring("t", "ref")};
  group.tasks[0].params = {param("map", object({{"a", "mine"}}))};
  EXPECT_EQ(script(), "mine 2");
}

TEST_F(ParamsTest, ATasksParamMayHoldTheTasksOwnVariables) {
  // The variable is the author's, so a later pass of stock's replaces it in the Task.
  facts.tasks["ref"].steps = {script_step("s", "$(params.p)")};
  facts.tasks["ref"].params = {declare("p")};
  facts.tasks["ref"].workspaces = {{.name = at("source")}};
  group.workspaces = {{.name = at("source")}};
  group.tasks = {referring("t", "ref")};
  group.tasks[0].workspaces = {{.name = at("source")}};
  group.tasks[0].params = {
      param("p", value("$(workspaces.source.path)/x $(context.task.retry-count)"))};
  EXPECT_EQ(script(), "/workspace/source/x <context.task.retry-count>");
}

TEST_F(ParamsTest, LateValuesAreSplicedIntoTheSteps) {
  group.tasks = {scripted("a", "true"), scripted("t", "[$(params.mix)] $(params.list[1])")};
  group.tasks[0].task_spec->results = {produces("r"), produces("l", ValueType::array)};
  group.tasks[1].params = {param("mix", value("v$(tasks.a.results.r)!")),
                           param("list", value("$(tasks.a.results.l[*])"))};
  EXPECT_EQ(script("t"), "[v<tasks.a.results.r>!] <tasks.a.results.l[1]>");
  group.tasks[1].task_spec->steps[0] = command_step({"echo"}, {"$(params.list[*])", "x"});
  EXPECT_THAT(marked(planned().tasks[1].steps[0].args), ElementsAre("<tasks.a.results.l[*]>", "x"));
}

TEST_F(ParamsTest, AParamThatIsNotUsedIsNeededAllTheSame) {
  group.tasks = {scripted("a", "true"), scripted("t", "true")};
  group.tasks[0].task_spec->results = {produces("r")};
  group.tasks[1].params = {param("unused", value("$(tasks.a.results.r)"))};
  EXPECT_EQ(planned().tasks[1].needs.size(), 1U);
}

TEST_F(ParamsTest, EnumsOfTasksAreCheckedNowOrLate) {
  group.tasks = {scripted("a", "true"), scripted("t", "true")};
  group.tasks[0].task_spec->results = {produces("r")};
  group.tasks[1].task_spec->params = {declare("p")};
  group.tasks[1].task_spec->params[0].allowed = {at("x"), at("y")};
  group.tasks[1].params = {param("p", value("z"))};
  EXPECT_THAT(errors(), HasSubstr("param \"p\" cannot be \"z\""));
  group.tasks[1].params = {param("p", value(""))};
  EXPECT_THAT(planned().tasks[1].checks, IsEmpty());
  group.tasks[1].params = {param("p", value("$(tasks.a.results.r)"))};
  const Plan plan = planned();
  ASSERT_EQ(plan.tasks[1].checks.size(), 1U);
  EXPECT_EQ(plan.tasks[1].checks[0].param, "p");
  EXPECT_EQ(marked(plan.tasks[1].checks[0].value), "<tasks.a.results.r>");
  EXPECT_THAT(plan.tasks[1].checks[0].allowed, ElementsAre("x", "y"));
}

// Covers: 5.F3
TEST_F(ParamsTest, ContextsNameTheRunAndTheTask) {
  request.namespace_name = "ns";
  group.tasks = {scripted("t", "$(context.pipelineRun.name) $(context.pipelineRun.namespace) "
                               "$(context.pipelineRun.uid) $(context.pipeline.name) "
                               "$(context.taskRun.name) $(context.taskRun.namespace) "
                               "$(context.task.name) $(params.retries) $(results.r.path) "
                               "$(results['r'].path) $(steps.step-run.exitCode.path) "
                               "$(credentials.path)")};
  group.tasks[0].retries = 2;
  group.tasks[0].params = {param("retries", value("$(context.pipelineTask.retries)"))};
  group.tasks[0].task_spec->results = {produces("r")};
  EXPECT_EQ(script(), "run ns uid group run-t ns run-t 2 /tekton/results/r /tekton/results/r "
                      "/tekton/steps/step-run/exitCode /tekton/creds");
}

TEST_F(ParamsTest, WhenExpressionsAreReplaced) {
  group.params = {declare("list", ValueType::array, array({"a", "b"})),
                  declare("s", ValueType::string, value("text"))};
  group.tasks = {scripted("m", "true"), scripted("t", "true")};
  group.tasks[0].task_spec->results = {produces("r")};
  group.tasks[1].when = {
      {.input = at("$(params.s)"), .op = at("in"), .values = {at("$(params.list[*])"), at("c")}},
      {.input = at("$(tasks.m.results.r)"), .op = at("notin"), .values = {at("$(params.s)")}}};
  const PlanTask task = planned().tasks.at(1);
  EXPECT_EQ(marked(task.when[0].input), "text");
  EXPECT_THAT(marked(task.when[0].values), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(task.when[0].negated);
  EXPECT_EQ(marked(task.when[1].input), "<tasks.m.results.r>");
  EXPECT_TRUE(task.when[1].negated);
}

} // namespace
} // namespace taskgroup
