// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/fields.h>

#include <span>
#include <string_view>

// How the rows of the field table are written down.
namespace taskgroup::field_rows {

inline constexpr ApiVersions v1 = static_cast<ApiVersions>(ApiVersion::v1);
inline constexpr ApiVersions v1beta1 = static_cast<ApiVersions>(ApiVersion::v1beta1);

// A field that is honoured.
constexpr Field takes(std::string_view name, FieldType type, ApiVersions versions = both_versions) {
  return {name, type, FieldClass::honoured, {}, {}, versions};
}

// A field that is honoured and holds objects of a kind.
constexpr Field takes(std::string_view name, FieldType type, ObjectKind kind,
                      ApiVersions versions = both_versions) {
  return {name, type, FieldClass::honoured, {}, kind, versions};
}

// A field without effect anywhere.
constexpr Field ignores(std::string_view name, FieldType type, std::string_view reason,
                        ApiVersions versions = both_versions) {
  return {name, type, FieldClass::no_effect, reason, {}, versions};
}

// A field without effect on the launcher `host`.
constexpr Field host_ignores(std::string_view name, FieldType type, std::string_view reason,
                             ApiVersions versions = both_versions) {
  return {name, type, FieldClass::no_effect_on_host, reason, {}, versions};
}

// A field that names an object, which the launcher `host` takes from the given files.
constexpr Field host_is_given(std::string_view name, FieldType type, std::string_view reason,
                              ApiVersions versions = both_versions) {
  return {name, type, FieldClass::given_on_host, reason, {}, versions};
}

// A field that is honoured in a pod and an error on the launcher `host`.
constexpr Field host_refuses(std::string_view name, FieldType type, std::string_view reason,
                             ApiVersions versions = both_versions) {
  return {name, type, FieldClass::refused_on_host, reason, {}, versions};
}

// A field that is an error.
constexpr Field refuses(std::string_view name, FieldType type, std::string_view reason,
                        ApiVersions versions = both_versions) {
  return {name, type, FieldClass::refused, reason, {}, versions};
}

inline constexpr std::string_view for_readers = "for readers only";
inline constexpr std::string_view is_reported = "reported by a cluster, not asked for";
inline constexpr std::string_view of_api_server = "kept by a cluster's API server";
inline constexpr std::string_view of_pod = "about the pod, and on the host there is none";
inline constexpr std::string_view of_scheduler =
    "about where a cluster runs the pod, and on the host there is none";
inline constexpr std::string_view no_pipeline_resources =
    "PipelineResources were removed from Tekton; use params, workspaces and results";
inline constexpr std::string_view no_resolver =
    "not supported yet; refer by name to an object of the namespace, or of a file that is given";
inline constexpr std::string_view no_bundle =
    "removed from Tekton, whose way is `resolver: bundles`, not supported yet; refer by name to an "
    "object of the namespace, or of a file that is given";
inline constexpr std::string_view no_control = "not supported; stop a run with Ctrl-C";
inline constexpr std::string_view dropped_by_v1 =
    "dropped by Tekton when it turns v1beta1 into v1; a step is no server";

// The parts of the table, one per file.
std::span<const ObjectFields> documents();
std::span<const ObjectFields> groups();
std::span<const ObjectFields> tasks();
std::span<const ObjectFields> runs();
std::span<const ObjectFields> sidecars();

} // namespace taskgroup::field_rows
