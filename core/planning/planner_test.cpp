// SPDX-License-Identifier: Apache-2.0
#include "core/planning/planner_fixture.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> names(const Plan& plan) {
  std::vector<std::string> result;
  for (const PlanTask& task : plan.tasks)
    result.push_back(task.name);
  return result;
}

std::vector<std::string> needs_of(const PlanTask& task) {
  std::vector<std::string> result;
  for (const Reference& reference : task.needs)
    result.push_back(reference.name());
  return result;
}

TEST_F(PlannerTest, OrdersTasksStably) {
  group.tasks = {scripted("c", "true"), scripted("a", "true"), scripted("b", "true")};
  group.tasks[0].run_after = {at("b")};
  const Plan plan = planned();
  EXPECT_THAT(names(plan), ElementsAre("a", "b", "c"));
  EXPECT_THAT(plan.tasks[2].after, ElementsAre(1));
}

TEST_F(PlannerTest, FinallyTasksComeLastAndWaitForNoOneInParticular) {
  group.tasks = {scripted("a", "true")};
  group.tasks[0].task_spec->results = {produces("r")};
  group.finally = {scripted("f", "echo $(tasks.a.results.r)")};
  const Plan plan = planned();
  ASSERT_THAT(names(plan), ElementsAre("a", "f"));
  EXPECT_TRUE(plan.tasks[1].is_finally);
  EXPECT_THAT(plan.tasks[1].after, IsEmpty());
  EXPECT_THAT(needs_of(plan.tasks[1]), ElementsAre("tasks.a.results.r"));
}

TEST_F(PlannerTest, ResultReferencesMakeEdges) {
  group.tasks = {scripted("user", "true"), scripted("when", "true"),
                 scripted("embedded", "echo $(tasks.maker.results.r)"), scripted("maker", "true")};
  group.tasks[3].task_spec->results = {produces("r")};
  group.tasks[0].params = {param("p", value("x-$(tasks.maker.results.r)"))};
  group.tasks[1].when = {
      {.input = at("$(tasks.maker.results.r)"), .op = at("in"), .values = {at("yes")}}};
  const Plan plan = planned();
  EXPECT_THAT(names(plan), ElementsAre("maker", "user", "when", "embedded"));
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_THAT(plan.tasks[i].after, ElementsAre(0)) << i;
    EXPECT_THAT(needs_of(plan.tasks[i]), ElementsAre("tasks.maker.results.r")) << i;
  }
}

TEST_F(PlannerTest, NeedsNamesWhatTheFactsLack) {
  group.tasks = {referring("a", "t"), referring("b", "t"), referring("c", "known")};
  facts.tasks["known"];
  const std::vector<MissingObject> missing = needs(group, facts);
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing[0].kind, "Task");
  EXPECT_EQ(missing[0].name, "t");
}

TEST_F(PlannerTest, NeedsNamesATaskThatAParamNames) {
  group.params = {declare("kind", ValueType::string, value("fast"))};
  group.tasks = {referring("a", "$(params.kind)-$(context.pipelineRun.name)")};
  group.finally = {referring("b", "$(params.unknown)")};
  request.name = "run";
  request.params = {param("kind", value("slow"))};
  EXPECT_THAT(needs(group, facts), IsEmpty());
  resolve_task_names(group, request);
  const std::vector<MissingObject> missing = needs(group, facts);
  ASSERT_EQ(missing.size(), 1U) << "what no param names is for plan() to report";
  EXPECT_EQ(missing[0].name, "slow-run");
}

TEST_F(PlannerTest, PipelineRefKeepsTheGroupsOwnRun) {
  group.pipeline_ref = at("build");
  group.run.max_parallel = 3;
  EXPECT_EQ(needs(group, facts).at(0).kind, "Pipeline");
  facts.pipelines["build"].tasks = {referring("a", "t")};
  EXPECT_EQ(needs(group, facts).at(0).name, "t");
  facts.tasks["t"].steps = {script_step("s", "true")};
  EXPECT_THAT(needs(group, facts), IsEmpty());
  const Plan plan = planned();
  EXPECT_THAT(names(plan), ElementsAre("a"));
  EXPECT_EQ(plan.max_parallel, 3);
}

TEST_F(PlannerTest, OnlyTasksKeepsWhatTheyNeed) {
  group.tasks = {scripted("a", "true"), scripted("b", "true"), scripted("c", "true")};
  group.tasks[0].task_spec->results = {produces("r")};
  group.tasks[1].run_after = {at("a")};
  group.finally = {scripted("f", "echo $(tasks.c.status) $(tasks.b.status)")};
  options.only_tasks = {"b"};
  EXPECT_THAT(names(planned()), ElementsAre("a", "b", "f"));
  EXPECT_EQ(script("f"), "echo None <tasks.b.status>");
}

TEST_F(PlannerTest, OnlyTasksLeavesOutFinallyTasksAndResultsThatCannotBe) {
  group.tasks = {scripted("a", "true"), scripted("b", "true")};
  group.tasks[1].task_spec->results = {produces("r")};
  group.finally = {scripted("f", "echo $(tasks.b.results.r)")};
  group.results = {{.name = at("out"), .value = value("$(tasks.b.results.r)")}};
  options.only_tasks = {"a"};
  const Plan plan = planned();
  EXPECT_THAT(names(plan), ElementsAre("a"));
  EXPECT_THAT(plan.results, IsEmpty());
  EXPECT_THAT(warnings, HasSubstr("\"f\" is left out"));
}

TEST_F(PlannerTest, OnlyTasksNamesMustExist) {
  group.tasks = {scripted("build", "true")};
  options.only_tasks = {"biuld"};
  EXPECT_THAT(errors(), HasSubstr("did you mean \"build\"?"));
}

TEST_F(PlannerTest, GroupResultsKeepTheirShape) {
  group.tasks = {scripted("a", "true")};
  group.tasks[0].task_spec->results = {produces("s"), produces("l", ValueType::array)};
  group.results = {{.name = at("text"), .value = value("v$(tasks.a.results.s)")},
                   {.name = at("whole"), .value = value("$(tasks.a.results.l[*])")},
                   {.name = at("list"), .value = array({"$(tasks.a.results.l[1])", "x"})},
                   {.name = at("map"), .value = object({{"k", "$(tasks.a.results.s)"}})}};
  const Plan plan = planned();
  ASSERT_EQ(plan.results.size(), 4U);
  EXPECT_THAT(marked(plan.results[0].values), ElementsAre("v<tasks.a.results.s>"));
  EXPECT_THAT(marked(plan.results[1].values), ElementsAre("<tasks.a.results.l[*]>"));
  EXPECT_EQ(plan.results[2].type, ValueType::array);
  EXPECT_THAT(marked(plan.results[2].values), ElementsAre("<tasks.a.results.l[1]>", "x"));
  EXPECT_EQ(plan.results[3].type, ValueType::object);
  EXPECT_THAT(plan.results[3].keys, ElementsAre("k"));
}

TEST_F(PlannerTest, ATaskThatIsNotThereIsAnError) {
  group.tasks = {referring("a", "git-clon")};
  facts.tasks["git-clone"];
  EXPECT_THAT(errors(), HasSubstr("there is no Task \"git-clon\" (did you mean \"git-clone\"?)"));
}

} // namespace
} // namespace taskgroup
