// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/catalog.h>

#include "core/planning/checked_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

const std::string& text_of(const ParamValue& value) { return std::get<Located>(value.data).text; }

std::vector<std::string> items_of(const ParamValue& value) {
  std::vector<std::string> items;
  for (const Located& item : std::get<std::vector<Located>>(value.data))
    items.push_back(item.text);
  return items;
}

// --- Kinds ---

TEST(Catalog, TakesEachKindThatCanBeRun) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: group}
spec: {tasks: [{name: one, taskRef: {name: task}}]}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: pipeline}
spec: {tasks: [{name: one, taskRef: {name: task}}]}
---
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {generateName: pipeline-run-}
spec: {pipelineRef: {name: pipeline}}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: task}
spec: {steps: [{image: i, script: x}]}
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: task-run}
spec: {taskRef: {name: task}}
---
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata: {name: custom-run}
spec: {customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: group}}
)yaml");
  EXPECT_THAT(checked.findings(), IsEmpty());
  std::vector<std::string> found;
  for (const Runnable& runnable : checked.catalog.runnables)
    found.push_back(runnable.kind + " " + runnable.name);
  EXPECT_THAT(found, ElementsAre("TaskGroup group", "Pipeline pipeline", "PipelineRun pipeline-run",
                                 "Task task", "TaskRun task-run", "CustomRun custom-run"));
  EXPECT_EQ(checked.runnable("pipeline-run").request.pipeline_name, "pipeline");
  EXPECT_EQ(checked.runnable("custom-run").group.tasks.at(0).name.text, "one");
  EXPECT_EQ(checked.catalog.tasks.count("task"), 1U);
  EXPECT_EQ(checked.catalog.pipelines.count("pipeline"), 1U);
  EXPECT_EQ(checked.catalog.groups.count("group"), 1U);
}

TEST(Catalog, UnpacksLists) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: v1
kind: List
items:
- {apiVersion: tekton.dev/v1, kind: Task, metadata: {name: a}, spec: {steps: []}}
- apiVersion: tekton.dev/v1
  kind: TaskList
  items:
  - {apiVersion: tekton.dev/v1, kind: Task, metadata: {name: b}, spec: {stepz: [], steps: []}}
)yaml");
  EXPECT_THAT(checked.findings(),
              ElementsAre(HasSubstr("items[1].items[0].spec.stepz: unknown field of TaskSpec")));
  EXPECT_EQ(checked.catalog.tasks.count("a"), 1U);
}

TEST(Catalog, RefusesOtherKindsByName) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: v1
kind: Secrt
---
apiVersion: tekton.dev/v1
kind: Pipelin
---
apiVersion: tekton.dev/v1
kind: StepAction
---
apiVersion: tekton.dev/v1alpha1
kind: Task
---
kind: Task
---
[a, list]
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(
          HasSubstr("kind: v1 Secrt is not taken (did you mean \"Secret\"?)"),
          HasSubstr("kind: tekton.dev/v1 Pipelin is not taken (did you mean \"Pipeline\"?)"),
          HasSubstr("apiVersion: found \"tekton.dev/v1\", expected \"tekton.dev/v1beta1\" or "
                    "\"tekton.dev/v1alpha1\" for a StepAction"),
          HasSubstr("apiVersion: found \"tekton.dev/v1alpha1\", expected \"tekton.dev/v1\" or "
                    "\"tekton.dev/v1beta1\" for a Task"),
          HasSubstr("apiVersion: missing; it says what the object is"),
          HasSubstr("found a list, expected an object with apiVersion and kind")));
}

TEST(Catalog, TakesWhatTasksUse) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: v1
kind: Secret
metadata: {name: token}
type: Opaque
data: {a: b25l, b: "dHd\nv"}
stringData: {a: plain}
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {k: v}, binaryData: {b: //4=}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce]}
)yaml");
  EXPECT_THAT(checked.findings(), IsEmpty());
  const GivenObjects& given = checked.catalog.given;
  EXPECT_THAT(given.secrets,
              ElementsAre(Pair("token", ElementsAre(Pair("a", "plain"), Pair("b", "two")))));
  EXPECT_THAT(given.config_maps,
              ElementsAre(Pair("settings", ElementsAre(Pair("b", "\xff\xfe"), Pair("k", "v")))));
  EXPECT_THAT(given.claims, ElementsAre("data"));
}

TEST(Catalog, ChecksWhatTasksUse) {
  const CheckedDocuments checked = decode_documents(R"yaml(
{apiVersion: v1, kind: Secret, metadata: {name: token}, data: {a: not base64}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {port: 80}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, dta: {}}
---
{apiVersion: v1, kind: Secret, stringData: {a: b}}
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("data.a: expected base64; plain text stands in `stringData`"),
                  HasSubstr("data.port: found the integer 80, expected a string; put it in quotes"),
                  HasSubstr("metadata.name: there is another ConfigMap"),
                  HasSubstr("dta: unknown field of ConfigMap"),
                  HasSubstr("metadata: missing a name")));
}

TEST(Catalog, ListsKindsThatMeanNothingHere) {
  const CheckedDocuments checked = decode_documents(R"yaml(
{apiVersion: v1, kind: ServiceAccount, metadata: {name: builder}, secrets: [{name: token}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, subjects: []}
---
{apiVersion: triggers.tekton.dev/v1beta1, kind: TriggerTemplate, spec: {resourcetemplates: []}}
)yaml");
  EXPECT_THAT(checked.findings(), IsEmpty());
  ASSERT_EQ(checked.catalog.no_effect_on_host.size(), 3U);
  EXPECT_EQ(checked.catalog.no_effect_on_host[0].path, "ServiceAccount");
  EXPECT_EQ(checked.catalog.no_effect_on_host[1].path, "RoleBinding");
}

TEST(Catalog, RefusesASecondObjectOfTheName) {
  const CheckedDocuments checked = decode_documents(R"yaml(
{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: a}, spec: {steps: []}}
---
{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: a}, spec: {steps: []}}
)yaml");
  EXPECT_THAT(checked.findings(),
              ElementsAre(HasSubstr("metadata.name: there is another Task \"a\", at test.yaml:2")));
}

TEST(Catalog, ANameIsNotNeededToRunWhatIsInAFile) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
spec: {tasks: [{name: one, taskRef: {name: task}}]}
)yaml");
  EXPECT_THAT(checked.findings(), IsEmpty());
  EXPECT_EQ(checked.runnable("taskgroup").request.name, "taskgroup");
}

TEST(Catalog, ChecksNames) {
  const CheckedDocuments checked = decode_documents(
      "{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: A_b}, spec: {steps: []}}");
  EXPECT_THAT(checked.findings(), ElementsAre(HasSubstr("metadata.name: found \"A_b\", expected at "
                                                        "most 63 lower-case letters")));
}

// --- Fields and values ---

TEST(Catalog, AnUnknownFieldIsAnErrorWithTheNearestName) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: a}
spec:
  steps:
  - image: i
    scrpt: x
    foo: x
)yaml");
  EXPECT_THAT(checked.findings(),
              ElementsAre("8: error: spec.steps[0].scrpt: unknown field of Step (did you mean "
                          "\"script\"?)",
                          "9: error: spec.steps[0].foo: unknown field of Step"));
}

TEST(Catalog, TakesAFieldInAnotherCaseAsTektonDoes) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: a}
spec:
  workspaces: [{name: w, mountpath: /creds}]
  steps: [{image: i, Script: x, script: z}]
)yaml");
  EXPECT_EQ(checked.catalog.tasks.at("a").workspaces.at(0).mount_path.text, "/creds");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("warning: spec.workspaces[0].mountpath: taken for \"mountPath\""),
                  HasSubstr("error: spec.steps[0].Script: given twice, also as \"script\"")));
}

TEST(Catalog, SaysWhatWasFoundAndWhatWasExpected) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: a}
spec:
  tasks:
  - name: 5
    retries: two
    timeout: 5
    runAfter: b
    taskRef: t
  - name: two
    timeout: 5 minutes
    taskRef: {name: t}
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(
          "7: error: spec.tasks[0].name: found the integer 5, expected a string; put it in "
          "quotes",
          "8: error: spec.tasks[0].retries: found the string \"two\", expected a whole number",
          "9: error: spec.tasks[0].timeout: found the integer 5, expected a duration such as "
          "\"1h30m\", in quotes",
          "10: error: spec.tasks[0].runAfter: found the string \"b\", expected a list of "
          "strings",
          "11: error: spec.tasks[0].taskRef: found the string \"t\", expected an object",
          "13: error: spec.tasks[1].timeout: \"5 minutes\" is no duration: the unit \" "
          "minutes\" is unknown; expected one such as \"1h30m\", \"90s\" or \"0\""));
}

TEST(Catalog, InfersTypesAsTektonsWebhookDoes) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: a}
spec:
  params:
  - {name: plain}
  - {name: by-default, default: [a]}
  - {name: by-object, default: {k: v}, properties: {k: {}}}
  - {name: by-properties, properties: {k: {type: string}, l: {}}}
  - {name: by-type, type: array}
  results:
  - {name: text}
  - {name: keys, properties: {k: {}}}
  - {name: list, type: array}
  - {name: odd, type: number}
  steps: []
)yaml");
  const TaskSpec& task = checked.catalog.tasks.at("a");
  std::vector<std::string> types;
  for (const ParamSpec& param : task.params)
    types.emplace_back(to_string(param.type));
  for (const ResultSpec& result : task.results)
    types.emplace_back(to_string(result.type));
  EXPECT_THAT(types, ElementsAre("string", "array", "object", "object", "array", "string", "object",
                                 "array", "string"));
  EXPECT_THAT(task.params[3].keys, ElementsAre("k", "l"));
  EXPECT_THAT(checked.findings(),
              ElementsAre(HasSubstr("spec.results[3].type: found \"number\", expected \"string\", "
                                    "\"array\" or \"object\"")));
}

TEST(Catalog, KeepsValuesThatAreNoStringsAsTheirJson) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: a}
spec:
  taskRef: {name: t}
  params:
  - {name: number, value: 0x10}
  - {name: boolean, value: yes}
  - {name: list, value: [a, "1", null]}
  - {name: mixed, value: [a, 1]}
  - {name: object, value: {k: v}}
  - {name: nested, value: {k: {l: m}}}
  - {name: nothing, value: }
)yaml");
  const auto& params = checked.runnable("a").request.params;
  ASSERT_THAT(params, SizeIs(7));
  EXPECT_EQ(text_of(params[0].value), "16");
  EXPECT_EQ(text_of(params[1].value), "true");
  EXPECT_THAT(items_of(params[2].value), ElementsAre("a", "1", ""));
  EXPECT_EQ(text_of(params[3].value), R"(["a",1])");
  EXPECT_EQ(params[4].value.type(), ValueType::object);
  EXPECT_EQ(text_of(params[5].value), R"({"k":{"l":"m"}})");
  EXPECT_EQ(text_of(params[6].value), "");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("warning: spec.params[3].value[1]: found the integer 1, so that "
                            "Tekton takes all of it for one text, its JSON; put it in quotes"),
                  HasSubstr("warning: spec.params[5].value.k: found an object")));
}

TEST(Catalog, KnowsWhatDiffersInV1beta1) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: a}
spec:
  resources: {inputs: []}
  steps:
  - {image: i, script: x, resources: {requests: {cpu: 1, memory: 1Gi}}, tty: true}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: b}
spec:
  steps:
  - {image: i, script: x, resources: {}}
---
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: c}
spec: {pipelineRef: {name: p, bundle: example.com/b}, timeout: 5m}
)yaml");
  const Quantities& requests = checked.catalog.tasks.at("a").steps.at(0).resources.requests;
  EXPECT_EQ(requests.at("cpu").text, "1");
  EXPECT_EQ(requests.at("memory").text, "1Gi");
  EXPECT_EQ(checked.runnable("c").request.timeout.text, "5m");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("spec.resources: PipelineResources were removed from Tekton"),
                  HasSubstr("spec.steps[0].resources: Step has this field in "
                            "tekton.dev/v1beta1 only"),
                  HasSubstr("spec.pipelineRef.bundle: found \"example.com/b\": removed from "
                            "Tekton")));
}

TEST(Catalog, ListsWhatHasNoEffectOnTheHost) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: a, labels: {x: y}}
spec:
  description: d
  steps:
  - image: i
    script: x
    computeResources: {requests: {cpu: 1}}
    securityContext: {runAsUser: 1001, runAsNonRoot: false}
)yaml");
  std::vector<std::string> paths;
  for (const NoEffect& field : checked.catalog.no_effect_on_host)
    paths.push_back(field.path);
  EXPECT_THAT(paths, ElementsAre("Task a: spec.steps[0].image",
                                 "Task a: spec.steps[0].computeResources.requests",
                                 "Task a: spec.steps[0].securityContext.runAsUser"));
}

TEST(Catalog, AMisspelledFieldIsNotMissingAsWell) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: a}
spec:
  parms: [{nmae: x}]
  taks:
  - name: one
    runAftre: [two]
    taskSpec: {stpes: [{imgae: i, scrpt: "echo $(params.x) $(params.y)"}]}
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(
          HasSubstr("spec.parms: unknown field"), HasSubstr("spec.params[0].nmae: unknown field"),
          HasSubstr("spec.taks: unknown field"), HasSubstr("spec.tasks[0].runAftre: unknown field"),
          HasSubstr("spec.tasks[0].runAfter[0]: there is no task \"two\""),
          HasSubstr("spec.tasks[0].taskSpec.stpes: unknown field"),
          HasSubstr("steps[0].imgae: unknown field"), HasSubstr("steps[0].scrpt: unknown field"),
          HasSubstr("steps[0].script: \"$(params.y)\": the param \"y\" is not")));
}

TEST(Catalog, LeavesOutWhatOthersCouldNotReferToAnyMore) {
  // Without its tasks a group would only give errors that follow from the first one.
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: a}
spec: {tasks: {name: one}}
---
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: b}
spec: {params: [{name: x, defualt: y}], tasks: [{name: one, taskRef: {name: t}}]}
)yaml");
  EXPECT_THAT(checked.findings(), SizeIs(2));
  ASSERT_THAT(checked.catalog.runnables, SizeIs(1));
  EXPECT_EQ(checked.catalog.runnables[0].name, "b");
}

// --- Groups of one Task ---

TEST(Catalog, ATaskIsAGroupOfOneThatPassesEverythingOn) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: build}
spec:
  params: [{name: a.b}, {name: list, type: array}]
  workspaces: [{name: source}, {name: cache, optional: true}]
  steps: [{image: i, args: ["$(params.list[*])"], script: 'echo $(params["a.b"])'}]
)yaml");
  EXPECT_THAT(checked.findings(), IsEmpty());
  const GroupSpec& group = checked.runnable("build").group;
  ASSERT_THAT(group.tasks, SizeIs(1));
  const PipelineTask& task = group.tasks[0];
  EXPECT_EQ(task.name.text, "build");
  ASSERT_TRUE(task.task_ref.has_value()) << "so that nothing is propagated into it";
  ASSERT_THAT(task.params, SizeIs(2));
  EXPECT_EQ(text_of(task.params[0].value), "$(params[\"a.b\"])");
  EXPECT_EQ(text_of(task.params[1].value), "$(params[\"list\"][*])");
  ASSERT_THAT(group.workspaces, SizeIs(2));
  EXPECT_FALSE(group.workspaces[0].optional);
  EXPECT_TRUE(group.workspaces[1].optional);
  EXPECT_THAT(task.workspaces, SizeIs(2));
}

TEST(Catalog, ATaskRunKnowsTheTaskItNames) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: run}
spec:
  taskRef: {name: build}
  retries: 2
  timeout: 5m
  params: [{name: a, value: x}, {name: unused, value: y}]
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: build}
spec:
  params: [{name: a}, {name: b, default: c}]
  steps: [{image: i, script: x}]
)yaml");
  EXPECT_THAT(checked.findings(), IsEmpty());
  const Runnable& run = checked.runnable("run");
  EXPECT_THAT(run.group.params, SizeIs(2));
  EXPECT_EQ(run.group.tasks[0].task_ref->text, "build");
  EXPECT_EQ(run.group.tasks[0].retries, 2);
  EXPECT_EQ(run.group.tasks[0].timeout.text, "5m") << "it holds for each attempt";
  EXPECT_EQ(run.request.timeout.text, "0");
  EXPECT_THAT(run.request.params, SizeIs(2));
}

TEST(Catalog, WhatARunPassesIsPropagatedIntoItsEmbeddedSpec) {
  const CheckedDocuments checked = check_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: a}
spec:
  params: [{name: greeting, value: hello}, {name: o, value: {k: v}}]
  workspaces: [{name: shared, emptyDir: {}}]
  pipelineSpec:
    tasks:
    - name: one
      taskSpec:
        steps: [{image: i, script: "echo $(params.greeting) $(params.o.k) > $(workspaces.shared.path)/x"}]
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: b}
spec:
  params: [{name: greeting, value: hello}]
  taskSpec:
    steps: [{image: i, script: "echo $(params.greeting)"}]
)yaml");
  EXPECT_THAT(checked.findings(), IsEmpty());
}

// --- Groups in Pipelines ---

constexpr std::string_view pipeline_with_groups = R"yaml(
  params: [{name: branch, default: main}, {name: files, type: array, default: [a, b]}, {name: late}]
  tasks:
  - name: prepare
    taskRef: {name: somewhere-else, resolver: hub}
  - name: build
    retries: 1
    timeout: 10m
    params:
    - {name: ref, value: refs/$(params.branch)}
    - {name: files, value: ["$(params.files[*])", c]
}
    - {name: digest, value: $(tasks.prepare.results.digest)}
    - {name: late, value: $(params.late)}
    workspaces: [{name: source, workspace: shared, subPath: sub}]
    taskSpec:
      apiVersion: taskgroup.dev/v1alpha1
      kind: TaskGroup
      spec:
        params: [{name: ref}, {name: files, type: array}, {name: digest}, {name: late}]
        workspaces: [{name: source}]
        tasks:
        - name: one
          taskSpec: {steps: [{image: i, script: "echo $(params.ref)"}]}
)yaml";

TEST(Catalog, TheGroupsOfAPipelineAreRunnables) {
  const CheckedDocuments checked =
      check_documents("apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: p}\nspec:"
                      + std::string(pipeline_with_groups));
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("warning: spec.tasks[1].retries: the whole group is tried again in "
                            "a cluster only")));
  ASSERT_THAT(checked.catalog.runnables, SizeIs(1));
  EXPECT_TRUE(checked.catalog.pipelines.empty());
  const Runnable& build = checked.catalog.runnables[0];
  EXPECT_TRUE(build.embedded);
  EXPECT_EQ(build.name, "build");
  EXPECT_EQ(build.request.timeout.text, "10m");
  ASSERT_THAT(build.request.params, SizeIs(2));
  EXPECT_EQ(text_of(build.request.params[0].value), "refs/main");
  EXPECT_THAT(items_of(build.request.params[1].value), ElementsAre("a", "b", "c"));
  ASSERT_THAT(build.open_params, SizeIs(2)) << "known only to the Pipeline's own run";
  EXPECT_EQ(build.open_params[0].name.text, "digest");
  EXPECT_EQ(build.open_params[1].name.text, "late");
}

TEST(Catalog, TheGroupsOfAPipelineRunGetItsParamsAndWorkspaces) {
  std::string spec(pipeline_with_groups);
  for (std::size_t at = 0; (at = spec.find('\n', at)) != std::string::npos; at += 3)
    spec.insert(at + 1, "  ");
  const CheckedDocuments checked = check_documents(
      "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: p}\nspec:\n"
      "  params: [{name: branch, value: dev}]\n"
      "  workspaces: [{name: shared, subPath: top, persistentVolumeClaim: {claimName: c}}]\n"
      "  pipelineSpec:"
      + spec);
  ASSERT_THAT(checked.catalog.runnables, SizeIs(1));
  const RunRequest& request = checked.catalog.runnables[0].request;
  EXPECT_EQ(text_of(request.params.at(0).value), "refs/dev");
  ASSERT_THAT(request.workspaces, SizeIs(1));
  EXPECT_EQ(request.workspaces[0].name.text, "source");
  EXPECT_EQ(request.workspaces[0].source, "c");
  EXPECT_EQ(request.workspaces[0].sub_path.text, "top/sub");
}

TEST(Catalog, AGroupThatIsReferredToMustBeThere) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata: {name: a}
spec: {customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: biuld}}
---
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: build}
spec: {tasks: [{name: one, taskRef: {name: t}}]}
---
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata: {name: b}
spec: {customRef: {apiVersion: example.dev/v1, kind: Wait, name: x}}
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("spec.customRef.name: there is no TaskGroup \"biuld\" in the given "
                            "files (did you mean \"build\"?)"),
                  HasSubstr("spec.customRef.kind: found \"Wait\", expected \"TaskGroup\""),
                  HasSubstr("spec.customRef.name: there is no TaskGroup \"x\"")));
}

TEST(Catalog, CustomTasksInsideAGroupAreRefusedByName) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: a}
spec:
  tasks:
  - {name: one, taskRef: {apiVersion: example.dev/v1, kind: Wait, name: x}}
  - {name: two, taskRef: {kind: ClusterTask, name: x}}
  - {name: three, taskRef: {apiVersion: tekton.dev/v1, kind: Task, name: x}}
  - {name: four, taskSpec: {apiVersion: example.dev/v1, kind: Wait, spec: {}}}
  - {name: five, taskSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, spec: {}}}
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(
          AllOf(HasSubstr("spec.tasks[0].taskRef.apiVersion: custom tasks inside a group are "
                          "not supported"),
                HasSubstr("Wait")),
          HasSubstr("spec.tasks[1].taskRef.kind: ClusterTasks were removed from Tekton"),
          HasSubstr("spec.tasks[2].taskRef.apiVersion: leave it out"),
          AllOf(HasSubstr("spec.tasks[3].taskSpec: custom tasks"), HasSubstr("Wait")),
          HasSubstr("spec.tasks[4].taskSpec: a TaskGroup inside a group is not supported yet")));
}

TEST(Catalog, WorkspacesAreBoundToOneSource) {
  const CheckedDocuments checked = decode_documents(R"yaml(
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: a}
spec:
  pipelineRef: {name: p}
  timeouts: {pipeline: 1h, tasks: 50m, finally: 20m}
  workspaces:
  - {name: none}
  - {name: both, emptyDir: {}, secret: {secretName: s}}
  - {name: nameless, configMap: {}}
  - {name: template, volumeClaimTemplate: {spec: {}}}
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 64Mi}}
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("spec.timeouts.finally: 50m for tasks and 20m for finally are more "
                            "than the limit of the whole, 1h"),
                  HasSubstr("spec.workspaces[0]: missing a source"),
                  HasSubstr("spec.workspaces[1]: has several sources"),
                  HasSubstr("spec.workspaces[2].configMap.name: missing")));
  const auto& bindings = checked.runnable("a").request.workspaces;
  ASSERT_THAT(bindings, SizeIs(5));
  EXPECT_EQ(bindings[3].kind, WorkspaceBinding::Kind::volume_claim_template);
  EXPECT_TRUE(bindings[4].memory);
  EXPECT_EQ(bindings[4].size_limit.text, "64Mi");
}

} // namespace
} // namespace taskgroup
