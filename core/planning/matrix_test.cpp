// SPDX-License-Identifier: Apache-2.0
// A matrix in a plan: instances, edges and the limits of late ones.
#include "core/planning/planner_fixture.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class MatrixPlanTest : public PlannerTest {
protected:
  static std::vector<std::string> names(const Plan& plan) {
    std::vector<std::string> result;
    for (const PlanTask& task : plan.tasks)
      result.push_back(task.name);
    return result;
  }

  static std::string script_of(const PlanTask& task) { return task.steps.at(0).script->literal(); }
};

TEST_F(MatrixPlanTest, EachCombinationIsATask) {
  load_spec(R"yaml(
  params: [{name: browsers, type: array, default: [safari, chrome]}]
  tasks:
  - name: last
    runAfter: [m]
    taskSpec: {steps: [{name: s, image: i, script: "true"}]}
  - name: m
    matrix:
      params:
      - {name: os, value: [linux, mac]}
      - {name: browser, value: "$(params.browsers[*])"}
    taskSpec:
      steps: [{name: s, image: "i:$(params.os)", script: "$(params.os) $(params.browser) $(context.taskRun.name)"}]
)yaml");
  const Plan plan = planned();
  ASSERT_THAT(names(plan), ElementsAre("m-0", "m-1", "m-2", "m-3", "last"));
  EXPECT_THAT(script_of(plan.tasks[0]), HasSubstr("linux safari run-m-0"));
  EXPECT_THAT(script_of(plan.tasks[1]), HasSubstr("mac safari run-m-1"));
  EXPECT_THAT(script_of(plan.tasks[2]), HasSubstr("linux chrome run-m-2"));
  EXPECT_EQ(plan.tasks[3].steps[0].image, "i:mac");
  EXPECT_EQ(plan.tasks[3].steps[0].container, "step-m-3-s");
  EXPECT_THAT(plan.tasks[4].after, ElementsAre(0, 1, 2, 3));
  ASSERT_EQ(plan.matrices.size(), 1U);
  EXPECT_EQ(plan.matrices[0].task, "m");
  EXPECT_EQ(plan.matrices[0].first, 0U);
  EXPECT_EQ(plan.matrices[0].count, 4U);
  EXPECT_FALSE(plan.matrices[0].is_late());
}

TEST_F(MatrixPlanTest, OneCombinationKeepsTheName) {
  load_spec(R"yaml(
  tasks:
  - name: m
    matrix: {params: [{name: p, value: [x]}]}
    taskSpec: {steps: [{name: s, image: i, script: "$(params.p)"}]}
)yaml");
  EXPECT_THAT(names(planned()), ElementsAre("m"));
}

TEST_F(MatrixPlanTest, ParamOfTheTaskTakesItsDefaultWhereTheCombinationLacksIt) {
  load_spec(R"yaml(
  tasks:
  - name: m
    matrix: {include: [{params: [{name: p, value: x}]}, {params: [{name: q, value: "y"}]}]}
    taskSpec:
      params: [{name: p, default: none}, {name: q, default: "of-$(params.p)"}]
      steps: [{name: s, image: i, script: "$(params.p) $(params.q)"}]
)yaml");
  const Plan plan = planned();
  EXPECT_THAT(script_of(plan.tasks[0]), HasSubstr("x of-x"));
  EXPECT_THAT(script_of(plan.tasks[1]), HasSubstr("none y"));
}

TEST_F(MatrixPlanTest, DataOfAParamIsNotLookedAtAgain) {
  load_spec(R"yaml(
  params: [{name: list, type: array}]
  workspaces: [{name: w}]
  tasks:
  - name: m
    matrix: {params: [{name: p, value: ["$(params.list[*])", "$(workspaces.w.bound)"]}]}
    taskSpec: {steps: [{name: s, image: i, script: "$(params.p)"}]}
)yaml");
  request.params = {param("list", array({"$(context.taskRun.name)"}))};
  const Plan plan = planned();
  EXPECT_THAT(script_of(plan.tasks[0]), HasSubstr("$(context.taskRun.name)"));
  EXPECT_THAT(script_of(plan.tasks[1]), HasSubstr("true"));
}

TEST_F(MatrixPlanTest, EmptyArrayLeavesOneInstanceToSkip) {
  load_spec(R"yaml(
  params: [{name: none, type: array, default: []}]
  tasks:
  - name: m
    matrix: {params: [{name: p, value: ["a"]}, {name: q, value: "$(params.none[*])"}]}
    taskSpec: {steps: [{name: s, image: "i:$(params.p)", script: "$(params.q)"}]}
)yaml");
  const Plan plan = planned();
  EXPECT_THAT(names(plan), ElementsAre("m"));
  EXPECT_TRUE(plan.matrices[0].is_late());
}

TEST_F(MatrixPlanTest, LengthIsKnownEarlyAndMakesNoEdge) {
  load_spec(R"yaml(
  tasks:
  - name: first
    params: [{name: count, value: "$(tasks.m.matrix.length)"}]
    taskSpec: {params: [{name: count}], steps: [{name: s, image: "i:$(params.count)", script: "true"}]}
  - name: m
    matrix: {params: [{name: p, value: [a, b, c]}]}
    taskSpec: {results: [{name: r}], steps: [{name: s, image: i, script: "true"}]}
  - name: counts
    params: [{name: count, value: "$(tasks.m.matrix.r.length)"}]
    taskSpec: {params: [{name: count}], steps: [{name: s, image: i, script: "$(params.count)"}]}
)yaml");
  const Plan plan = planned();
  ASSERT_THAT(names(plan), ElementsAre("first", "m-0", "m-1", "m-2", "counts"));
  EXPECT_EQ(plan.tasks[0].steps[0].image, "i:3");
  EXPECT_THAT(plan.tasks[4].after, ElementsAre(1, 2, 3));
}

constexpr const char* over_a_result = R"yaml(
  tasks:
  - name: list
    taskSpec: {results: [{name: r, type: array}], steps: [{name: s, image: i, script: "true"}]}
  - name: m
    matrix: {params: [{name: p, value: "$(tasks.list.results.r[*])"}, {name: q, value: [a, b]}]}
    taskSpec: {results: [{name: out}], steps: [{name: s, image: i, script: "$(params.p)"}]}
  - name: again
    matrix: {params: [{name: p, value: "$(tasks.m.results.out[*])"}]}
    taskSpec: {steps: [{name: s, image: i, script: "$(params.p)"}]}
)yaml";

TEST_F(MatrixPlanTest, LateArraysArePlannedUpToABound) {
  load_spec(over_a_result);
  const Plan plan = planned();
  ASSERT_EQ(plan.matrices.size(), 2U);
  EXPECT_EQ(plan.matrices[0].count, 10U);
  EXPECT_EQ(plan.matrices[1].count, 10U); // no more than m has instances
  EXPECT_EQ(plan.tasks[1].name, "m-0");
  EXPECT_THAT(plan.tasks[1].after, ElementsAre(0));
  EXPECT_EQ(plan.tasks[11].after.size(), 10U);
  EXPECT_EQ(plan.matrices[0].params[0].values[0].sole_reference()->name(),
            "tasks.list.results.r[*]");
  EXPECT_EQ(plan.matrices[0].params[1].values.size(), 2U);
  Text script("#!/bin/sh\nset -e\n");
  script.append(*Reference::parse("matrix.p"));
  EXPECT_EQ(plan.tasks[1].steps[0].script, script);
}

TEST_F(MatrixPlanTest, BoundIsTheGroups) {
  load_spec(std::string(over_a_result) + "  run: {matrix: {maxCombinations: 3}}\n");
  EXPECT_EQ(planned().matrices[0].count, 3U);
}

TEST_F(MatrixPlanTest, LengthsThatAreKnownBound) {
  load_spec(R"yaml(
  tasks:
  - name: list
    taskSpec: {results: [{name: r, type: array}], steps: [{name: s, image: i, script: "true"}]}
  - name: m
    matrix:
      params: [{name: p, value: ["$(tasks.list.results.r[0])", "$(tasks.list.results.r[1])"]}]
      include: [{params: [{name: p, value: z}]}]
    taskSpec: {steps: [{name: s, image: i, script: "$(params.p)"}]}
)yaml");
  EXPECT_EQ(planned().matrices[0].count, 3U);
}

TEST_F(MatrixPlanTest, TooManyCombinationsOfAParam) {
  load_spec(R"yaml(
  params: [{name: list, type: array, default: [a, b, c]}]
  run: {matrix: {maxCombinations: 8}}
  tasks:
  - name: m
    matrix: {params: [{name: p, value: "$(params.list)"}, {name: q, value: "$(params.list[*])"}]}
    taskSpec: {steps: [{name: s, image: i, script: "$(params.p)"}]}
)yaml");
  EXPECT_THAT(errors(), HasSubstr("the matrix has more than 8 combinations"));
}

TEST_F(MatrixPlanTest, NameOfAnInstanceIsTaken) {
  load_spec(R"yaml(
  tasks:
  - name: m
    matrix: {params: [{name: p, value: [a, b]}]}
    taskSpec: {steps: [{name: s, image: i, script: "$(params.p)"}]}
  - name: m-1
    taskSpec: {steps: [{name: s, image: i, script: "true"}]}
)yaml");
  EXPECT_THAT(errors(), HasSubstr("the matrix of the task \"m\" makes a task \"m-1\""));
}

TEST_F(MatrixPlanTest, ChosenByTheAuthorsName) {
  load_spec(over_a_result);
  options.only_tasks = {"m"};
  EXPECT_EQ(planned().tasks.size(), 11U);
}

} // namespace
} // namespace taskgroup
