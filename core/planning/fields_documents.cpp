// SPDX-License-Identifier: Apache-2.0
#include "core/planning/field_rows.h"

namespace taskgroup::field_rows {
namespace {

using enum FieldType;

constexpr Field task_group[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    takes("spec", object, ObjectKind::task_group_spec),
    ignores("status", object, is_reported),
};

constexpr Field pipeline[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    takes("spec", object, ObjectKind::pipeline_spec),
};

constexpr Field pipeline_run[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    takes("spec", object, ObjectKind::pipeline_run_spec),
    ignores("status", object, is_reported),
};

constexpr Field task[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    takes("spec", object, ObjectKind::task_spec),
};

constexpr Field task_run[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    takes("spec", object, ObjectKind::task_run_spec),
    ignores("status", object, is_reported),
};

constexpr Field custom_run[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    takes("spec", object, ObjectKind::custom_run_spec),
    ignores("status", object, is_reported),
};

constexpr Field config_map[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    takes("data", string_map),
    takes("binaryData", string_map),
    ignores("immutable", boolean, of_api_server),
};

constexpr Field secret[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    takes("data", string_map),
    takes("stringData", string_map),
    ignores("type", string, for_readers),
    ignores("immutable", boolean, of_api_server),
};

constexpr Field volume_claim[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    ignores("spec", object,
            "of the cluster's volume; on the host the claim is an empty folder of the run"),
    ignores("status", object, is_reported),
};

constexpr Field step_action[] = {
    takes("apiVersion", string),
    takes("kind", string),
    takes("metadata", object, ObjectKind::metadata),
    takes("spec", object, ObjectKind::step_action_spec),
};

constexpr Field list[] = {
    takes("apiVersion", string),
    takes("kind", string),
    ignores("metadata", object, of_api_server),
    takes("items", objects),
};

constexpr Field metadata[] = {
    takes("name", string),
    takes("generateName", string),
    takes("namespace", string),
    takes("uid", string),
    ignores("labels", string_map, for_readers),
    ignores("annotations", string_map, for_readers),
    ignores("selfLink", string, of_api_server),
    ignores("resourceVersion", string, of_api_server),
    ignores("generation", integer, of_api_server),
    ignores("creationTimestamp", string, of_api_server),
    ignores("deletionTimestamp", string, of_api_server),
    ignores("deletionGracePeriodSeconds", integer, of_api_server),
    ignores("ownerReferences", objects, of_api_server),
    ignores("finalizers", strings, of_api_server),
    ignores("managedFields", objects, of_api_server),
};

constexpr ObjectFields table[] = {
    {ObjectKind::task_group, "TaskGroup", "a document, `taskgroup.dev/v1alpha1`", task_group},
    {ObjectKind::pipeline, "Pipeline", "a document, `tekton.dev`", pipeline},
    {ObjectKind::pipeline_run, "PipelineRun", "a document, `tekton.dev`", pipeline_run},
    {ObjectKind::task, "Task", "a document, `tekton.dev`", task},
    {ObjectKind::task_run, "TaskRun", "a document, `tekton.dev`", task_run},
    {ObjectKind::custom_run, "CustomRun", "a document, `tekton.dev/v1beta1`", custom_run},
    {ObjectKind::config_map, "ConfigMap", "a document, `v1`", config_map},
    {ObjectKind::secret, "Secret", "a document, `v1`", secret},
    {ObjectKind::volume_claim, "PersistentVolumeClaim", "a document, `v1`", volume_claim},
    {ObjectKind::step_action, "StepAction",
     "a document, `tekton.dev/v1beta1` or `tekton.dev/v1alpha1`", step_action},
    {ObjectKind::list, "List", "a document, `v1`, or one of `tekton.dev` such as TaskList", list},
    {ObjectKind::metadata, "ObjectMeta", "`metadata` of a document", metadata},
};

} // namespace

std::span<const ObjectFields> documents() { return table; }

} // namespace taskgroup::field_rows
