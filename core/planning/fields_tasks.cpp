// SPDX-License-Identifier: Apache-2.0
#include "core/planning/field_rows.h"

namespace taskgroup::field_rows {
namespace {

using enum FieldType;

constexpr Field task_spec[] = {
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

constexpr std::string_view no_image = "the host's own programs run";
constexpr std::string_view given_object = "the ConfigMap or Secret is taken from there";
constexpr std::string_view no_devices = "not supported yet; share files by a workspace";

constexpr Field step[] = {
    takes("name", string),
    ignores("displayName", string, for_readers),
    host_ignores("image", string, no_image),
    takes("command", strings),
    takes("args", strings),
    takes("workingDir", string),
    ignores("ports", objects, dropped_by_v1, v1beta1),
    host_is_given("envFrom", objects, given_object),
    takes("env", objects, ObjectKind::env_var),
    takes("computeResources", object, ObjectKind::resources, v1),
    takes("resources", object, ObjectKind::resources, v1beta1),
    takes("volumeMounts", objects, ObjectKind::volume_mount),
    refuses("volumeDevices", objects, no_devices),
    ignores("livenessProbe", object, dropped_by_v1, v1beta1),
    ignores("readinessProbe", object, dropped_by_v1, v1beta1),
    ignores("startupProbe", object, dropped_by_v1, v1beta1),
    ignores("lifecycle", object, dropped_by_v1, v1beta1),
    ignores("terminationMessagePath", string, dropped_by_v1, v1beta1),
    ignores("terminationMessagePolicy", string, dropped_by_v1, v1beta1),
    host_ignores("imagePullPolicy", string, no_image),
    takes("securityContext", object, ObjectKind::security_context),
    ignores("stdin", boolean, dropped_by_v1, v1beta1),
    ignores("stdinOnce", boolean, dropped_by_v1, v1beta1),
    ignores("tty", boolean, dropped_by_v1, v1beta1),
    takes("script", string),
    takes("timeout", late_duration),
    takes("workspaces", objects, ObjectKind::workspace_usage),
    takes("onError", string),
    takes("stdoutConfig", object, ObjectKind::step_output),
    takes("stderrConfig", object, ObjectKind::step_output),
    takes("ref", object, ObjectKind::step_ref),
    takes("params", objects, ObjectKind::param),
    takes("results", objects, ObjectKind::step_result),
    takes("when", objects, ObjectKind::when_expression),
};

constexpr Field step_template[] = {
    ignores("name", string, dropped_by_v1, v1beta1),
    host_ignores("image", string, no_image),
    takes("command", strings),
    takes("args", strings),
    takes("workingDir", string),
    ignores("ports", objects, dropped_by_v1, v1beta1),
    host_is_given("envFrom", objects, given_object),
    takes("env", objects, ObjectKind::env_var),
    takes("computeResources", object, ObjectKind::resources, v1),
    takes("resources", object, ObjectKind::resources, v1beta1),
    takes("volumeMounts", objects, ObjectKind::volume_mount),
    refuses("volumeDevices", objects, no_devices),
    ignores("livenessProbe", object, dropped_by_v1, v1beta1),
    ignores("readinessProbe", object, dropped_by_v1, v1beta1),
    ignores("startupProbe", object, dropped_by_v1, v1beta1),
    ignores("lifecycle", object, dropped_by_v1, v1beta1),
    ignores("terminationMessagePath", string, dropped_by_v1, v1beta1),
    ignores("terminationMessagePolicy", string, dropped_by_v1, v1beta1),
    host_ignores("imagePullPolicy", string, no_image),
    takes("securityContext", object, ObjectKind::security_context),
    ignores("stdin", boolean, dropped_by_v1, v1beta1),
    ignores("stdinOnce", boolean, dropped_by_v1, v1beta1),
    ignores("tty", boolean, dropped_by_v1, v1beta1),
};

constexpr Field step_result[] = {
    takes("name", string),
    takes("type", string),
    takes("properties", object_map, ObjectKind::property),
    ignores("description", string, for_readers),
};

constexpr Field step_output[] = {
    takes("path", string),
};

constexpr Field step_ref[] = {
    takes("name", string),
    refuses("resolver", string, no_resolver),
    refuses("params", objects, no_resolver),
};

constexpr Field step_action_spec[] = {
    ignores("description", string, for_readers),
    host_ignores("image", string, no_image),
    takes("command", strings),
    takes("args", strings),
    takes("env", objects, ObjectKind::env_var),
    takes("script", string),
    takes("workingDir", string),
    takes("params", objects, ObjectKind::param_spec),
    takes("results", objects, ObjectKind::step_result),
    takes("securityContext", object, ObjectKind::security_context),
    takes("volumeMounts", objects, ObjectKind::volume_mount),
};

constexpr Field env_var[] = {
    takes("name", string),
    takes("value", string),
    host_is_given("valueFrom", object,
                  "the ConfigMap or Secret is taken from there; other sources are refused"),
};

constexpr Field volume_mount[] = {
    takes("name", string),
    takes("readOnly", boolean),
    refuses("recursiveReadOnly", string, "not supported yet; use `readOnly`"),
    takes("mountPath", string),
    takes("subPath", string),
    refuses("mountPropagation", string,
            "not supported; mounts of one step are not seen by another"),
    refuses("subPathExpr", string, "not supported yet; use `subPath`"),
};

constexpr std::string_view no_volume =
    "only a pod has such a volume; declare a workspace and bind a folder to it with `-w name=dir`";
constexpr std::string_view removed_volume =
    "removed from Kubernetes; declare a workspace, and let the run bind a volume to it";

constexpr std::string_view given_projected =
    "ConfigMaps and Secrets in it are taken from there; other sources are refused";

constexpr Field volume[] = {
    takes("name", string),
    host_refuses("hostPath", object, no_volume),
    takes("emptyDir", object, ObjectKind::empty_dir),
    host_refuses("gcePersistentDisk", object, no_volume),
    host_refuses("awsElasticBlockStore", object, no_volume),
    refuses("gitRepo", object, removed_volume),
    host_is_given("secret", object, given_object),
    host_refuses("nfs", object, no_volume),
    host_refuses("iscsi", object, no_volume),
    refuses("glusterfs", object, removed_volume),
    host_is_given("persistentVolumeClaim", object,
                  "a claim that stands there is an empty folder of the run"),
    refuses("rbd", object, removed_volume),
    host_refuses("flexVolume", object, no_volume),
    host_refuses("cinder", object, no_volume),
    refuses("cephfs", object, removed_volume),
    refuses("flocker", object, removed_volume),
    host_refuses("downwardAPI", object,
                 "on the host there is no pod; use the variables `$(context.…)`"),
    host_refuses("fc", object, no_volume),
    host_refuses("azureFile", object, no_volume),
    host_is_given("configMap", object, given_object),
    host_refuses("vsphereVolume", object, no_volume),
    refuses("quobyte", object, removed_volume),
    host_refuses("azureDisk", object, no_volume),
    refuses("photonPersistentDisk", object, removed_volume),
    host_is_given("projected", object, given_projected),
    host_refuses("portworxVolume", object, no_volume),
    refuses("scaleIO", object, removed_volume),
    refuses("storageos", object, removed_volume),
    host_refuses("csi", object, no_volume),
    host_refuses("ephemeral", object, no_volume),
    host_refuses("image", object, no_volume),
};

constexpr Field empty_dir[] = {
    host_ignores("medium", string, "a volume of the run is a folder on the disk here"),
    host_ignores("sizeLimit", quantity, "a volume of the run is a folder without a limit here"),
};

constexpr Field param_spec[] = {
    takes("name", string),
    takes("type", string),
    ignores("description", string, for_readers),
    takes("properties", object_map, ObjectKind::property),
    takes("default", value),
    takes("enum", strings),
};

constexpr Field property[] = {
    takes("type", string),
};

constexpr Field param[] = {
    takes("name", string),
    takes("value", value),
};

constexpr Field task_result[] = {
    takes("name", string),
    takes("type", string),
    takes("properties", object_map, ObjectKind::property),
    ignores("description", string, for_readers),
    takes("value", string),
};

constexpr Field workspace_declaration[] = {
    takes("name", string),      ignores("description", string, for_readers),
    takes("mountPath", string), takes("readOnly", boolean),
    takes("optional", boolean),
};

constexpr Field workspace_usage[] = {
    takes("name", string),
    takes("mountPath", string),
};

constexpr Field pipeline_task_workspace[] = {
    takes("name", string),
    takes("workspace", string),
    takes("subPath", string),
};

constexpr Field when_expression[] = {
    takes("input", string),
    takes("operator", string),
    takes("values", strings),
    refuses("cel", string, "not supported yet; use `input`, `operator` and `values`"),
};

constexpr std::string_view no_limits = "on the host nothing is reserved and nothing is limited";

constexpr Field resources[] = {
    host_ignores("limits", quantities, no_limits),
    host_ignores("requests", quantities, no_limits),
    host_ignores("claims", objects, no_limits),
};

constexpr std::string_view own_user = "on the host steps run as the user who calls";
constexpr std::string_view no_container = "on the host there is no container to set it for";

constexpr Field security_context[] = {
    host_ignores("capabilities", object, no_container),
    host_ignores("privileged", boolean, no_container),
    host_ignores("seLinuxOptions", object, no_container),
    host_ignores("windowsOptions", object, no_container),
    host_ignores("runAsUser", integer, own_user),
    host_ignores("runAsGroup", integer, own_user),
    host_ignores("runAsNonRoot", boolean, own_user),
    host_ignores("readOnlyRootFilesystem", boolean, no_container),
    host_ignores("allowPrivilegeEscalation", boolean, no_container),
    host_ignores("procMount", string, no_container),
    host_ignores("seccompProfile", object, no_container),
    host_ignores("appArmorProfile", object, no_container),
};

constexpr ObjectFields table[] = {
    {ObjectKind::task_spec, "TaskSpec", "`spec` of a Task, `taskSpec` of a TaskRun", task_spec},
    {ObjectKind::step, "Step", "`steps`", step},
    {ObjectKind::step_template, "StepTemplate",
     "`stepTemplate` of a Task, `run.stepTemplate` of a TaskGroup", step_template},
    {ObjectKind::step_result, "StepResult", "`results` of a step", step_result},
    {ObjectKind::step_output, "StepOutputConfig", "`stdoutConfig` and `stderrConfig` of a step",
     step_output},
    {ObjectKind::step_ref, "Ref", "`ref` of a step", step_ref},
    {ObjectKind::step_action_spec, "StepActionSpec", "`spec` of a StepAction", step_action_spec},
    {ObjectKind::env_var, "EnvVar", "`env`", env_var},
    {ObjectKind::volume_mount, "VolumeMount", "`volumeMounts`", volume_mount},
    {ObjectKind::volume, "Volume", "`volumes` of a Task", volume},
    {ObjectKind::empty_dir, "EmptyDirVolumeSource", "`emptyDir`", empty_dir},
    {ObjectKind::param_spec, "ParamSpec", "`params` where they are declared", param_spec},
    {ObjectKind::property, "PropertySpec", "`properties` of a param or result", property},
    {ObjectKind::param, "Param", "`params` where they are passed", param},
    {ObjectKind::task_result, "TaskResult", "`results` of a Task", task_result},
    {ObjectKind::workspace_declaration, "WorkspaceDeclaration", "`workspaces` of a Task",
     workspace_declaration},
    {ObjectKind::workspace_usage, "WorkspaceUsage", "`workspaces` of a step", workspace_usage},
    {ObjectKind::pipeline_task_workspace, "WorkspacePipelineTaskBinding",
     "`workspaces` of a PipelineTask", pipeline_task_workspace},
    {ObjectKind::when_expression, "WhenExpression", "`when` of a PipelineTask or step",
     when_expression},
    {ObjectKind::resources, "ResourceRequirements", "`computeResources`; in v1beta1 `resources`",
     resources},
    {ObjectKind::security_context, "SecurityContext", "`securityContext` of a step",
     security_context},
};

} // namespace

std::span<const ObjectFields> tasks() { return table; }

} // namespace taskgroup::field_rows
