// SPDX-License-Identifier: Apache-2.0
#include "core/planning/planner_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace taskgroup {
namespace {

using testing::ElementsAre;

class BreakpointsTest : public PlannerTest {
protected:
  // Two tasks, `a` of two steps and `b` fanned out, and what the run says.
  Plan plan_with(const std::string& breakpoints) {
    load_spec(R"(  tasks:
  - name: a
    taskSpec:
      steps:
      - {name: one, image: x, script: "true"}
      - {image: x, script: "true"}
  - name: b
    taskSpec:
      params: [{name: p}]
      steps: [{name: only, image: x, script: "true"}]
    matrix: {params: [{name: p, value: [v, w]}]}
  run:
    breakpoints: )"
              + breakpoints);
    return planned();
  }

  // The volume that a step has at /tekton/debug; empty: none.
  static std::string debug_volume(const PlanStep& step) {
    const auto found =
        std::find_if(step.mounts.begin(), step.mounts.end(),
                     [](const PlanMount& mount) { return mount.path == "/tekton/debug"; });
    return found == step.mounts.end() ? std::string() : found->volume;
  }
};

TEST_F(BreakpointsTest, FailureOfEachStepOfTheTaskIsHeld) {
  const Plan plan = plan_with("[{task: a, onFailure: enabled}]");
  for (const PlanStep& step : plan.tasks[0].steps) {
    EXPECT_TRUE(step.pause_on_failure);
    EXPECT_FALSE(step.pause_before);
  }
  EXPECT_FALSE(plan.tasks[1].steps[0].pause_on_failure);
}

TEST_F(BreakpointsTest, NamedStepsAreHeldBefore) {
  const Plan plan = plan_with("[{task: a, beforeSteps: [unnamed-1]}]");
  EXPECT_FALSE(plan.tasks[0].steps[0].pause_before);
  EXPECT_TRUE(plan.tasks[0].steps[1].pause_before);
  EXPECT_FALSE(plan.tasks[0].steps[1].pause_on_failure);
}

TEST_F(BreakpointsTest, EachInstanceOfAMatrixHasThem) {
  const Plan plan = plan_with("[{task: b, beforeSteps: [only]}]");
  EXPECT_TRUE(plan.tasks[1].steps[0].pause_before);
  EXPECT_TRUE(plan.tasks[2].steps[0].pause_before);
}

TEST_F(BreakpointsTest, EachStepThatMayBeHeldHasAPlaceOfItsOwn) {
  const Plan plan = plan_with("[{task: a, onFailure: enabled}, {task: b, beforeSteps: [only]}]");
  std::vector<std::string> volumes;
  for (const PlanTask& task : plan.tasks)
    for (const PlanStep& step : task.steps)
      volumes.push_back(debug_volume(step));
  EXPECT_THAT(volumes, ElementsAre("t0-debug-0", "t0-debug-1", "t1-debug-0", "t2-debug-0"));
  for (const std::string& name : volumes)
    EXPECT_EQ(std::count_if(plan.volumes.begin(), plan.volumes.end(),
                            [&](const PlanVolume& volume) { return volume.name == name; }),
              1);
  EXPECT_EQ(std::count(plan.tasks[0].emptied.begin(), plan.tasks[0].emptied.end(), "/tekton/debug"),
            0)
      << "what is held between attempts is not taken away";
}

TEST_F(BreakpointsTest, OthersAreAsEver) {
  const Plan plan = plan_with("[{task: a, beforeSteps: [one]}]");
  EXPECT_EQ(debug_volume(plan.tasks[0].steps[1]), "");
  EXPECT_EQ(debug_volume(plan.tasks[1].steps[0]), "");
}

// Covers: 2.4.F1
TEST_F(BreakpointsTest, DebugOfATaskRunIsThatOfItsTask) {
  load(R"(
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: once}
spec:
  debug: {breakpoints: {onFailure: enabled, beforeSteps: [two]}}
  taskSpec:
    steps:
    - {name: one, image: x, script: "true"}
    - {name: two, image: x, script: "true"}
)");
  const Plan plan = planned();
  EXPECT_TRUE(plan.tasks[0].steps[0].pause_on_failure);
  EXPECT_FALSE(plan.tasks[0].steps[0].pause_before);
  EXPECT_TRUE(plan.tasks[0].steps[1].pause_on_failure);
  EXPECT_TRUE(plan.tasks[0].steps[1].pause_before);
}

} // namespace
} // namespace taskgroup
