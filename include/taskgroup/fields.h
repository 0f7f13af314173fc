// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// The one table of the fields that authors may write: what each is, and what becomes of it.
// Decoding is driven by it, docs/fields.md is written from it, and nothing else decides what is
// honoured. A field that Tekton knows is never called unknown; one that has no row is an error.
namespace taskgroup {

// A kind of object in a document. `TaskGroup` and so on are whole documents.
enum class ObjectKind {
  task_group,
  pipeline,
  pipeline_run,
  task,
  task_run,
  custom_run,
  step_action,
  config_map,
  secret,
  volume_claim,
  list,
  metadata,
  task_group_spec,
  run,
  run_timeouts,
  run_matrix,
  run_breakpoints,
  group_workspace,
  pipeline_spec,
  pipeline_workspace,
  pipeline_result,
  pipeline_task,
  matrix,
  matrix_include,
  task_ref,
  custom_ref,
  pipeline_ref,
  embedded_task,
  embedded_group,
  task_metadata,
  task_spec,
  step,
  step_template,
  step_result,
  step_output,
  step_ref,
  step_action_spec,
  env_var,
  volume_mount,
  volume,
  empty_dir,
  param_spec,
  property,
  param,
  task_result,
  workspace_declaration,
  workspace_usage,
  pipeline_task_workspace,
  workspace_binding,
  claim_source,
  config_map_source,
  secret_source,
  when_expression,
  resources,
  security_context,
  pod_template,
  pipeline_run_spec,
  pipeline_run_timeouts,
  task_run_template,
  pipeline_task_run_spec,
  task_run_step_spec,
  task_run_sidecar_spec,
  task_run_spec,
  task_run_debug,
  task_breakpoints,
  custom_run_spec,
  sidecar,
  container_port,
  probe,
  exec_action,
  http_get_action,
  http_header,
  tcp_socket_action,
  grpc_action,
  lifecycle,
  lifecycle_handler,
  sleep_action,
};

// What becomes of a field.
enum class FieldClass {
  honoured,
  no_effect,         // by nature, wherever the group runs; the reason says why
  no_effect_on_host, // has none on the launcher `host`, where it is listed before the run
  given_on_host,     // honoured; on the launcher `host` the object must be in the given files
  refused_on_host,   // honoured in a pod, an error on the launcher `host`; the reason says why
  refused,           // an error; the reason says what to do instead
};

// The JSON that a field holds.
enum class FieldType {
  string,
  boolean,
  integer,
  duration,      // a string such as "1h30m"
  late_duration, // the same, or a text with variables
  quantity,      // a Kubernetes quantity: a string or a number
  value,         // a param's value: a string, a list or an object of strings, or any JSON as text
  strings,       // a list of strings
  string_map,    // an object of strings with free keys
  quantities,    // an object of quantities with free keys
  object,        // of the row's kind; of free content without one
  objects,       // a list of objects of the row's kind; of free content without one
  object_map,    // an object with free keys whose values are objects of the row's kind
};

// The API versions that have a field, as a set. TaskGroups count as v1, which their spec follows.
enum class ApiVersion : std::uint8_t { v1 = 1, v1beta1 = 2 };
using ApiVersions = std::uint8_t;
inline constexpr ApiVersions both_versions = 3;

// One row of the table.
struct Field {
  std::string_view name;
  FieldType type = FieldType::string;
  FieldClass field_class = FieldClass::honoured;
  std::string_view reason;        // empty only where honoured
  std::optional<ObjectKind> kind; // of the object, of a list's elements or of a map's values
  ApiVersions versions = both_versions;

  bool exists_in(ApiVersion version) const {
    return (versions & static_cast<ApiVersions>(version)) != 0;
  }

  // Tell whether decoding reads it, wherever the group is to run.
  bool is_read() const {
    return field_class != FieldClass::no_effect && field_class != FieldClass::refused;
  }
};

// The rows of one kind of object.
struct ObjectFields {
  ObjectKind kind;
  std::string_view name;  // Tekton's or Kubernetes' name of the type
  std::string_view where; // where it stands, for people
  std::span<const Field> fields;
};

// Return the whole table, in the order of ObjectKind.
std::span<const ObjectFields> all_fields();

// Return the rows of one kind.
const ObjectFields& fields_of(ObjectKind kind);

// Return the row of a field in an API version, or null. Case matters.
const Field* find_field(ObjectKind kind, std::string_view name, ApiVersion version);

// Return "string", "list of Step" and the like.
std::string type_name(const Field& field);

// Return the text of docs/fields.md.
std::string fields_page();

} // namespace taskgroup
