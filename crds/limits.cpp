// SPDX-License-Identifier: Apache-2.0
#include "crds/limits.h"

namespace taskgroup::crds {
namespace {

using enum ObjectKind;

constexpr std::string_view by_name =
    R"({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]})";
constexpr std::string_view label =
    R"({"maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"})";
// Or a text with variables, or an empty one, which is none.
constexpr std::string_view late_label =
    R"({"maxLength": 1024, "pattern": "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|.*\\$\\(.*)?$"})";
constexpr std::string_view name = R"({"maxLength": 253, "minLength": 1})";
constexpr std::string_view duration =
    R"({"maxLength": 64, "pattern": "^[+]?(0|(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))+)?$"})";
constexpr std::string_view late_duration =
    R"({"maxLength": 1024, "pattern": "^([+]?(0|(([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))+)|.*\\$\\(.*)?$"})";
constexpr std::string_view on_error =
    R"({"maxLength": 1024, "pattern": "^(continue|stopAndFail|.*\\$\\(.*)?$"})";
constexpr std::string_view value_type = R"({"enum": ["", "string", "array", "object"]})";
constexpr std::string_view pull_policy = R"({"enum": ["", "Always", "IfNotPresent", "Never"]})";
constexpr std::string_view long_text = R"({"maxLength": 65536})";
// The kernel's limit of one argument and of one variable (MAX_ARG_STRLEN).
constexpr std::string_view argument = R"({"maxLength": 131072})";
constexpr std::string_view arguments = R"({"maxItems": 1024, "items": {"maxLength": 131072}})";
constexpr std::string_view not_negative = R"({"minimum": 0, "maximum": 2147483647})";
constexpr std::string_view tasks =
    R"({"maxItems": 512, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]})";
constexpr std::string_view many_by_name =
    R"({"maxItems": 1024, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]})";

constexpr FieldSchema field_schema_table[] = {
    {task_group_spec, "description", long_text},
    {task_group_spec, "params", by_name},
    {task_group_spec, "workspaces", by_name},
    {task_group_spec, "tasks", tasks},
    {task_group_spec, "finally", tasks},
    {task_group_spec, "results", many_by_name},
    {task_group_spec, "pipelineRef",
     R"({"description": "A Pipeline of the same namespace whose tasks run in one pod, unchanged."})"},
    {task_group_spec, "run", R"({"description": "How the group runs in its pod. All optional."})"},
    {run, "maxParallel",
     R"({"description": "At most so many tasks at once; 0: no limit.", "minimum": 0, "maximum": 2147483647})"},
    {run, "failFast", R"({"description": "A failure stops the running siblings too."})"},
    {run, "podTemplate",
     R"({"description": "Tekton's pod template, put over that of the PipelineRun."})"},
    {run, "stepTemplate", R"({"description": "Defaults for every step of every task."})"},
    {run, "resources",
     R"({"description": "Whether the pod requests the peak of what runs at once, or the sum of all steps.", "enum": ["", "peak", "sum"]})"},
    {run, "agentInstall",
     R"({"description": "How the agent gets into the pod.", "enum": ["", "auto", "postStart", "init"]})"},
    {run_timeouts, "tasks", duration},
    {run_timeouts, "finally", duration},
    {group_workspace, "name", name},
    {group_workspace, "emptyDir",
     R"({"description": "Shape of the volume that the workspace is where the run binds none."})"},
    {pipeline_result, "name", name},
    {pipeline_ref, "name", R"({"maxLength": 253})"},
    {pipeline_task, "name", label},
    {pipeline_task, "description", long_text},
    {pipeline_task, "params", by_name},
    {pipeline_task, "workspaces", by_name},
    {pipeline_task, "runAfter", R"({"maxItems": 512, "items": {"maxLength": 63}})"},
    {pipeline_task, "retries", not_negative},
    {pipeline_task, "timeout", duration},
    {pipeline_task, "onError", on_error},
    {task_ref, "name", R"({"maxLength": 1024})"},
    {pipeline_task_workspace, "name", name},
    {when_expression, "input", long_text},
    {when_expression, "operator", R"({"enum": ["in", "notin"]})"},
    {when_expression, "values", R"({"maxItems": 512, "items": {"maxLength": 65536}})"},
    {embedded_task, "description", long_text},
    {embedded_task, "params", by_name},
    {embedded_task, "workspaces", by_name},
    {embedded_task, "results", by_name},
    {embedded_task, "volumes", by_name},
    {embedded_task, "steps", R"({"maxItems": 128})"},
    {step, "name", late_label},
    {step, "script", R"({"maxLength": 524288})"},
    {step, "command", arguments},
    {step, "args", arguments},
    {step, "env", R"({"maxItems": 1024})"},
    {step, "workspaces", by_name},
    {step, "timeout", late_duration},
    {step, "onError", on_error},
    {step, "imagePullPolicy", pull_policy},
    {step_template, "command", arguments},
    {step_template, "args", arguments},
    {step_template, "env", R"({"maxItems": 1024})"},
    {step_template, "imagePullPolicy", pull_policy},
    {env_var, "name", R"({"maxLength": 1024, "pattern": "^[^=]+$"})"},
    {env_var, "value", argument},
    {volume_mount, "name", late_label},
    {volume, "name", late_label},
    {empty_dir, "medium", R"({"enum": ["", "Memory"]})"},
    {param_spec, "name", name},
    {param_spec, "type", value_type},
    {param_spec, "description", long_text},
    {param_spec, "enum", R"({"maxItems": 256})"},
    {property, "type", R"({"enum": ["", "string"]})"},
    {param, "name", name},
    {task_result, "name",
     R"({"maxLength": 253, "pattern": "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"})"},
    {task_result, "type", value_type},
    {task_result, "description", long_text},
    {workspace_declaration, "name", name},
    {workspace_declaration, "description", long_text},
    {workspace_usage, "name", name},
};

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

constexpr RequiredField required_table[] = {
    {group_workspace, "name"},
    {pipeline_result, "name"},
    {pipeline_result, "value"},
    {pipeline_task, "name"},
    {pipeline_task_workspace, "name"},
    {env_var, "name"},
    {volume_mount, "name"},
    {volume_mount, "mountPath"},
    {volume, "name"},
    {param_spec, "name"},
    {param, "name"},
    {param, "value"},
    {task_result, "name"},
    {workspace_declaration, "name"},
    {workspace_usage, "name"},
};

} // namespace

std::span<const FieldSchema> field_schemas() { return field_schema_table; }
std::span<const Rule> rules() { return rule_table; }
std::span<const RequiredField> required_fields() { return required_table; }

} // namespace taskgroup::crds
