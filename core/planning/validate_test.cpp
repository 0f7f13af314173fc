// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/planner.h>

#include "core/planning/checked_documents.h"
#include "core/planning/validation_cases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string name_of(const testing::TestParamInfo<ValidationCase>& info) { return info.param.name; }

class ValidationCases : public testing::TestWithParam<ValidationCase> {};

TEST_P(ValidationCases, Hold) {
  const auto findings = check_documents(GetParam().document()).findings();
  std::vector<testing::Matcher<std::string>> expected;
  for (const std::string& part : GetParam().finds)
    expected.push_back(AllOf(
        HasSubstr(part), HasSubstr(part.starts_with("warning: ") ? ": warning: " : ": error: ")));
  EXPECT_THAT(findings, testing::ElementsAreArray(expected));
}

INSTANTIATE_TEST_SUITE_P(Of, ValidationCases, testing::ValuesIn(validation_cases()), name_of);

TEST(ValidationCases, AreFound) { EXPECT_GT(validation_cases().size(), 30U); }

// --- Tasks by name ---

constexpr const char* group_and_task = R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: g}
spec:
  params: [{name: of-group}]
  workspaces: [{name: shared}]
  tasks:
  - name: a
    taskRef: {name: t}
    params: [{name: p, value: [x]}, {name: extra, value: x}]
    workspaces: [{name: srouce, workspace: shared}]
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  params: [{name: p}, {name: of-group}]
  workspaces: [{name: source}]
  steps:
  - {image: i, script: "echo $(params.p) $(params.shared) $(workspaces.shared.path) $(tasks.a.results.r)"}
)yaml";

TEST(Validate, ATaskByNameSeesNothingOfTheGroup) {
  EXPECT_THAT(
      check_documents(group_and_task).findings(),
      ElementsAre(
          HasSubstr("spec.tasks[0]: the param \"of-group\" of the Task has no default and is not "
                    "passed"),
          HasSubstr("spec.tasks[0]: the workspace \"source\" of the Task is not bound; bind it "
                    "under the task's `workspaces` (did you mean \"srouce\"?)"),
          HasSubstr("spec.tasks[0].params[0].value: the param \"p\" of the Task is a string, "
                    "found an array"),
          HasSubstr("spec.tasks[0].workspaces[0].name: the Task declares no workspace "
                    "\"srouce\" (did you mean \"source\"?)"),
          HasSubstr("\"$(params.shared)\": the param \"shared\" is not declared"),
          HasSubstr("\"$(tasks.a.results.r)\": a Task that is referred to by name does not know "
                    "the tasks of the group"),
          HasSubstr("\"$(workspaces.shared.path)\": the workspace \"shared\" is not declared")));
}

TEST(Validate, PortsThatOnlyV1beta1DeclaresMayClash) {
  EXPECT_THAT(check_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: g}
spec:
  tasks:
  - {name: a, taskRef: {name: t}}
  - {name: b, taskSpec: {steps: [{image: i, script: x, env: [{name: PORT, value: "80"}]}]}}
  - {name: c, runAfter: [a, b], taskRef: {name: t}}
---
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: t}
spec: {steps: [{image: i, script: x, ports: [{containerPort: 80}]}]}
)yaml")
                  .findings(),
              ElementsAre(HasSubstr("warning: spec.tasks[1].taskSpec.steps[0].env[0].value: the "
                                    "tasks \"a\" and \"b\" may run at the same time and both "
                                    "listen on port 80")));
}

// Covers: 5.1.F4 16.F3
TEST(Validate, SaysWhatItCouldNotCheck) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: g}
spec:
  tasks:
  - {name: a, taskRef: {name: elsewhere}, params: [{name: p, value: x}]}
  - {name: b, params: [{name: p, value: $(tasks.a.results.unknown)}], taskRef: {name: elsewhere}}
---
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: h}
spec: {pipelineRef: {name: far-away}}
)yaml");
  EXPECT_THAT(checked.findings(), IsEmpty());
  EXPECT_THAT(
      checked.skipped,
      ElementsAre(HasSubstr("spec.tasks[0].taskRef.name: the Task \"elsewhere\" is not at hand"),
                  HasSubstr("spec.tasks[1].taskRef.name: the Task \"elsewhere\" is not at hand"),
                  HasSubstr("spec.pipelineRef.name: the Pipeline \"far-away\" is not at hand")));
}

TEST(Validate, AGroupMayRunAPipelineByName) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: g}
spec:
  pipelineRef: {name: p}
  run: {stepTemplate: {image: i, env: [{name: A, value: "$(params.x) $(params.y)"}]}}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  params: [{name: x}]
  tasks: [{name: a, taskSpec: {steps: [{image: i, script: x}]}}]
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("spec.run.stepTemplate.env[0].value: \"$(params.y)\": the param "
                            "\"y\" is not declared")));
}

TEST(Validate, ReportsAllErrorsOfAFileAtOnceSortedByLine) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: g}
spec:
  discription: unknown field
  tasks:
  - {name: a, runAfter: [b], taskSpec: {steps: [{image: i, script: "$(params.x)"}]}}
  - {name: b, runAfter: [a], timeout: never, taskSpec: {sidecars: [{name: s, image: i, script: x, restartPolicy: Always}], steps: [{image: i, script: x}]}}
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("6: error: spec.discription: unknown field of TaskGroupSpec (did you "
                            "mean \"description\"?)"),
                  HasSubstr("8: error: spec.tasks[0].name: the tasks wait for each other"),
                  HasSubstr("8: error: spec.tasks[0].taskSpec.steps[0].script: \"$(params.x)\""),
                  HasSubstr("9: error: spec.tasks[1].timeout: \"never\" is no duration"),
                  HasSubstr("9: error: spec.tasks[1].taskSpec.sidecars[0].restartPolicy: ")));
}

TEST(Validate, TakesALongChainWithoutDeepRecursion) {
  std::string yaml = "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n"
                     "  tasks:\n"; // a TaskGroup may not have as many
  constexpr int tasks = 2'000;
  for (int i = 0; i < tasks; ++i)
    yaml += "  - {name: t" + std::to_string(i) + ", runAfter: [t" + std::to_string((i + 1) % tasks)
            + "], taskSpec: {steps: [{image: i, script: x}]}}\n";
  const auto findings = check_documents(yaml).findings();
  EXPECT_THAT(findings, UnorderedElementsAre(HasSubstr("in a cycle: t0 -> t1 -> t2"),
                                             HasSubstr("the pod has 2000 containers")));
}

} // namespace
} // namespace taskgroup
