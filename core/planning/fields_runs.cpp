// SPDX-License-Identifier: Apache-2.0
#include "core/planning/field_rows.h"

namespace taskgroup::field_rows {
namespace {

using enum FieldType;

constexpr std::string_view no_account = "on the host there is no service account";
constexpr std::string_view replaced_on_host =
    "on the host a folder that `-w` binds takes the place of the object";

constexpr Field workspace_binding[] = {
    takes("name", string),
    takes("subPath", string),
    host_ignores(
        "volumeClaimTemplate", object,
        "on the host the workspace is an empty volume of the run, unless `-w` binds a folder"),
    takes("persistentVolumeClaim", object, ObjectKind::claim_source),
    takes("emptyDir", object, ObjectKind::empty_dir),
    takes("configMap", object, ObjectKind::config_map_source),
    takes("secret", object, ObjectKind::secret_source),
    host_is_given("projected", object,
                  "ConfigMaps and Secrets in it are taken from there; other sources are refused"),
    host_ignores("csi", object, replaced_on_host),
};

constexpr Field claim_source[] = {
    takes("claimName", string),
    takes("readOnly", boolean),
};

constexpr Field config_map_source[] = {
    takes("name", string),
    takes("items", objects),
    takes("defaultMode", integer),
    takes("optional", boolean),
};

constexpr Field secret_source[] = {
    takes("secretName", string),
    takes("items", objects),
    takes("defaultMode", integer),
    takes("optional", boolean),
};

constexpr std::string_view own_network = "on the host steps share the host's network";

constexpr Field pod_template[] = {
    host_ignores("nodeSelector", string_map, of_scheduler),
    host_refuses("env", objects, "about the pod; use `env` of a stepTemplate"),
    host_ignores("tolerations", objects, of_scheduler),
    host_ignores("affinity", object, of_scheduler),
    host_ignores("securityContext", object, of_pod),
    takes("volumes", objects),
    host_ignores("runtimeClassName", string, of_scheduler),
    host_ignores("automountServiceAccountToken", boolean, no_account),
    host_ignores("dnsPolicy", string, own_network),
    host_ignores("dnsConfig", object, own_network),
    host_ignores("enableServiceLinks", boolean, own_network),
    host_ignores("priorityClassName", string, of_scheduler),
    host_ignores("schedulerName", string, of_scheduler),
    host_ignores("imagePullSecrets", objects, "on the host no image is pulled"),
    host_refuses("hostAliases", objects, "about the pod; a step may write its own /etc/hosts"),
    host_ignores("hostNetwork", boolean, own_network),
    host_ignores("hostUsers", boolean, of_pod),
    host_ignores("topologySpreadConstraints", objects, of_scheduler),
};

constexpr std::string_view no_managed_by = "about which controller of a cluster runs it";
constexpr std::string_view no_start_status =
    "not supported; a run from a file starts at once, and Ctrl-C stops it";

constexpr Field pipeline_run_spec[] = {
    takes("pipelineRef", object, ObjectKind::pipeline_ref),
    takes("pipelineSpec", object, ObjectKind::pipeline_spec),
    refuses("resources", objects, no_pipeline_resources, v1beta1),
    takes("params", objects, ObjectKind::param),
    host_ignores("serviceAccountName", string, no_account, v1beta1),
    refuses("status", string, no_start_status),
    takes("timeouts", object, ObjectKind::pipeline_run_timeouts),
    takes("timeout", duration, v1beta1),
    takes("podTemplate", object, ObjectKind::pod_template, v1beta1),
    takes("taskRunTemplate", object, ObjectKind::task_run_template, v1),
    takes("workspaces", objects, ObjectKind::workspace_binding),
    takes("taskRunSpecs", objects, ObjectKind::pipeline_task_run_spec),
    ignores("managedBy", string, no_managed_by),
};

constexpr Field pipeline_run_timeouts[] = {
    takes("pipeline", duration),
    takes("tasks", duration),
    takes("finally", duration),
};

constexpr Field task_run_template[] = {
    takes("podTemplate", object, ObjectKind::pod_template),
    host_ignores("serviceAccountName", string, no_account),
};

constexpr Field pipeline_task_run_spec[] = {
    takes("pipelineTaskName", string),
    host_ignores("serviceAccountName", string, no_account, v1),
    host_ignores("taskServiceAccountName", string, no_account, v1beta1),
    takes("podTemplate", object, ObjectKind::pod_template, v1),
    takes("taskPodTemplate", object, ObjectKind::pod_template, v1beta1),
    takes("stepSpecs", objects, ObjectKind::task_run_step_spec, v1),
    takes("stepOverrides", objects, ObjectKind::task_run_step_spec, v1beta1),
    takes("sidecarSpecs", objects, ObjectKind::task_run_sidecar_spec, v1),
    takes("sidecarOverrides", objects, ObjectKind::task_run_sidecar_spec, v1beta1),
    takes("metadata", object, ObjectKind::task_metadata),
    takes("computeResources", object, ObjectKind::resources),
    takes("timeout", duration),
};

constexpr Field task_run_step_spec[] = {
    takes("name", string),
    takes("computeResources", object, ObjectKind::resources, v1),
    takes("resources", object, ObjectKind::resources, v1beta1),
};

constexpr Field task_run_sidecar_spec[] = {
    takes("name", string),
    takes("computeResources", object, ObjectKind::resources, v1),
    takes("resources", object, ObjectKind::resources, v1beta1),
};

constexpr Field task_run_spec[] = {
    takes("debug", object, ObjectKind::task_run_debug),
    takes("params", objects, ObjectKind::param),
    refuses("resources", object, no_pipeline_resources, v1beta1),
    host_ignores("serviceAccountName", string, no_account),
    takes("taskRef", object, ObjectKind::task_ref),
    takes("taskSpec", object, ObjectKind::task_spec),
    refuses("status", string, no_start_status),
    refuses("statusMessage", string, no_start_status),
    takes("retries", integer),
    takes("timeout", duration),
    takes("podTemplate", object, ObjectKind::pod_template),
    takes("workspaces", objects, ObjectKind::workspace_binding),
    takes("stepSpecs", objects, ObjectKind::task_run_step_spec, v1),
    takes("stepOverrides", objects, ObjectKind::task_run_step_spec, v1beta1),
    takes("sidecarSpecs", objects, ObjectKind::task_run_sidecar_spec, v1),
    takes("sidecarOverrides", objects, ObjectKind::task_run_sidecar_spec, v1beta1),
    takes("computeResources", object, ObjectKind::resources),
    ignores("managedBy", string, no_managed_by),
};

constexpr Field task_run_debug[] = {
    takes("breakpoints", object, ObjectKind::task_breakpoints),
};

constexpr Field task_breakpoints[] = {
    takes("onFailure", string),
    takes("beforeSteps", strings),
};

constexpr Field custom_run_spec[] = {
    takes("customRef", object, ObjectKind::custom_ref),
    takes("customSpec", object, ObjectKind::embedded_group),
    takes("params", objects, ObjectKind::param),
    host_refuses("status", string, no_start_status),
    host_refuses("statusMessage", string, no_start_status),
    host_refuses("retries", integer,
                 "a second try of the whole group takes a new pod; set the `retries` of its tasks"),
    host_ignores("serviceAccountName", string, no_account),
    takes("timeout", duration),
    takes("workspaces", objects, ObjectKind::workspace_binding),
};

constexpr ObjectFields table[] = {
    {ObjectKind::workspace_binding, "WorkspaceBinding",
     "`workspaces` of a PipelineRun, TaskRun or CustomRun", workspace_binding},
    {ObjectKind::claim_source, "PersistentVolumeClaimVolumeSource",
     "`persistentVolumeClaim` of a workspace", claim_source},
    {ObjectKind::config_map_source, "ConfigMapVolumeSource", "`configMap` of a workspace",
     config_map_source},
    {ObjectKind::secret_source, "SecretVolumeSource", "`secret` of a workspace", secret_source},
    {ObjectKind::pod_template, "PodTemplate", "`podTemplate`", pod_template},
    {ObjectKind::pipeline_run_spec, "PipelineRunSpec", "`spec` of a PipelineRun",
     pipeline_run_spec},
    {ObjectKind::pipeline_run_timeouts, "TimeoutFields", "`timeouts` of a PipelineRun",
     pipeline_run_timeouts},
    {ObjectKind::task_run_template, "PipelineTaskRunTemplate", "`taskRunTemplate` of a PipelineRun",
     task_run_template},
    {ObjectKind::pipeline_task_run_spec, "PipelineTaskRunSpec",
     "`taskRunSpecs` of a PipelineRun, `run.taskRunSpecs` of a TaskGroup", pipeline_task_run_spec},
    {ObjectKind::task_run_step_spec, "TaskRunStepSpec", "`stepSpecs`; in v1beta1 `stepOverrides`",
     task_run_step_spec},
    {ObjectKind::task_run_sidecar_spec, "TaskRunSidecarSpec",
     "`sidecarSpecs`; in v1beta1 `sidecarOverrides`", task_run_sidecar_spec},
    {ObjectKind::task_run_spec, "TaskRunSpec", "`spec` of a TaskRun", task_run_spec},
    {ObjectKind::task_run_debug, "TaskRunDebug", "`debug` of a TaskRun", task_run_debug},
    {ObjectKind::task_breakpoints, "TaskBreakpoints", "`debug.breakpoints` of a TaskRun",
     task_breakpoints},
    {ObjectKind::custom_run_spec, "CustomRunSpec", "`spec` of a CustomRun", custom_run_spec},
};

} // namespace

std::span<const ObjectFields> runs() { return table; }

} // namespace taskgroup::field_rows
