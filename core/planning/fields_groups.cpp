// SPDX-License-Identifier: Apache-2.0
#include "core/planning/field_rows.h"

namespace taskgroup::field_rows {
namespace {

using enum FieldType;

constexpr Field task_group_spec[] = {
    ignores("displayName", string, for_readers),
    ignores("description", string, for_readers),
    takes("params", objects, ObjectKind::param_spec),
    takes("workspaces", objects, ObjectKind::group_workspace),
    takes("tasks", objects, ObjectKind::pipeline_task),
    takes("finally", objects, ObjectKind::pipeline_task),
    takes("results", objects, ObjectKind::pipeline_result),
    takes("pipelineRef", object, ObjectKind::pipeline_ref),
    takes("run", object, ObjectKind::run),
};

constexpr Field run[] = {
    takes("timeouts", object, ObjectKind::run_timeouts),
    takes("maxParallel", integer),
    takes("failFast", boolean),
    takes("matrix", object, ObjectKind::run_matrix),
    takes("podTemplate", object, ObjectKind::pod_template),
    takes("stepTemplate", object, ObjectKind::step_template),
    takes("taskRunSpecs", objects, ObjectKind::pipeline_task_run_spec),
    takes("breakpoints", objects, ObjectKind::run_breakpoints),
    takes("resources", string),
    host_ignores("sidecars", string, "on the host sidecars start with their tasks"),
    host_ignores("agentInstall", string, of_pod),
};

constexpr Field run_timeouts[] = {
    takes("tasks", duration),
    takes("finally", duration),
};

constexpr Field run_matrix[] = {
    takes("maxCombinations", integer),
};

constexpr Field run_breakpoints[] = {
    takes("task", string),
    takes("onFailure", string),
    takes("beforeSteps", strings),
};

constexpr Field group_workspace[] = {
    takes("name", string),
    ignores("description", string, for_readers),
    takes("optional", boolean),
    takes("emptyDir", object, ObjectKind::empty_dir),
};

constexpr Field pipeline_spec[] = {
    ignores("displayName", string, for_readers),
    ignores("description", string, for_readers),
    refuses("resources", objects, no_pipeline_resources, v1beta1),
    takes("tasks", objects, ObjectKind::pipeline_task),
    takes("params", objects, ObjectKind::param_spec),
    takes("workspaces", objects, ObjectKind::pipeline_workspace),
    takes("results", objects, ObjectKind::pipeline_result),
    takes("finally", objects, ObjectKind::pipeline_task),
};

constexpr Field pipeline_workspace[] = {
    takes("name", string),
    ignores("description", string, for_readers),
    takes("optional", boolean),
};

constexpr Field pipeline_result[] = {
    takes("name", string),
    ignores("type", string, "the value's own type decides, as in Tekton"),
    ignores("description", string, for_readers),
    takes("value", value),
};

constexpr Field pipeline_task[] = {
    takes("name", string),
    ignores("displayName", string, for_readers),
    ignores("description", string, for_readers),
    takes("taskRef", object, ObjectKind::task_ref),
    takes("taskSpec", object, ObjectKind::embedded_task),
    takes("when", objects, ObjectKind::when_expression),
    takes("retries", integer),
    takes("runAfter", strings),
    refuses("resources", object, no_pipeline_resources, v1beta1),
    refuses("conditions", objects, "removed from Tekton; use `when`", v1beta1),
    takes("params", objects, ObjectKind::param),
    takes("matrix", object, ObjectKind::matrix),
    takes("workspaces", objects, ObjectKind::pipeline_task_workspace),
    takes("timeout", late_duration),
    refuses(
        "pipelineRef", object,
        "not supported yet; put the Pipeline's tasks into the group, or let `spec.pipelineRef` of "
        "a TaskGroup name it"),
    refuses("pipelineSpec", object, "not supported yet; put the Pipeline's tasks into the group"),
    takes("onError", string),
};

constexpr Field matrix[] = {
    takes("params", objects, ObjectKind::param),
    takes("include", objects, ObjectKind::matrix_include),
};

constexpr Field matrix_include[] = {
    ignores("name", string, for_readers),
    takes("params", objects, ObjectKind::param),
};

constexpr Field task_ref[] = {
    takes("name", string),
    takes("kind", string),
    takes("apiVersion", string),
    refuses("bundle", string, no_bundle, v1beta1),
    refuses("resolver", string, no_resolver),
    refuses("params", objects, no_resolver),
};

constexpr Field custom_ref[] = {
    takes("name", string),
    takes("kind", string),
    takes("apiVersion", string),
    refuses("bundle", string, no_bundle, v1beta1),
    refuses("resolver", string, no_resolver),
    refuses("params", objects, no_resolver),
};

constexpr Field pipeline_ref[] = {
    takes("name", string),
    ignores("apiVersion", string, "a Pipeline means the same in each of its versions"),
    refuses("bundle", string, no_bundle, v1beta1),
    refuses("resolver", string, no_resolver),
    refuses("params", objects, no_resolver),
};

constexpr std::string_view no_type =
    "an embedded Task has none; leave it out (custom tasks inside a group are not supported)";

constexpr Field embedded_task[] = {
    refuses("apiVersion", string, no_type),
    refuses("kind", string, no_type),
    refuses("spec", object, no_type),
    takes("metadata", object, ObjectKind::task_metadata),
    refuses("resources", object, no_pipeline_resources, v1beta1),
    takes("params", objects, ObjectKind::param_spec),
    ignores("displayName", string, for_readers),
    ignores("description", string, for_readers),
    takes("steps", objects, ObjectKind::step),
    takes("volumes", objects, ObjectKind::volume),
    takes("stepTemplate", object, ObjectKind::step_template),
    takes("sidecars", objects, ObjectKind::sidecar),
    takes("workspaces", objects, ObjectKind::workspace_declaration),
    takes("results", objects, ObjectKind::task_result),
};

constexpr Field embedded_group[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::task_metadata),
    takes("spec", object, ObjectKind::task_group_spec),
};

constexpr Field task_metadata[] = {
    ignores("labels", string_map, for_readers),
    ignores("annotations", string_map, for_readers),
};

constexpr ObjectFields table[] = {
    {ObjectKind::task_group_spec, "TaskGroupSpec", "`spec` of a TaskGroup", task_group_spec},
    {ObjectKind::run, "Run", "`run` of a TaskGroup", run},
    {ObjectKind::run_timeouts, "RunTimeouts", "`run.timeouts` of a TaskGroup", run_timeouts},
    {ObjectKind::run_matrix, "RunMatrix", "`run.matrix` of a TaskGroup", run_matrix},
    {ObjectKind::run_breakpoints, "RunBreakpoints", "`run.breakpoints` of a TaskGroup",
     run_breakpoints},
    {ObjectKind::group_workspace, "GroupWorkspace", "`workspaces` of a TaskGroup", group_workspace},
    {ObjectKind::pipeline_spec, "PipelineSpec", "`spec` of a Pipeline", pipeline_spec},
    {ObjectKind::pipeline_workspace, "PipelineWorkspaceDeclaration", "`workspaces` of a Pipeline",
     pipeline_workspace},
    {ObjectKind::pipeline_result, "PipelineResult", "`results` of a TaskGroup or Pipeline",
     pipeline_result},
    {ObjectKind::pipeline_task, "PipelineTask", "`tasks` and `finally` of a TaskGroup or Pipeline",
     pipeline_task},
    {ObjectKind::matrix, "Matrix", "`matrix`", matrix},
    {ObjectKind::matrix_include, "IncludeParams", "`include` of a matrix", matrix_include},
    {ObjectKind::task_ref, "TaskRef", "`taskRef`", task_ref},
    {ObjectKind::custom_ref, "CustomRef", "`customRef` of a CustomRun", custom_ref},
    {ObjectKind::pipeline_ref, "PipelineRef", "`pipelineRef` of a TaskGroup or PipelineRun",
     pipeline_ref},
    {ObjectKind::embedded_task, "EmbeddedTask", "`taskSpec` of a PipelineTask", embedded_task},
    {ObjectKind::embedded_group, "EmbeddedTaskGroup",
     "`taskSpec` of a Pipeline's task, or `customSpec` of a CustomRun, that holds a TaskGroup",
     embedded_group},
    {ObjectKind::task_metadata, "PipelineTaskMetadata",
     "`metadata` of an embedded Task or TaskGroup", task_metadata},
};

} // namespace

std::span<const ObjectFields> groups() { return table; }

} // namespace taskgroup::field_rows
