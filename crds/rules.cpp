// SPDX-License-Identifier: Apache-2.0
#include "crds/rules.h"

namespace taskgroup::crds {
namespace {

using enum ObjectKind;

constexpr std::string_view beside_pipeline_ref =
    "given beside pipelineRef, whose Pipeline has its own; leave one out";

constexpr Rule rule_table[] = {
    {task_group_spec, "has(self.pipelineRef) || (has(self.tasks) && size(self.tasks) > 0)", "tasks",
     "missing; it holds the tasks to run"},
    {task_group_spec, "!has(self.pipelineRef) || !has(self.params)", "params", beside_pipeline_ref},
    {task_group_spec, "!has(self.pipelineRef) || !has(self.workspaces)", "workspaces",
     beside_pipeline_ref},
    {task_group_spec, "!has(self.pipelineRef) || !has(self.tasks)", "tasks", beside_pipeline_ref},
    {task_group_spec, "!has(self.pipelineRef) || !has(self.finally)", "finally",
     beside_pipeline_ref},
    {task_group_spec, "!has(self.pipelineRef) || !has(self.results)", "results",
     beside_pipeline_ref},
    {task_group_spec,
     "!has(self.tasks) || !has(self.finally) || "
     "self.finally.all(f, self.tasks.all(t, t.name != f.name))",
     "finally", "a finally task and another task have the same name"},
    {task_group_spec,
     "!has(self.finally) || self.finally.all(f, !has(f.runAfter) || size(f.runAfter) == 0)",
     "finally", "runAfter is not for finally tasks, which run side by side after all the others"},
    {pipeline_ref, "(has(self.name) && self.name != '') || has(self.resolver)", "name",
     "missing; it says which Pipeline to run"},
    {pipeline_task, "!has(self.taskRef) || !has(self.taskSpec)", "taskSpec",
     "given beside taskRef; give one of them"},
    {pipeline_task,
     "has(self.taskRef) || has(self.taskSpec) || has(self.pipelineRef) || has(self.pipelineSpec)",
     "", "has no taskRef and no taskSpec; give one of them"},
    {pipeline_task,
     "!has(self.onError) || self.onError != 'continue' || !has(self.retries) || self.retries == 0",
     "onError", "onError continue and retries exclude each other, as in Tekton; leave one out"},
    {pipeline_task, "!has(self.runAfter) || !(self.name in self.runAfter)", "runAfter",
     "names the task itself"},
    {task_ref, "(has(self.name) && self.name != '') || has(self.resolver)", "name",
     "missing; it says which Task to run"},
    {task_ref, "!has(self.kind) || self.kind in ['', 'Task']", "kind",
     "custom tasks inside a group are not supported; keep this one in the Pipeline that runs the "
     "group"},
    {task_ref, "!has(self.apiVersion) || self.apiVersion == ''", "apiVersion",
     "leave it out; a taskRef that has one is a custom task to Tekton"},
    {when_expression, "has(self.cel) || has(self.operator)", "operator",
     "missing; expected \"in\" or \"notin\""},
    {when_expression, "has(self.cel) || (has(self.values) && size(self.values) > 0)", "values",
     "missing; the input is looked for among them"},
    {embedded_task,
     "has(self.apiVersion) || has(self.kind) || (has(self.steps) && size(self.steps) > 0)", "steps",
     "missing; a Task needs at least one"},
    {step,
     "!has(self.script) || self.script == '' || !has(self.command) || size(self.command) == 0",
     "script", "given beside command; a step has one of them (args may stay)"},
    {param_spec,
     "!has(self.type) || self.type != 'object' || "
     "(has(self.properties) && size(self.properties) > 0)",
     "", "is an object and lacks `properties`, which name its keys"},
    {param_spec,
     "!has(self.enum) || size(self.enum) == 0 || !has(self.type) || self.type in ['', 'string']",
     "enum", "only strings can have an enum"},
    {task_result,
     "!has(self.type) || self.type != 'object' || "
     "(has(self.properties) && size(self.properties) > 0)",
     "", "is an object and lacks `properties`, which name its keys"},
};

} // namespace

std::span<const Rule> rules() { return rule_table; }

} // namespace taskgroup::crds
