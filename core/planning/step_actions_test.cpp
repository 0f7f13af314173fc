// SPDX-License-Identifier: Apache-2.0
#include "core/planning/checked_documents.h"
#include "core/planning/planner_fixture.h"
#include "core/planning/step_actions.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string action(const std::string& name, const std::string& spec) {
  return "\n---\napiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {name: " + name
         + "}\nspec:\n" + spec;
}

class StepActionsTest : public PlannerTest {
protected:
  // Return what is missing, as "Kind name at path".
  std::vector<std::string> missing() const {
    std::vector<std::string> result;
    for (const MissingObject& object : needs(group, facts))
      result.push_back(object.kind + " " + object.name + " at " + object.where.path);
    return result;
  }
};

constexpr const char* two_users = R"yaml(
  tasks:
  - name: a
    taskSpec:
      steps:
      - {name: s, ref: {name: say}}
      - {name: t, ref: {name: say}}
  - {name: b, taskRef: {name: other}}
)yaml";

TEST_F(StepActionsTest, AreNeededByEmbeddedTasksAndByThoseAtHand) {
  load_spec(two_users);
  EXPECT_THAT(missing(), ElementsAre("StepAction say at spec.tasks[0].taskSpec.steps[0].ref.name",
                                     "Task other at spec.tasks[1].taskRef.name"));
  load_spec(two_users, task("other", "  steps: [{name: s, ref: {name: more}}]")
                           + action("say", "  {image: i, script: x}"));
  EXPECT_THAT(missing(), ElementsAre("StepAction more at spec.steps[0].ref.name"));
}

TEST_F(StepActionsTest, TakeThePlaceOfWhatAStepWouldSay) {
  target = Target::pod;
  options.pod = true;
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec:
      steps:
      - name: s
        ref: {name: say}
        onError: continue
        timeout: 1m
        computeResources: {requests: {cpu: "1"}}
        securityContext: {runAsUser: 1}
)yaml",
            action("say", "  image: of-action\n  command: [run]\n  workingDir: /w\n"
                          "  securityContext: {runAsGroup: 2}\n  results: [{name: r}]"));
  const PlanStep step = planned().tasks.at(0).steps.at(0);
  EXPECT_EQ(step.image, "of-action");
  EXPECT_THAT(marked(step.command), ElementsAre("run"));
  EXPECT_EQ(marked(step.working_dir), "/w");
  EXPECT_EQ(step.results.at(0).name, "r");
  EXPECT_EQ(step.on_error, PlanStep::OnError::carry_on);
  EXPECT_EQ(step.timeout, Millis(60'000));
  EXPECT_THAT(step.container_fields, HasSubstr(R"("requests")"));
  EXPECT_THAT(step.container_fields, HasSubstr(R"("securityContext":{"runAsGroup":2})"));
}

// Covers: 15.F2
TEST_F(StepActionsTest, AParamThatIsAStepsResultHasTheTypeThatIsDeclared) {
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec:
      steps:
      - {name: make, image: i, script: x, results: [{name: r}]}
      - name: s
        ref: {name: say}
        params:
        - {name: word, value: $(steps.make.results.r)}
        - {name: list, value: $(steps.make.results.r)}
        - {name: star, value: "$(steps.make.results.r[*])"}
        - {name: pair, value: $(steps.make.results.r)}
        - {name: mixed, value: "$(steps.make.results.r)-$(steps.make.results.r.k)"}
)yaml",
            action("say", R"yaml(
  params:
  - {name: word}
  - {name: list, type: array}
  - {name: star, type: array}
  - {name: pair, type: object, properties: {k: {}}}
  - {name: mixed}
  image: i
  command: [run]
  args: [$(params.word), "$(params.list[*])", "$(params.list[1])", "$(params.star[*])", $(params.pair.k), $(params.mixed)]
)yaml"));
  EXPECT_THAT(marked(planned().tasks.at(0).steps.at(1).args),
              ElementsAre("<steps.make.results.r>", "<steps.make.results.r[*]>",
                          "<steps.make.results.r[1]>", "<steps.make.results.r[*]>",
                          "<steps.make.results.r.k>",
                          "<steps.make.results.r>-<steps.make.results.r.k>"));
}

TEST_F(StepActionsTest, AParamOfAnotherTypeIsRefused) {
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec:
      steps:
      - name: s
        ref: {name: say}
        params: [{name: word, value: [a]}, {name: list, value: a}, {name: pair, value: {l: x}}]
)yaml",
            action("say", R"yaml(
  params: [{name: word}, {name: list, type: array}, {name: pair, type: object, properties: {k: {}}}]
  image: i
  command: [run, $(params.word), "$(params.list[0])", $(params.pair.k)]
)yaml"));
  const std::string found = errors();
  EXPECT_THAT(found, HasSubstr(R"(param "word" is declared as a string and got an array)"));
  EXPECT_THAT(found, HasSubstr(R"(param "list" is declared as an array and got a string)"));
  EXPECT_THAT(found, HasSubstr(R"(param "pair" lacks the key "k")"));
}

TEST_F(StepActionsTest, DefaultsThatReferToEachOtherAreRefused) {
  load_spec("  tasks: [{name: a, taskSpec: {steps: [{name: s, ref: {name: say}}]}}]",
            action("say", "  params: [{name: a, default: $(params.b)}, {name: b, default: "
                          "$(params.a)}]\n  image: i\n  command: [$(params.a)]"));
  EXPECT_THAT(errors(), HasSubstr("refer to each other in a circle"));
}

TEST(StepActions, ThatAreNotAtHandAreNotChecked) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  results: [{name: r, value: $(steps.s.results.r)}]
  steps:
  - {name: s, ref: {name: say}, params: [{name: any, value: x}]}
  - {name: u, image: i, command: [x, $(steps.s.results.r)]}
)yaml");
  EXPECT_THAT(checked.findings(), IsEmpty());
  EXPECT_THAT(checked.skipped,
              ElementsAre(HasSubstr("spec.steps[0].ref.name: the StepAction \"say\" is not at "
                                    "hand")));
}

TEST(StepActions, SayWhatHasNoEffect) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  steps:
  - {name: s, ref: {name: say}, securityContext: {runAsUser: 1}}
---
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: say}
spec:
  params: [{name: p, enum: [a, b], default: a}]
  image: i
  command: [$(params.p)]
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("warning: spec.steps[0].securityContext: has no effect beside `ref`"),
                  HasSubstr("warning: spec.params[0]: the enum of \"p\" is not checked")));
}

TEST(StepActions, AreReferredToByAPlainName) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  steps:
  - {name: a, ref: {name: $(params.p)}}
  - {name: b, ref: {name: https://example.com/say}}
  - {name: c, ref: {}}
)yaml");
  EXPECT_THAT(checked.findings(),
              ElementsAre(HasSubstr("spec.steps[0].ref.name: found \"$(params.p)\", expected the "
                                    "name of a StepAction"),
                          HasSubstr("spec.steps[1].ref.name: found \"https://example.com/say\""),
                          HasSubstr("spec.steps[2].ref.name: missing")));
}

// Covers: 15.F1
TEST_F(StepActionsTest, AStringForAnObjectLeavesItsDefault) {
  load_spec(R"yaml(
  params: [{name: text, default: x}]
  tasks:
  - name: a
    taskSpec:
      steps:
      - {name: s, ref: {name: say}, params: [{name: pair, value: "$(params.text[*])"}]}
)yaml",
            action("say", "  params: [{name: pair, properties: {k: {}}, default: {k: v}}]\n"
                          "  image: i\n  command: [$(params.pair.k)]"));
  Diagnostics diagnostics;
  std::vector<std::string> skipped;
  validate(group, facts, diagnostics, skipped);
  EXPECT_EQ(diagnostics.to_string(), "");
  EXPECT_THAT(marked(planned().tasks.at(0).steps.at(0).command), ElementsAre("v"));
  EXPECT_THAT(warnings, HasSubstr("got a string, so that its default is taken"));
}

} // namespace
} // namespace taskgroup
