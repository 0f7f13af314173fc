// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/fields.h>

#include <gtest/gtest.h>

#include <sstream>

// The fields that Tekton's Go types had in v1.15.0, and those of Kubernetes' types in them: whoever
// takes a row out of the table makes a field "unknown" that is not.
namespace taskgroup {
namespace {

constexpr ApiVersions only_v1 = static_cast<ApiVersions>(ApiVersion::v1);
constexpr ApiVersions only_v1beta1 = static_cast<ApiVersions>(ApiVersion::v1beta1);

struct UpstreamFields {
  ObjectKind kind;
  ApiVersions versions;
  const char* names;
};

constexpr UpstreamFields upstream[] = {
    {ObjectKind::pipeline, both_versions, "apiVersion kind metadata spec"},
    {ObjectKind::pipeline_run, both_versions, "apiVersion kind metadata spec status"},
    {ObjectKind::task, both_versions, "apiVersion kind metadata spec"},
    {ObjectKind::task_run, both_versions, "apiVersion kind metadata spec status"},
    {ObjectKind::pipeline_spec, both_versions,
     "description displayName finally params results tasks workspaces"},
    {ObjectKind::pipeline_spec, only_v1beta1, "resources"},
    {ObjectKind::pipeline_workspace, both_versions, "description name optional"},
    {ObjectKind::pipeline_result, both_versions, "description name type value"},
    {ObjectKind::pipeline_task, both_versions,
     "description displayName matrix name onError params pipelineRef pipelineSpec "
     "retries runAfter taskRef taskSpec timeout when workspaces"},
    {ObjectKind::pipeline_task, only_v1beta1, "resources"},
    {ObjectKind::task_ref, both_versions, "apiVersion kind name params resolver"},
    {ObjectKind::task_ref, only_v1beta1, "bundle"},
    {ObjectKind::pipeline_ref, both_versions, "apiVersion name params resolver"},
    {ObjectKind::pipeline_ref, only_v1beta1, "bundle"},
    {ObjectKind::embedded_task, both_versions,
     "apiVersion description displayName kind metadata params results sidecars spec "
     "stepTemplate steps volumes workspaces"},
    {ObjectKind::embedded_task, only_v1beta1, "resources"},
    {ObjectKind::task_metadata, both_versions, "annotations labels"},
    {ObjectKind::task_spec, both_versions,
     "description displayName params results sidecars stepTemplate steps volumes "
     "workspaces"},
    {ObjectKind::task_spec, only_v1beta1, "resources"},
    {ObjectKind::step, both_versions,
     "args command displayName env envFrom image imagePullPolicy name onError params ref "
     "results script securityContext stderrConfig stdoutConfig timeout volumeDevices "
     "volumeMounts when workingDir workspaces"},
    {ObjectKind::step, only_v1, "computeResources"},
    {ObjectKind::step_action, both_versions, "apiVersion kind metadata spec"},
    {ObjectKind::step_action_spec, both_versions,
     "args command description env image params results script securityContext volumeMounts "
     "workingDir"},
    {ObjectKind::step_ref, both_versions, "name params resolver"},
    {ObjectKind::step, only_v1beta1,
     "lifecycle livenessProbe ports readinessProbe resources startupProbe stdin "
     "stdinOnce terminationMessagePath terminationMessagePolicy tty"},
    {ObjectKind::sidecar, both_versions,
     "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports "
     "readinessProbe restartPolicy script securityContext startupProbe stdin stdinOnce "
     "terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir "
     "workspaces"},
    {ObjectKind::sidecar, only_v1, "computeResources"},
    {ObjectKind::sidecar, only_v1beta1, "resources"},
    {ObjectKind::container_port, both_versions, "containerPort hostIP hostPort name protocol"},
    {ObjectKind::probe, both_versions,
     "exec failureThreshold grpc httpGet initialDelaySeconds periodSeconds successThreshold "
     "tcpSocket terminationGracePeriodSeconds timeoutSeconds"},
    {ObjectKind::exec_action, both_versions, "command"},
    {ObjectKind::http_get_action, both_versions, "host httpHeaders path port scheme"},
    {ObjectKind::http_header, both_versions, "name value"},
    {ObjectKind::tcp_socket_action, both_versions, "host port"},
    {ObjectKind::grpc_action, both_versions, "port service"},
    {ObjectKind::lifecycle, both_versions, "postStart preStop stopSignal"},
    {ObjectKind::lifecycle_handler, both_versions, "exec httpGet sleep tcpSocket"},
    {ObjectKind::sleep_action, both_versions, "seconds"},
    {ObjectKind::step_template, both_versions,
     "args command env envFrom image imagePullPolicy securityContext volumeDevices "
     "volumeMounts workingDir"},
    {ObjectKind::step_template, only_v1, "computeResources"},
    {ObjectKind::step_template, only_v1beta1,
     "lifecycle livenessProbe name ports readinessProbe resources startupProbe stdin "
     "stdinOnce terminationMessagePath terminationMessagePolicy tty"},
    {ObjectKind::param_spec, both_versions, "default description enum name properties type"},
    {ObjectKind::property, both_versions, "type"},
    {ObjectKind::param, both_versions, "name value"},
    {ObjectKind::task_result, both_versions, "description name properties type value"},
    {ObjectKind::workspace_declaration, both_versions,
     "description mountPath name optional readOnly"},
    {ObjectKind::workspace_usage, both_versions, "mountPath name"},
    {ObjectKind::pipeline_task_workspace, both_versions, "name subPath workspace"},
    {ObjectKind::workspace_binding, both_versions,
     "configMap csi emptyDir name persistentVolumeClaim projected secret subPath "
     "volumeClaimTemplate"},
    {ObjectKind::when_expression, both_versions, "cel input operator values"},
    {ObjectKind::pipeline_run_spec, both_versions,
     "managedBy params pipelineRef pipelineSpec status taskRunSpecs timeouts workspaces"},
    {ObjectKind::pipeline_run_spec, only_v1, "taskRunTemplate"},
    {ObjectKind::pipeline_run_spec, only_v1beta1,
     "podTemplate resources serviceAccountName timeout"},
    {ObjectKind::pipeline_run_timeouts, both_versions, "finally pipeline tasks"},
    {ObjectKind::task_run_template, only_v1, "podTemplate serviceAccountName"},
    {ObjectKind::pipeline_task_run_spec, both_versions,
     "computeResources metadata pipelineTaskName timeout"},
    {ObjectKind::pipeline_task_run_spec, only_v1,
     "podTemplate serviceAccountName sidecarSpecs stepSpecs"},
    {ObjectKind::pipeline_task_run_spec, only_v1beta1,
     "sidecarOverrides stepOverrides taskPodTemplate taskServiceAccountName"},
    {ObjectKind::task_run_step_spec, both_versions, "name"},
    {ObjectKind::task_run_step_spec, only_v1, "computeResources"},
    {ObjectKind::task_run_step_spec, only_v1beta1, "resources"},
    {ObjectKind::task_run_sidecar_spec, both_versions, "name"},
    {ObjectKind::task_run_sidecar_spec, only_v1, "computeResources"},
    {ObjectKind::task_run_sidecar_spec, only_v1beta1, "resources"},
    {ObjectKind::task_run_spec, both_versions,
     "computeResources debug managedBy params podTemplate retries serviceAccountName "
     "status statusMessage taskRef taskSpec timeout workspaces"},
    {ObjectKind::task_run_spec, only_v1, "sidecarSpecs stepSpecs"},
    {ObjectKind::task_run_spec, only_v1beta1, "resources sidecarOverrides stepOverrides"},
    {ObjectKind::task_run_debug, both_versions, "breakpoints"},
    {ObjectKind::task_breakpoints, both_versions, "beforeSteps onFailure"},
    {ObjectKind::custom_run, only_v1beta1, "apiVersion kind metadata spec status"},
    {ObjectKind::custom_run_spec, only_v1beta1,
     "customRef customSpec params retries serviceAccountName status statusMessage "
     "timeout workspaces"},
    {ObjectKind::custom_ref, both_versions, "apiVersion kind name params resolver"},
    {ObjectKind::custom_ref, only_v1beta1, "bundle"},
    {ObjectKind::embedded_group, only_v1beta1, "apiVersion kind metadata spec"},
    {ObjectKind::env_var, both_versions, "name value valueFrom"},
    {ObjectKind::volume_mount, both_versions,
     "mountPath mountPropagation name readOnly recursiveReadOnly subPath subPathExpr"},
    {ObjectKind::volume, both_versions,
     "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI "
     "emptyDir ephemeral fc flexVolume flocker gcePersistentDisk gitRepo glusterfs "
     "hostPath image iscsi name nfs persistentVolumeClaim photonPersistentDisk "
     "portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume"},
    {ObjectKind::empty_dir, both_versions, "medium sizeLimit"},
    {ObjectKind::claim_source, both_versions, "claimName readOnly"},
    {ObjectKind::config_map_source, both_versions, "defaultMode items name optional"},
    {ObjectKind::secret_source, both_versions, "defaultMode items optional secretName"},
    {ObjectKind::resources, both_versions, "claims limits requests"},
    {ObjectKind::security_context, both_versions,
     "allowPrivilegeEscalation appArmorProfile capabilities privileged procMount "
     "readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser seLinuxOptions "
     "seccompProfile windowsOptions"},
    {ObjectKind::metadata, both_versions,
     "annotations creationTimestamp deletionGracePeriodSeconds deletionTimestamp "
     "finalizers generateName generation labels managedFields name namespace "
     "ownerReferences resourceVersion selfLink uid"},
    {ObjectKind::pod_template, both_versions,
     "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks env "
     "hostAliases hostNetwork hostUsers imagePullSecrets nodeSelector priorityClassName "
     "runtimeClassName schedulerName securityContext tolerations "
     "topologySpreadConstraints volumes"},
};

TEST(Fields, HaveARowForEachOfUpstream) {
  for (const UpstreamFields& fields : upstream) {
    std::istringstream names(fields.names);
    for (std::string name; names >> name;)
      for (const ApiVersion version : {ApiVersion::v1, ApiVersion::v1beta1})
        if ((fields.versions & static_cast<ApiVersions>(version)) != 0) {
          EXPECT_NE(find_field(fields.kind, name, version), nullptr)
              << fields_of(fields.kind).name << "." << name;
        }
  }
}

TEST(Fields, HaveNoRowInAVersionThatLacksTheField) {
  for (const UpstreamFields& fields : upstream) {
    if (fields.versions == both_versions || fields.kind == ObjectKind::custom_run
        || fields.kind == ObjectKind::custom_run_spec || fields.kind == ObjectKind::embedded_group
        || fields.kind == ObjectKind::task_run_template)
      continue;
    const ApiVersion other = fields.versions == only_v1 ? ApiVersion::v1beta1 : ApiVersion::v1;
    std::istringstream names(fields.names);
    for (std::string name; names >> name;)
      EXPECT_EQ(find_field(fields.kind, name, other), nullptr)
          << fields_of(fields.kind).name << "." << name;
  }
}

} // namespace
} // namespace taskgroup
