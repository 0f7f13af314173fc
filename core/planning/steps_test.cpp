// SPDX-License-Identifier: Apache-2.0
#include "core/planning/planner_fixture.h"
#include "core/planning/steps.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StepsTest : public PlannerTest {
protected:
  // Plan a group of one embedded task with this step; return the step.
  PlanStep step(Step written) {
    TaskSpec spec;
    spec.steps = {std::move(written)};
    group.tasks = {embedded("t", std::move(spec))};
    const Plan plan = planned();
    return plan.tasks.empty() ? PlanStep{} : plan.tasks[0].steps.at(0);
  }

  static std::vector<std::string> env(const PlanStep& step) {
    std::vector<std::string> result;
    for (const PlanEnv& variable : step.env)
      result.push_back(variable.name + "=" + marked(variable.value));
    return result;
  }
};

TEST_F(StepsTest, ScriptsGetAShebang) {
  EXPECT_EQ(step(script_step("s", "echo")).script->literal(), "#!/bin/sh\nset -e\necho");
  EXPECT_EQ(step(script_step("s", "#!/bin/bash\necho")).script->literal(), "#!/bin/bash\necho");
  EXPECT_EQ(step(script_step("s", "\n #!/bin/bash\n")).script->literal(), "\n #!/bin/bash\n");
}

TEST_F(StepsTest, AShebangMayBeAParam) {
  group.params = {declare("shell", ValueType::string, value("#!/bin/bash"))};
  EXPECT_EQ(step(script_step("s", "$(params.shell)\necho")).script->literal(), "#!/bin/bash\necho");
}

TEST_F(StepsTest, AnEmptyScriptIsNone) {
  Step written = command_step({"true"});
  written.script = at("");
  EXPECT_FALSE(step(written).script.has_value());
  EXPECT_THAT(marked(step(written).command), ElementsAre("true"));
}

// Covers: 19.R3
TEST_F(StepsTest, ScriptsForWindowsAreRefused) {
  group.tasks = {scripted("t", "#!win powershell")};
  EXPECT_THAT(errors(), HasSubstr("scripts for Windows are not supported"));
}

// Covers: 1.3.F1 1.3.F2
TEST_F(StepsTest, NamesAndContainers) {
  EXPECT_EQ(step(script_step("", "true")).name, "unnamed-0");
  EXPECT_EQ(step(script_step("", "true")).container, "step-t-unnamed-0");
  group.tasks = {scripted("a", "true"), scripted("a-b", "true")};
  group.tasks[0].task_spec->steps[0].name = at("b-c");
  group.tasks[1].task_spec->steps[0].name = at("c");
  const Plan plan = planned();
  EXPECT_EQ(plan.tasks[0].steps[0].container, "step-a-b-c");
  EXPECT_THAT(plan.tasks[1].steps[0].container, testing::MatchesRegex("step-a-b-c-[0-9a-f]{8}"));
}

// Covers: 1.3.F1 18.R6
TEST_F(StepsTest, LongNamesOfContainersAreCut) {
  const std::string name(50, 'x');
  group.tasks = {scripted(name, "true"), scripted(name + "y", "true")};
  for (PipelineTask& task : group.tasks)
    task.task_spec->steps[0].name = at(std::string(30, 's'));
  const Plan plan = planned();
  EXPECT_EQ(plan.tasks[0].steps[0].container.size(), 63U);
  EXPECT_NE(plan.tasks[0].steps[0].container, plan.tasks[1].steps[0].container);
}

TEST_F(StepsTest, TemplatesLieUnderTheSteps) {
  group.run.step_template.emplace();
  StepCommon& outer = *group.run.step_template;
  outer.image = at("outer");
  outer.working_dir = at("/outer");
  outer.env = {{.name = at("A"), .value = at("outer")}, {.name = at("B"), .value = at("outer")}};
  outer.args = {at("outer")};

  TaskSpec spec;
  spec.step_template.emplace();
  spec.step_template->image = at("inner");
  spec.step_template->env = {{.name = at("B"), .value = at("inner")},
                             {.name = at("C"), .value = at("inner")}};
  spec.step_template->command = {at("inner")};
  spec.steps = {Step{}, command_step({"own"}, {"arg"})};
  spec.steps[1].image = at("own");
  spec.steps[1].env = {{.name = at("C"), .value = at("own")},
                       {.name = at("D"), .value = at("own")}};
  group.tasks = {embedded("t", std::move(spec))};

  const Plan plan = planned();
  const PlanStep& first = plan.tasks[0].steps[0];
  EXPECT_EQ(first.image, "inner");
  EXPECT_EQ(marked(first.working_dir), "/outer");
  EXPECT_THAT(marked(first.command), ElementsAre("inner"));
  EXPECT_THAT(marked(first.args), ElementsAre("outer"));
  EXPECT_THAT(env(first), ElementsAre("A=outer", "B=inner", "C=inner"));
  const PlanStep& second = plan.tasks[0].steps[1];
  EXPECT_EQ(second.image, "own");
  EXPECT_THAT(marked(second.command), ElementsAre("own"));
  EXPECT_THAT(marked(second.args), ElementsAre("arg"));
  EXPECT_THAT(env(second), ElementsAre("A=outer", "B=inner", "C=own", "D=own"));
}

TEST_F(StepsTest, TheGroupsTemplateSeesTheGroupsVariablesInReferredTasksToo) {
  group.params = {declare("p", ValueType::string, value("group's"))};
  group.run.step_template.emplace();
  group.run.step_template->env = {
      {.name = at("P"), .value = at("$(params.p) $(context.pipeline.name) $(context.task.name)")}};
  facts.tasks["ref"].params = {declare("p", ValueType::string, value("task's"))};
  facts.tasks["ref"].steps = {script_step("s", "true")};
  group.tasks = {referring("t", "ref")};
  EXPECT_THAT(env(planned().tasks[0].steps[0]), ElementsAre("P=group's group ref"));
}

TEST_F(StepsTest, TheGroupsTemplateHasNoResults) {
  group.run.step_template.emplace();
  group.run.step_template->env = {{.name = at("R"), .value = at("$(tasks.t.results.r)")}};
  group.tasks = {scripted("t", "true")};
  group.tasks[0].task_spec->results = {produces("r")};
  EXPECT_THAT(errors(), HasSubstr("cannot be used in run.stepTemplate"));
}

TEST_F(StepsTest, ArraysExpandInCommandAndArgs) {
  group.params = {declare("list", ValueType::array, array({"a", "b"}))};
  const PlanStep planned_step =
      step(command_step({"$(params.list[*])"}, {"x", "$(params.list)", "$(params.list[1])"}));
  EXPECT_THAT(marked(planned_step.command), ElementsAre("a", "b"));
  EXPECT_THAT(marked(planned_step.args), ElementsAre("x", "a", "b", "b"));
}

TEST_F(StepsTest, LateTextsAreAllowedWhereTheAgentPutsThemIn) {
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec:
      results: [{name: r}]
      steps: [{name: s, image: i, script: "true"}]
  - name: t
    taskSpec:
      steps:
      - name: s
        image: i
        command: [c, $(tasks.a.results.r)]
        args: [$(tasks.a.results.r)]
        env: [{name: E, value: $(tasks.a.results.r)}]
        workingDir: /d/$(tasks.a.results.r)
)yaml");
  const PlanStep planned_step = planned().tasks[1].steps[0];
  EXPECT_THAT(marked(planned_step.command), ElementsAre("c", "<tasks.a.results.r>"));
  EXPECT_THAT(marked(planned_step.args), ElementsAre("<tasks.a.results.r>"));
  EXPECT_THAT(env(planned_step), ElementsAre("E=<tasks.a.results.r>"));
  EXPECT_EQ(marked(planned_step.working_dir), "/d/<tasks.a.results.r>");
}

// Covers: 5.F4 19.R5
TEST_F(StepsTest, LateTextsAreRefusedElsewhere) {
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec:
      results: [{name: r}]
      steps: [{name: s, image: i, script: "true"}]
  - name: t
    params: [{name: p, value: $(tasks.a.results.r)}]
    taskSpec:
      params: [{name: p}]
      volumes: [{name: v, emptyDir: {}}]
      workspaces: [{name: w, mountPath: /$(params.p)}]
      steps:
      - name: s
        image: $(params.p)
        script: "true"
        volumeMounts: [{name: v, mountPath: /$(params.p), subPath: $(params.p)}]
    workspaces: [{name: w, subPath: $(tasks.a.results.r)}]
  workspaces: [{name: w}]
)yaml");
  EXPECT_THAT(
      errors(),
      AllOf(HasSubstr("spec.tasks[1].taskSpec.steps[0].image: \"$(tasks.a.results.r)\" is known "
                      "only while the group runs"),
            HasSubstr("spec.tasks[1].taskSpec.steps[0].volumeMounts[0].mountPath: "),
            HasSubstr("spec.tasks[1].taskSpec.steps[0].volumeMounts[0].subPath: "),
            HasSubstr("spec.tasks[1].taskSpec.workspaces[0].mountPath: "),
            HasSubstr("spec.tasks[1].workspaces[0].subPath: ")));
}

// Covers: 2.1.F2
TEST_F(StepsTest, PoliciesAreRead) {
  load_spec(R"yaml(
  params: [{name: on-error, default: continue}]
  tasks:
  - name: t
    timeout: 1m30s
    retries: 2
    onError: $(params.on-error)
    taskSpec:
      steps:
      - {name: a, image: i, script: "true", timeout: 5s, onError: $(params.on-error)}
      - {name: b, image: i, script: "true", timeout: "0", onError: stopAndFail}
)yaml");
  const PlanTask planned_task = planned().tasks.at(0);
  EXPECT_EQ(planned_task.timeout, std::chrono::seconds(90));
  EXPECT_EQ(planned_task.retries, 2);
  EXPECT_EQ(planned_task.on_error, PlanTask::OnError::carry_on);
  EXPECT_EQ(planned_task.steps[0].timeout, std::chrono::seconds(5));
  EXPECT_EQ(planned_task.steps[0].on_error, PlanStep::OnError::carry_on);
  EXPECT_EQ(planned_task.steps[1].timeout, std::nullopt);
  EXPECT_EQ(planned_task.steps[1].on_error, PlanStep::OnError::stop_and_fail);
}

TEST_F(StepsTest, PoliciesMayBeLate) {
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec:
      results: [{name: r}]
      steps: [{name: s, image: i, script: "true"}]
  - name: t
    timeout: $(tasks.a.results.r)m
    onError: $(tasks.a.results.r)
    params: [{name: p, value: $(tasks.a.results.r)}]
    taskSpec:
      params: [{name: p}]
      steps: [{name: s, image: i, script: "true", onError: $(params.p), timeout: $(params.p)s}]
)yaml");
  const PlanTask task = planned().tasks.at(1);
  EXPECT_EQ(marked(task.late_timeout.value()), "<tasks.a.results.r>m");
  EXPECT_EQ(marked(task.late_on_error.value()), "<tasks.a.results.r>");
  EXPECT_EQ(marked(task.steps[0].late_timeout.value()), "<tasks.a.results.r>s");
  EXPECT_EQ(marked(task.steps[0].late_on_error.value()), "<tasks.a.results.r>");
  EXPECT_EQ(task.after, std::vector<std::size_t>{0});
}

TEST_F(StepsTest, ATimeoutThatAParamGivesIsReadWhenPlanned) {
  load_spec(R"yaml(
  params: [{name: soon, default: soon}, {name: limit, default: 2m}]
  tasks:
  - {name: t, timeout: $(params.limit), taskSpec: {steps: [{image: i, script: x}]}}
)yaml");
  EXPECT_EQ(planned().tasks.at(0).timeout, std::chrono::minutes(2));
  group.tasks[0].timeout.text = "$(params.soon)";
  EXPECT_THAT(errors(), HasSubstr("spec.tasks[0].timeout: \"soon\" is no duration"));
}

TEST_F(StepsTest, AStepNeedsACommandOrAnImageThatIsKnown) {
  Step bare;
  bare.image = at("busybox");
  bare.args = {at("-l")};
  group.tasks = {embedded("t", {.steps = {bare}})};
  EXPECT_THAT(errors(), HasSubstr("add a command or a script"));

  facts.images["busybox"] = {.entrypoint = {"sh"}, .cmd = {"-c", "x"}};
  EXPECT_THAT(marked(planned().tasks[0].steps[0].command), ElementsAre("sh"));
  EXPECT_THAT(marked(planned().tasks[0].steps[0].args), ElementsAre("-l"));
  group.tasks[0].task_spec->steps[0].args.reset();
  EXPECT_THAT(marked(planned().tasks[0].steps[0].args), ElementsAre("-c", "x"));
  facts.images["busybox"].entrypoint.clear();
  EXPECT_THAT(marked(planned().tasks[0].steps[0].command), ElementsAre("-c", "x"));
  EXPECT_THAT(marked(planned().tasks[0].steps[0].args), IsEmpty());
}

TEST_F(StepsTest, ImagesAreLookedUpForStepsWithoutCommandAndScript) {
  Step bare;
  bare.image = at("busybox");
  Step with_script = bare;
  with_script.image = at("other");
  with_script.script = at("true");
  group.tasks = {embedded("t", {.steps = {bare, with_script}}), embedded("u", {.steps = {bare}})};
  EXPECT_THAT(images_to_look_up(group, request, facts, options), ElementsAre("busybox"));
  facts.images["busybox"] = {.cmd = {"sh"}};
  EXPECT_THAT(images_to_look_up(group, request, facts, options), IsEmpty());
}

TEST_F(StepsTest, ImagesAreLookedUpForStepActionsToo) {
  Step referring;
  referring.ref = at("hello");
  group.tasks = {embedded("t", {.steps = {referring}})};
  facts.step_actions["hello"].step.image = at("hello-world");
  EXPECT_THAT(images_to_look_up(group, request, facts, options), ElementsAre("hello-world"));
}

} // namespace
} // namespace taskgroup
