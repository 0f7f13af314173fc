// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/planner.h>

#include "core/planning/checked_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace taskgroup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view group_header =
    "apiVersion: taskgroup.dev/v1alpha1\nkind: TaskGroup\nmetadata: {name: g}\nspec:";
constexpr std::string_view task_header =
    "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:";

// One rule: a spec, and the findings that it must give, each by a part of its line, in order. No
// findings: the spec is good.
struct Rule {
  const char* name;
  const char* spec;
  std::vector<std::string> expected;
};

void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.name; }

void check(std::string_view header, const Rule& rule) {
  const auto findings = check_documents(std::string(header) + rule.spec).findings();
  std::vector<testing::Matcher<std::string>> expected;
  for (const std::string& part : rule.expected)
    expected.push_back(HasSubstr(part));
  EXPECT_THAT(findings, testing::ElementsAreArray(expected));
}

class GroupRules : public testing::TestWithParam<Rule> {};
TEST_P(GroupRules, Hold) { check(group_header, GetParam()); }

class TaskRules : public testing::TestWithParam<Rule> {};
TEST_P(TaskRules, Hold) { check(task_header, GetParam()); }

std::string name_of(const testing::TestParamInfo<Rule>& info) { return info.param.name; }

const Rule graph_rules[] = {
    {"GoodGraph",
     R"yaml(
  tasks:
  - {name: a, taskSpec: &say {results: [{name: r}], steps: [{image: i, script: x}]}}
  - {name: b, runAfter: [a], taskSpec: *say}
  - {name: c, runAfter: [a], params: [{name: p, value: $(tasks.b.results.r)}], taskSpec: *say}
  finally:
  - {name: d, params: [{name: p, value: "$(tasks.b.results.r) $(tasks.a.status) $(tasks.status)"}], taskSpec: *say}
  results:
  - {name: r, value: "$(tasks.c.results.r) and $(finally.d.results.r)"}
)yaml",
     {}},
    {"CycleOfRunAfter",
     R"yaml(
  tasks:
  - {name: a, runAfter: [c], taskSpec: &say {steps: [{image: i, script: x}]}}
  - {name: b, runAfter: [a], taskSpec: *say}
  - {name: c, runAfter: [b], taskSpec: *say}
)yaml",
     {"spec.tasks[0].name: the tasks wait for each other in a cycle: a -> c -> b -> a"}},
    {"CycleThroughAResult",
     R"yaml(
  tasks:
  - {name: a, params: [{name: p, value: $(tasks.b.results.r)}], taskSpec: &say {results: [{name: r}], steps: [{image: i, script: x}]}}
  - {name: b, when: [{input: $(tasks.a.results.r), operator: in, values: [x]}], taskSpec: *say}
)yaml",
     {"a -> b -> a"}},
    {"CycleThroughAnEmbeddedScript",
     R"yaml(
  tasks:
  - {name: a, runAfter: [b], taskSpec: {results: [{name: r}], steps: [{image: i, script: x}]}}
  - {name: b, taskSpec: {steps: [{image: i, script: "echo $(tasks.a.results.r)"}]}}
)yaml",
     {"a -> b -> a"}},
    {"TaskThatWaitsForItself",
     R"yaml(
  tasks:
  - {name: a, runAfter: [a], taskSpec: {steps: [{image: i, script: x}]}}
)yaml",
     {"a -> a"}},
    {"TwoCycles",
     R"yaml(
  tasks:
  - {name: a, runAfter: [b], taskSpec: &say {steps: [{image: i, script: x}]}}
  - {name: b, runAfter: [a], taskSpec: *say}
  - {name: c, runAfter: [d], taskSpec: *say}
  - {name: d, runAfter: [c], taskSpec: *say}
)yaml",
     {"a -> b -> a", "c -> d -> c"}},
    {"UnknownTaskInRunAfter",
     R"yaml(
  tasks:
  - {name: build, taskSpec: &say {steps: [{image: i, script: x}]}}
  - {name: b, runAfter: [biuld, zzz], taskSpec: *say}
)yaml",
     {"spec.tasks[1].runAfter[0]: there is no task \"biuld\" (did you mean \"build\"?)",
      "spec.tasks[1].runAfter[1]: there is no task \"zzz\""}},
    {"FinallyRules",
     R"yaml(
  tasks:
  - {name: a, runAfter: [f], params: [{name: p, value: "$(tasks.f.results.r)"}], taskSpec: &say {results: [{name: r}], steps: [{image: i, script: x}]}}
  finally:
  - {name: f, runAfter: [a], taskSpec: *say}
  - name: g
    params:
    - {name: p, value: $(tasks.f.results.r)}
    - {name: q, value: $(finally.f.results.r)}
    - {name: r, value: $(tasks.f.status)}
    taskSpec: *say
)yaml",
     {"spec.tasks[0].runAfter[0]: \"f\" is a finally task, and those run last",
      "spec.tasks[0].params[0].value: \"$(tasks.f.results.r)\": \"f\" is a finally task, and those "
      "run "
      "last",
      "spec.finally[0].runAfter[0]: runAfter is not for finally tasks such as \"f\"",
      "spec.finally[1].params[0].value: \"$(tasks.f.results.r)\": \"f\" is a finally task, and "
      "those run "
      "side by side",
      "spec.finally[1].params[1].value: \"$(finally.f.results.r)\": results of finally tasks are "
      "for "
      "the results of the group only",
      "spec.finally[1].params[2].value: \"$(tasks.f.status)\": \"f\" is a finally task"}},
    {"StatusIsForFinally",
     R"yaml(
  tasks:
  - {name: a, taskSpec: &say {steps: [{image: i, script: x}]}}
  - name: b
    params: [{name: p, value: $(tasks.a.status)}]
    when: [{input: $(tasks.status), operator: in, values: [$(tasks.a.reason)]}]
    taskSpec: *say
)yaml",
     {"spec.tasks[1].params[0].value: \"$(tasks.a.status)\" is for finally tasks only",
      "spec.tasks[1].when[0].input: \"$(tasks.status)\" is for finally tasks only",
      "spec.tasks[1].when[0].values[0]: \"$(tasks.a.reason)\" is for finally tasks only"}},
    {"FinallyAlone",
     R"yaml(
  finally:
  - {name: f, taskSpec: {steps: [{image: i, script: x}]}}
)yaml",
     {"spec.tasks: missing"}},
};
INSTANTIATE_TEST_SUITE_P(Graph, GroupRules, testing::ValuesIn(graph_rules), name_of);

const Rule name_rules[] = {
    {"TaskNames",
     R"yaml(
  tasks:
  - {name: Build_it, taskSpec: &say {steps: [{image: i, script: x}]}}
  - {name: a, taskSpec: *say}
  - {taskSpec: *say}
  finally:
  - {name: a, taskSpec: *say}
)yaml",
     {"spec.tasks[0].name: found \"Build_it\", expected at most 63 lower-case letters",
      "spec.tasks[2].name: missing",
      "spec.finally[0].name: there is another task \"a\" in line 7"}},
    {"DuplicatesOfEveryKind",
     R"yaml(
  params: [{name: p}, {name: p}]
  workspaces: [{name: w}, {name: w}]
  tasks:
  - name: a
    params: [{name: x, value: a}, {name: x, value: b}]
    workspaces: [{name: w}, {name: w}]
    taskSpec:
      params: [{name: q, default: a}, {name: q, default: b}]
      workspaces: [{name: w}, {name: w}]
      results: [{name: r}, {name: r}]
      volumes: [{name: v}, {name: v}]
      steps: [{name: s, image: i, script: x}, {name: s, image: i, script: x}]
  results: [{name: r, value: $(tasks.a.results.r)}, {name: r, value: $(tasks.a.results.r)}]
)yaml",
     {"spec.params[1].name: there is another param \"p\"",
      "spec.workspaces[1].name: there is another workspace \"w\"",
      "spec.tasks[0].params[1].name: there is another param \"x\"",
      "spec.tasks[0].workspaces[1].name: there is another workspace \"w\"",
      "spec.tasks[0].taskSpec.params[1].name: there is another param \"q\"",
      "spec.tasks[0].taskSpec.workspaces[1].name: the workspace \"w\" would be mounted at "
      "/workspace/w",
      "spec.tasks[0].taskSpec.workspaces[1].name: there is another workspace \"w\"",
      "spec.tasks[0].taskSpec.results[1].name: there is another result \"r\"",
      "spec.tasks[0].taskSpec.volumes[1].name: there is another volume \"v\"",
      "spec.tasks[0].taskSpec.steps[1].name: there is another step \"s\"",
      "spec.results[1].name: there is another result \"r\""}},
    {"RefOrSpec",
     R"yaml(
  tasks:
  - {name: neither}
  - {name: both, taskRef: {name: t}, taskSpec: {steps: [{image: i, script: x}]}}
)yaml",
     {"spec.tasks[0]: the task \"neither\" has no taskRef and no taskSpec",
      "spec.tasks[1].taskSpec: the task \"both\" has a taskRef as well"}},
    {"Policies",
     R"yaml(
  tasks:
  - {name: a, retries: -1, onError: contine, taskSpec: &say {steps: [{image: i, script: x}]}}
  - {name: b, retries: 1, onError: continue, taskSpec: *say}
  - {name: c, timeout: -5m, taskSpec: *say}
  - {name: d, timeout: 1d, taskSpec: *say}
  run: {timeouts: {tasks: 1, finally: soon}, maxParallel: -1, resources: peek}
)yaml",
     {"spec.tasks[0]: found -1 retries, expected 0 or more",
      "spec.tasks[0].onError: found \"contine\", expected \"continue\" or \"stopAndFail\" (did you "
      "mean "
      "\"continue\"?)",
      "spec.tasks[1].onError: onError continue and retries exclude each other",
      "spec.tasks[2].timeout: \"-5m\" is no duration: it is negative",
      "spec.tasks[3].timeout: \"1d\" is no duration: the unit \"d\" is unknown",
      "spec.run.timeouts.tasks: found the integer 1, expected a duration",
      "spec.run.timeouts.finally: \"soon\" is no duration",
      "spec.run.maxParallel: found -1, expected 0",
      "spec.run.resources: found \"peek\", expected \"peak\" or \"sum\" (did you mean \"peak\"?)"}},
    {"When",
     R"yaml(
  tasks:
  - name: a
    when:
    - {input: x, operator: equals, values: [x]}
    - {input: x, operator: In, values: []}
    - {cel: "'a' == 'a'"}
    taskSpec: {steps: [{image: i, script: x}]}
)yaml",
     {"spec.tasks[0].when[0].operator: found the operator \"equals\", expected \"in\" or \"notin\"",
      "spec.tasks[0].when[1]: missing values",
      "spec.tasks[0].when[1].operator: found the operator \"In\", expected \"in\" or \"notin\" "
      "(did you "
      "mean \"in\"?)",
      "spec.tasks[0].when[2].cel: found \"'a' == 'a'\": not supported yet"}},
    {"PipelineRefStandsAlone",
     R"yaml(
  pipelineRef: {name: p}
  tasks: [{name: a, taskRef: {name: t}}]
  run: {maxParallel: 2}
)yaml",
     {"spec.tasks: given beside pipelineRef"}},
    {"Quantities",
     R"yaml(
  workspaces: [{name: w, emptyDir: {sizeLimit: big}}]
  tasks:
  - name: a
    taskSpec:
      volumes: [{name: v, emptyDir: {sizeLimit: 2 Gi, medium: Disk}}]
      steps: [{image: i, script: x, computeResources: {requests: {cpu: 1/2, memory: 1Gi}}}]
  run: {stepTemplate: {computeResources: {limits: {cpu: -1}}}}
)yaml",
     {"spec.workspaces[0].emptyDir.sizeLimit: found \"big\", expected a quantity",
      "spec.tasks[0].taskSpec.volumes[0].emptyDir.sizeLimit: found \"2 Gi\", expected a quantity",
      "spec.tasks[0].taskSpec.volumes[0].emptyDir.medium: found \"Disk\", expected \"\" or "
      "\"Memory\"",
      "spec.tasks[0].taskSpec.steps[0].computeResources.requests.cpu: found \"1/2\"",
      "spec.run.stepTemplate.computeResources.limits.cpu: found \"-1\""}},
};
INSTANTIATE_TEST_SUITE_P(Names, GroupRules, testing::ValuesIn(name_rules), name_of);

const Rule param_rules[] = {
    {"Declarations",
     R"yaml(
  params:
  - {name: object, type: object}
  - {name: list, type: array, default: text}
  - {name: text, type: string, default: [a]}
  - {name: choice, enum: [a, b, a], default: c}
  - {name: choices, type: array, enum: [a]}
  tasks:
  - {name: a, taskSpec: {steps: [{image: i, script: x}]}}
)yaml",
     {"spec.params[0]: the param \"object\" is an object and lacks `properties`",
      "spec.params[1].default: the default of the param \"list\" is a string, expected an array",
      "spec.params[2].default: the default of the param \"text\" is an array, expected a string",
      "spec.params[3].enum[2]: \"a\" is in the enum twice",
      "spec.params[3].default: the default \"c\" of the param \"choice\" is not in its enum",
      "spec.params[4].enum[0]: the param \"choices\" is an array; only strings can have an enum"}},
    {"UndeclaredParams",
     R"yaml(
  params: [{name: branch}, {name: o, properties: {key: {}}}, {name: a.b}]
  tasks:
  - name: a
    params:
    - {name: one, value: $(params.brnach)}
    - {name: two, value: $(params.o.kye)}
    - {name: three, value: $(params.branch.key)}
    - {name: four, value: '$(params["a.b"]) $(params[''a.b'']) $(inputs.params.branch)'}
    - {name: five, value: ["$(params.branch)", "$(params.nothing)"]}
    when: [{input: $(params.branhc), operator: in, values: [$(params.x)]}]
    taskSpec: {steps: [{image: i, script: "echo $(params.bramch)"}]}
)yaml",
     {"spec.tasks[0].params[0].value: \"$(params.brnach)\": the param \"brnach\" is not declared "
      "(did "
      "you mean \"branch\"?)",
      "spec.tasks[0].params[1].value: \"$(params.o.kye)\": the param \"o\" has no key \"kye\" (did "
      "you "
      "mean \"key\"?)",
      "spec.tasks[0].params[2].value: \"$(params.branch.key)\": the param \"branch\" is a string "
      "and "
      "has no keys",
      "spec.tasks[0].params[4].value[1]: \"$(params.nothing)\": the param \"nothing\" is not "
      "declared",
      "spec.tasks[0].when[0].input: \"$(params.branhc)\": the param \"branhc\" is not declared",
      "spec.tasks[0].when[0].values[0]: \"$(params.x)\": the param \"x\" is not declared",
      "spec.tasks[0].taskSpec.steps[0].script: \"$(params.bramch)\": the param \"bramch\" is not "
      "declared (did you mean \"branch\"?)"}},
    {"ArraysInTexts",
     R"yaml(
  params: [{name: list, type: array}, {name: o, properties: {key: {}}}, {name: text}]
  tasks:
  - name: a
    params:
    - {name: whole, value: "$(params.list[*])"}
    - {name: mixed, value: "a $(params.list[*])"}
    - {name: items, value: ["$(params.list[*])", "a $(params.list[*])", "$(params.o[*])"]}
    - {name: element, value: "$(params.list[0])"}
    - {name: wrong, value: "$(params.text[*])"}
    when:
    - {input: "$(params.list[*])", operator: in, values: ["$(params.list[*])"]}
    taskSpec:
      steps:
      - image: i-$(params.list)
        args: ["$(params.list[*])", "--$(params.list[*])"]
        env: [{name: A, value: "$(params.o)"}]
        script: echo $(params.list[*]) $(params.list[1]) $(params.o.key)
)yaml",
     {"spec.tasks[0].params[1].value: \"$(params.list[*])\" is an array and cannot be part of a "
      "value",
      "spec.tasks[0].params[2].value[1]: \"$(params.list[*])\" is an array and must stand alone",
      "spec.tasks[0].params[2].value[2]: \"$(params.o[*])\" is an object and cannot be part of a "
      "value",
      "spec.tasks[0].params[4].value: \"$(params.text[*])\": the param \"text\" is a string and "
      "has no "
      "elements",
      "spec.tasks[0].when[0].input: \"$(params.list[*])\" is an array and cannot be part of an "
      "input",
      "spec.tasks[0].taskSpec.steps[0].image: \"$(params.list)\" is an array and cannot be part of "
      "an "
      "image",
      "spec.tasks[0].taskSpec.steps[0].args[1]: \"$(params.list[*])\" is an array and must stand "
      "alone",
      "spec.tasks[0].taskSpec.steps[0].env[0].value: \"$(params.o)\" is an object and cannot be "
      "part of",
      "spec.tasks[0].taskSpec.steps[0].script: \"$(params.list[*])\" is an array and cannot be "
      "part of a "
      "script"}},
    {"WhatIsPassedToTheTask",
     R"yaml(
  params: [{name: of-group}, {name: list, type: array}]
  tasks:
  - name: a
    params:
    - {name: list, value: text}
    - {name: text, value: "$(params.list[*])"}
    - {name: keys, value: {one: x}}
    - {name: choice, value: c}
    - {name: extra, value: x}
    taskSpec:
      params:
      - {name: list, type: array}
      - {name: text}
      - {name: keys, properties: {one: {}, two: {}, three: {}}, default: {two: x}}
      - {name: choice, enum: [a, b]}
      - {name: missing}
      - {name: of-group}
      steps: [{image: i, script: "echo $(params.extra)"}]
)yaml",
     {"spec.tasks[0]: the param \"missing\" of the Task has no default and is not passed",
      "spec.tasks[0].params[0].value: the param \"list\" of the Task is an array, found a string",
      "spec.tasks[0].params[1].value: the param \"text\" of the Task is a string, found an array",
      "spec.tasks[0].params[2].value: the param \"keys\" of the Task needs the key \"three\"",
      "spec.tasks[0].params[3].value: \"c\" is not in the enum of the param \"choice\" of the "
      "Task"}},
    {"InnerScopeWins",
     R"yaml(
  params: [{name: p, type: array}]
  tasks:
  - name: a
    params: [{name: p, value: text}]
    taskSpec:
      params: [{name: p}]
      steps: [{image: i, script: "echo $(params.p)"}]
  - name: b
    taskSpec:
      params: [{name: p}]
      steps: [{image: i, script: "echo $(params.p)"}]
)yaml",
     {"spec.tasks[1].taskSpec.params[0]: the param \"p\" is a string here and an array in the "
      "group"}},
    {"DefaultsMayReferToParamsAndContexts",
     R"yaml(
  params:
  - {name: a}
  - {name: b, default: "$(params.a)-$(context.pipelineRun.name)"}
  - {name: c, default: $(params.d)}
  - {name: e, default: $(tasks.one.results.r)}
  tasks:
  - {name: one, taskSpec: {results: [{name: r}], steps: [{image: i, script: x}]}}
)yaml",
     {"spec.params[2].default: \"$(params.d)\": the param \"d\" is not declared",
      "spec.params[3].default: \"$(tasks.one.results.r)\" is known only while the group runs"}},
};
INSTANTIATE_TEST_SUITE_P(Params, GroupRules, testing::ValuesIn(param_rules), name_of);

const Rule result_rules[] = {
    {"UndeclaredResults",
     R"yaml(
  tasks:
  - name: one
    taskSpec:
      results: [{name: digest}, {name: list, type: array}, {name: o, properties: {key: {}}}]
      steps: [{image: i, script: "echo $(results.digset.path) $(results.digest)"}]
  - name: two
    params:
    - {name: a, value: $(tasks.one.results.digests)}
    - {name: b, value: $(tasks.onne.results.digest)}
    - {name: c, value: "$(tasks.one.results.digest[0]) $(tasks.one.results.list.key)"}
    - {name: d, value: "$(tasks.one.results.o.kye)"}
    - {name: e, value: "a $(tasks.one.results.list[*])"}
    - {name: f, value: "$(tasks.one.results.o[*])"}
    - {name: g, value: "$(tasks.one.results)"}
    - {name: h, value: "$(tasks.one.matrix.length) $(tasks.one.outputs.x)"}
    when: [{input: "$(tasks.one.results.list[*])", operator: in, values: ["$(tasks.one.results.list[*])"]}]
    taskSpec:
      params: [{name: f}]
      steps: [{image: i, script: x}]
)yaml",
     {"spec.tasks[0].taskSpec.steps[0].script: \"$(results.digest)\" is no variable; expected "
      "$(results.<result>.path)",
      "spec.tasks[0].taskSpec.steps[0].script: \"$(results.digset.path)\": the result \"digset\" "
      "is not "
      "declared (did you mean \"digest\"?)",
      "spec.tasks[1].params[0].value: \"$(tasks.one.results.digests)\": the task \"one\" has no "
      "result "
      "\"digests\" (did you mean \"digest\"?)",
      "spec.tasks[1].params[1].value: \"$(tasks.onne.results.digest)\": there is no task \"onne\" "
      "(did "
      "you mean \"one\"?)",
      "spec.tasks[1].params[2].value: \"$(tasks.one.results.digest[0])\": the result \"digest\" is "
      "a "
      "string and has no elements",
      "spec.tasks[1].params[2].value: \"$(tasks.one.results.list.key)\": the result \"list\" is an "
      "array "
      "and has no keys",
      "spec.tasks[1].params[3].value: \"$(tasks.one.results.o.kye)\": the result \"o\" has no key "
      "\"kye\"",
      "spec.tasks[1].params[4].value: \"$(tasks.one.results.list[*])\" is an array and cannot be "
      "part",
      "spec.tasks[1].params[5].value: the param \"f\" of the Task is a string, found an object",
      "spec.tasks[1].params[6].value: \"$(tasks.one.results)\" is no variable; expected "
      "$(tasks.one.results.<result>)",
      "spec.tasks[1].params[7].value: \"$(tasks.one.matrix.length)\": a matrix is not supported "
      "yet",
      "spec.tasks[1].params[7].value: \"$(tasks.one.outputs.x)\": artifacts are not supported "
      "yet"}},
    {"GroupResults",
     R"yaml(
  params: [{name: p}]
  tasks:
  - {name: one, taskSpec: &say {results: [{name: r}], steps: [{image: i, script: x}]}}
  finally:
  - {name: last, taskSpec: *say}
  results:
  - {name: good, value: "$(tasks.one.results.r)/$(finally.last.results.r)/$(params.p)"}
  - {name: constant, value: text}
  - {name: unknown, value: $(tasks.stranger.results.r)}
  - {name: swapped, value: $(finally.one.results.r) $(tasks.last.results.r)}
  - {name: status, value: $(tasks.one.status)}
)yaml",
     {"spec.results[1].value: the result \"constant\" uses no task's result",
      "spec.results[2].value: \"$(tasks.stranger.results.r)\": there is no task \"stranger\"",
      "spec.results[3].value: \"$(finally.one.results.r)\": \"one\" is no finally task",
      "spec.results[3].value: \"$(tasks.last.results.r)\": \"last\" is a finally task; write "
      "$(finally.last",
      "spec.results[4].value: \"$(tasks.one.status)\" is for finally tasks only",
      "spec.results[4].value: the result \"status\" uses no task's result"}},
    {"WhatIsLateWhereItMustBeEarly",
     R"yaml(
  workspaces: [{name: w}]
  tasks:
  - {name: one, taskSpec: {results: [{name: r}], steps: [{image: i, script: x}]}}
  - name: two
    workspaces: [{name: w, subPath: $(tasks.one.results.r)}]
    params: [{name: tag, value: $(tasks.one.results.r)}]
    taskSpec:
      params: [{name: tag}]
      workspaces: [{name: w, mountPath: /$(tasks.one.results.r)}]
      volumes: [{name: v}]
      steps:
      - name: good
        image: i
        workingDir: $(tasks.one.results.r)
        command: [$(tasks.one.results.r), $(params.tag)]
        env: [{name: A, value: $(tasks.one.results.r)}]
        args: [$(context.task.retry-count)]
      - name: bad
        image: i:$(params.tag)
        script: x
        onError: $(context.task.retry-count)
        volumeMounts: [{name: v, mountPath: /x/$(tasks.one.results.r), subPath: $(params.tag)}]
)yaml",
     {"spec.tasks[1].workspaces[0].subPath: \"$(tasks.one.results.r)\" is known only while the "
      "group "
      "runs and cannot be part of a subPath",
      "spec.tasks[1].taskSpec.workspaces[0].mountPath: \"$(tasks.one.results.r)\" is known only",
      "spec.tasks[1].taskSpec.steps[1].image: \"$(params.tag)\" is known only while the group runs "
      "and "
      "cannot be part of an image",
      "spec.tasks[1].taskSpec.steps[1].onError: \"$(context.task.retry-count)\" is known only",
      "spec.tasks[1].taskSpec.steps[1].volumeMounts[0].mountPath: \"$(tasks.one.results.r)\" is "
      "known",
      "spec.tasks[1].taskSpec.steps[1].volumeMounts[0].subPath: \"$(params.tag)\" is known only"}},
};
INSTANTIATE_TEST_SUITE_P(Results, GroupRules, testing::ValuesIn(result_rules), name_of);

const Rule workspace_rules[] = {
    {"Bindings",
     R"yaml(
  workspaces: [{name: source}, {name: maybe, optional: true}]
  tasks:
  - name: a
    workspaces: [{name: src, workspace: surce}, {name: cache, workspace: maybe}]
    taskSpec:
      workspaces: [{name: src}, {name: cache}, {name: missing}, {name: extra, optional: true}, {name: source}]
      steps: [{image: i, script: "ls $(workspaces.source.path) $(workspaces.maybe.bound)"}]
)yaml",
     {"spec.tasks[0]: the workspace \"missing\" of the Task is not bound",
      "spec.tasks[0].workspaces[0].workspace: the group declares no workspace \"surce\" (did you "
      "mean "
      "\"source\"?)",
      "spec.tasks[0].workspaces[1]: the workspace \"maybe\" of the group is optional, but the Task "
      "needs "
      "it as \"cache\""}},
    {"References",
     R"yaml(
  workspaces: [{name: source}]
  tasks:
  - name: a
    when: [{input: $(workspaces.sorce.bound), operator: in, values: ["true"]}]
    taskSpec:
      steps: [{image: i, script: "ls $(workspaces.suorce.path) $(workspaces.source.paht)"}]
)yaml",
     {"spec.tasks[0].when[0].input: \"$(workspaces.sorce.bound)\": the workspace \"sorce\" is not "
      "declared (did you mean \"source\"?)",
      "spec.tasks[0].taskSpec.steps[0].script: \"$(workspaces.source.paht)\" is no variable; a "
      "workspace "
      "has path, bound, claim and volume (did you mean \"path\"?)",
      "spec.tasks[0].taskSpec.steps[0].script: \"$(workspaces.suorce.path)\": the workspace "
      "\"suorce\" "
      "is not declared (did you mean \"source\"?)"}},
};
INSTANTIATE_TEST_SUITE_P(Workspaces, GroupRules, testing::ValuesIn(workspace_rules), name_of);

const Rule task_rules[] = {
    {"NoSteps",
     R"yaml(
  params: [{name: p}]
)yaml",
     {"spec: missing steps; a Task needs at least one"}},
    {"Programs",
     R"yaml(
  steps:
  - {name: both, image: i, script: x, command: [x]}
  - {name: neither, image: i, args: [x]}
  - {name: no-image, script: x}
  - {name: windows, image: i, script: "#!win powershell"}
  - {name: Bad_name, image: i, script: x}
  - {name: late, image: i, script: x, onError: ignore, timeout: 1y}
)yaml",
     {"spec.steps[0].script: given beside command", "spec.steps[1]: missing script or command",
      "spec.steps[2]: missing image", "spec.steps[3].script: Windows scripts are not supported",
      "spec.steps[4].name: found \"Bad_name\", expected at most 63 lower-case",
      "spec.steps[5].onError: found \"ignore\", expected \"continue\" or \"stopAndFail\"",
      "spec.steps[5].timeout: \"1y\" is no duration: the unit \"y\" is unknown"}},
    {"TemplateGivesImageAndCommand",
     R"yaml(
  stepTemplate: {image: i, command: [x]}
  steps: [{args: [a]}]
)yaml",
     {}},
    {"MountsAndVolumes",
     R"yaml(
  workspaces: [{name: w, mountPath: /data/}, {name: x, mountPath: /workspace/source}, {name: source}]
  volumes: [{name: data}, {name: tekton-internal-x}, {name: Big}]
  steps:
  - image: i
    script: x
    volumeMounts:
    - {name: dta, mountPath: /a}
    - {name: data, mountPath: /tekton/results}
    - {name: data, mountPath: /tekton/home}
    - {name: data, mountPath: /data}
    - {name: data, mountPath: /a/../a/./}
    - {name: data}
    workspaces: [{name: sorce}]
)yaml",
     {"spec.workspaces[0].mountPath: the workspace \"w\" would be mounted at /data, where "
      "something else",
      "spec.workspaces[2].name: the workspace \"source\" would be mounted at /workspace/source",
      "spec.volumes[1].name: names that begin with \"tekton-internal-\" are Tekton's own",
      "spec.volumes[2].name: found \"Big\", expected at most 63",
      "spec.steps[0].volumeMounts[0].name: there is no volume \"dta\" in `volumes` (did you mean "
      "\"data\"?)",
      "spec.steps[0].volumeMounts[1].mountPath: found \"/tekton/results\"; /tekton is Tekton's own",
      "spec.steps[0].volumeMounts[4].mountPath: two volumes are mounted at /a",
      "spec.steps[0].volumeMounts[5].mountPath: missing",
      "spec.steps[0].workspaces[0].name: the Task declares no workspace \"sorce\" (did you mean "
      "\"source\"?)"}},
    {"NamesOfParamsAndResults",
     R"yaml(
  params: [{name: 1st}, {name: a.b}, {name: o.p, properties: {k.l: {}}}, {name: a b}]
  results: [{name: -r}, {name: a.b}, {name: o, type: object}]
  steps: [{image: i, script: x}]
)yaml",
     {"spec.params[0].name: found \"1st\", expected letters, digits, dashes, dots and underscores",
      "spec.params[2].name: found \"o.p\", expected letters, digits, dashes and underscores",
      "spec.params[2].name: the key \"k.l\" of the param \"o.p\" is no name",
      "spec.params[3].name: found \"a b\"", "spec.results[0].name: found \"-r\", expected letters",
      "spec.results[2]: the result \"o\" is an object and lacks `properties`"}},
    {"VariablesOfATask",
     R"yaml(
  params: [{name: p}]
  steps:
  - name: one
    image: i
    script: |
      echo $(context.taskRun.name) $(context.task.name) $(context.task.retry-count) $(credentials.path)
      echo $(steps.step-one.exitCode.path) $(steps.step-unnamed-1.exitCode.path)
  - image: i
    script: |
      echo $(context.taskRun.nmae) $(context.pipelineRun.name)
      echo $(steps.step-tow.exitCode.path) $(steps.step-one.exitCode)
      echo $(steps.one.results.r) $(step.results.r.path) $(artifacts.path) $(tasks.a.results.r)
)yaml",
     {"spec.steps[1].script: \"$(artifacts.path)\": artifacts are not supported yet",
      "spec.steps[1].script: \"$(context.pipelineRun.name)\": a Task that is referred to by name",
      "spec.steps[1].script: \"$(context.taskRun.nmae)\" is no variable (did you mean "
      "\"context.taskRun.name\"?)",
      "spec.steps[1].script: \"$(step.results.r.path)\": results and artifacts of steps are not "
      "supported yet",
      "spec.steps[1].script: \"$(steps.one.results.r)\": results and artifacts of steps are not "
      "supported yet",
      "spec.steps[1].script: \"$(steps.step-one.exitCode)\" is no variable; expected "
      "$(steps.step-one.exitCode.path)",
      "spec.steps[1].script: \"$(steps.step-tow.exitCode.path)\": there is no step \"step-tow\"",
      "spec.steps[1].script: \"$(tasks.a.results.r)\": a Task that is referred to by name"}},
    {"TheShellsOwnSyntaxIsLeftAlone",
     R"yaml(
  steps:
  - image: i
    env: [{name: A, value: $(HOME) $(foo.bar)}]
    args: [$(B), $(foo.bar)]
    script: echo $(date) $(foo.sh) $((1+2)) ${A} $(tasks) $$(x)
)yaml",
     {}},
    {"LooksLikeAVariable",
     R"yaml(
  params: [{name: a}]
  steps:
  - {image: i, script: "echo $(param.a) $(result.b.path)"}
  - {image: $(foo.bar), script: x}
)yaml",
     {"warning: spec.steps[0].script: \"$(param.a)\" is no variable and stays as it is (did you "
      "mean "
      "\"params\"?)",
      "warning: spec.steps[0].script: \"$(result.b.path)\" is no variable",
      "error: spec.steps[1].image: \"$(foo.bar)\" is no variable; write ${foo} if the shell's is "
      "meant"}},
    {"RefusedFieldsBringNoFollowingErrors",
     R"yaml(
  steps:
  - {name: a, ref: {name: action}}
  - {name: b, image: i, script: x, when: [{input: a, operator: in, values: [a]}]}
)yaml",
     {"spec.steps[0].ref: StepActions are not supported yet",
      "spec.steps[1].when: not supported yet"}},
};
INSTANTIATE_TEST_SUITE_P(Tasks, TaskRules, testing::ValuesIn(task_rules), name_of);

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
  - {name: b, runAfter: [a], timeout: never, taskSpec: {sidecars: [{name: s}], steps: [{image: i, script: x}]}}
)yaml");
  EXPECT_THAT(
      checked.findings(),
      ElementsAre(HasSubstr("6: error: spec.discription: unknown field of TaskGroupSpec (did you "
                            "mean \"description\"?)"),
                  HasSubstr("8: error: spec.tasks[0].name: the tasks wait for each other"),
                  HasSubstr("8: error: spec.tasks[0].taskSpec.steps[0].script: \"$(params.x)\""),
                  HasSubstr("9: error: spec.tasks[1].timeout: \"never\" is no duration"),
                  HasSubstr("9: error: spec.tasks[1].taskSpec.sidecars: not supported yet")));
}

TEST(Validate, TakesALongChainWithoutDeepRecursion) {
  std::string yaml = std::string(group_header) + "\n  tasks:\n";
  constexpr int tasks = 2'000;
  for (int i = 0; i < tasks; ++i)
    yaml += "  - {name: t" + std::to_string(i) + ", runAfter: [t" + std::to_string((i + 1) % tasks)
            + "], taskSpec: {steps: [{image: i, script: x}]}}\n";
  const auto findings = check_documents(yaml).findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_THAT(findings[0], HasSubstr("in a cycle: t0 -> t1 -> t2"));
}

} // namespace
} // namespace taskgroup
