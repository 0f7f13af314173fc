// SPDX-License-Identifier: Apache-2.0
#include "core/planning/limits.h"

namespace taskgroup {
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
constexpr std::string_view pull_policy =
    R"({"maxLength": 1024, "pattern": "^(Always|IfNotPresent|Never|.*\\$\\(.*)?$"})";
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
     R"({"description": "Whether the pod requests the peak of what runs at once, or the sum of all steps; with pod it asks for the peak itself, where the cluster has resources of pods.", "enum": ["", "peak", "sum", "pod"]})"},
    {run, "sidecars",
     R"({"description": "Whether sidecars start with their Task, or with the pod.", "enum": ["", "wrapped", "fromStart"]})"},
    {run, "agentInstall",
     R"({"description": "How the agent gets into the pod.", "enum": ["", "auto", "postStart", "init"]})"},
    {run, "matrix", R"({"description": "What holds for every matrix of the group."})"},
    {run_matrix, "maxCombinations",
     R"({"description": "The most combinations that a matrix may have; the instances that are planned for one whose arrays come from other tasks.", "minimum": 0, "maximum": 256})"},
    {run, "breakpoints",
     R"({"description": "Where steps of a task are held until somebody decides how to go on.", "maxItems": 512})"},
    {run_breakpoints, "task", label},
    {run_breakpoints, "onFailure",
     R"({"description": "enabled: each step of the task that fails is held.", "enum": ["enabled"]})"},
    {run_breakpoints, "beforeSteps",
     R"({"description": "Steps of the task that are held before they run.", "maxItems": 128, "items": {"maxLength": 63}})"},
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
    {pipeline_task, "timeout", late_duration},
    {pipeline_task, "onError", on_error},
    {matrix, "params", by_name},
    {matrix, "include", R"({"maxItems": 256})"},
    {matrix_include, "params", by_name},
    {pipeline_task_run_spec, "pipelineTaskName", label},
    {pipeline_task_run_spec, "timeout", duration},
    {pipeline_task_run_spec, "stepSpecs", R"({"maxItems": 128})"},
    {pipeline_task_run_spec, "sidecarSpecs", R"({"maxItems": 128})"},
    {task_ref, "name", R"({"maxLength": 1024})"},
    {pipeline_task_workspace, "name", name},
    {when_expression, "input", long_text},
    {when_expression, "operator", R"({"enum": ["in", "notin"]})"},
    {when_expression, "values", R"({"maxItems": 512, "items": {"maxLength": 65536}})"},
    {embedded_task, "description", long_text},
    {embedded_task, "params", by_name},
    {embedded_task, "workspaces", by_name},
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
    {embedded_task, "sidecars", R"({"maxItems": 128})"},
    {sidecar, "script", R"({"maxLength": 524288})"},
    {sidecar, "command", arguments},
    {sidecar, "args", arguments},
    {sidecar, "env", R"({"maxItems": 1024})"},
    {sidecar, "workspaces", by_name},
    {sidecar, "imagePullPolicy", pull_policy},
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

constexpr RequiredField required_table[] = {
    {group_workspace, "name"},
    {pipeline_result, "name"},
    {pipeline_result, "value"},
    {pipeline_task, "name"},
    {pipeline_task_workspace, "name"},
    {pipeline_task_run_spec, "pipelineTaskName"},
    {run_breakpoints, "task"},
    {task_run_step_spec, "name"},
    {task_run_sidecar_spec, "name"},
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
std::span<const RequiredField> required_fields() { return required_table; }

} // namespace taskgroup
