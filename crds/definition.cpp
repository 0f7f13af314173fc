// SPDX-License-Identifier: Apache-2.0
#include "crds/definition.h"

#include "core/planning/limits.h"
#include "crds/rules.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace taskgroup::crds {
namespace {

// The API server multiplies a rule's cost with the most elements that all lists around it may have,
// and refuses what could be too dear. What stands deeper (a variable of a step of a task) is left
// to planning.
constexpr int most_lists_around_a_rule = 2;

constexpr const char* keep_unknown = "x-kubernetes-preserve-unknown-fields";

Json bounded_string() { return {{"type", "string"}, {"maxLength", most_characters}}; }

Json list_of(Json items) {
  return {{"type", "array"}, {"maxItems", most_elements}, {"items", std::move(items)}};
}

Json map_of(Json values) {
  return {{"type", "object"},
          {"maxProperties", most_elements},
          {"additionalProperties", std::move(values)}};
}

Json any_object() { return {{"type", "object"}, {keep_unknown, true}}; }

Json object_schema(ObjectKind kind, int lists);

// `lists` counts the lists that the field is in.
Json type_schema(const Field& field, int lists) {
  // What is refused needs a type for the rule that forbids it, and nothing more.
  const bool is_open = !field.kind || field.field_class == FieldClass::refused;
  switch (field.type) {
  case FieldType::string:
  case FieldType::duration:
  case FieldType::late_duration:
    return bounded_string();
  case FieldType::boolean:
    return {{"type", "boolean"}};
  case FieldType::integer:
    return {{"type", "integer"}, {"format", "int64"}};
  case FieldType::quantity:
  case FieldType::value:
    return {{keep_unknown, true}};
  case FieldType::strings:
    return list_of(bounded_string());
  case FieldType::string_map:
    return map_of(bounded_string());
  case FieldType::quantities:
    return map_of({{keep_unknown, true}});
  case FieldType::object:
    return is_open ? any_object() : object_schema(*field.kind, lists);
  case FieldType::objects:
    return list_of(is_open ? any_object() : object_schema(*field.kind, lists + 1));
  case FieldType::object_map:
    return is_open ? any_object() : map_of(object_schema(*field.kind, lists + 1));
  }
  return {};
}

Json field_schema(ObjectKind kind, const Field& field, int lists) {
  Json schema = type_schema(field, lists);
  for (const FieldSchema& row : field_schemas())
    if (row.kind == kind && row.field == field.name)
      schema.merge_patch(Json::parse(row.json));
  return schema;
}

Json blamed(Json rule, std::string_view field) {
  if (!field.empty())
    rule["fieldPath"] = "." + std::string(field);
  return rule;
}

// A rule cannot see a field of no type.
bool can_be_seen(const Field& field) { return field.type != FieldType::value; }

Json rules_of(ObjectKind kind) {
  Json result = Json::array();
  for (const Rule& row : rules())
    if (row.kind == kind)
      result.push_back(blamed({{"rule", row.rule}, {"message", row.message}}, row.field));
  for (const Field& field : fields_of(kind).fields)
    if (field.field_class == FieldClass::refused && field.exists_in(ApiVersion::v1)
        && can_be_seen(field))
      result.push_back(blamed({{"rule", "!has(self." + std::string(field.name) + ")"},
                               {"message", field.reason},
                               {"reason", "FieldValueForbidden"}},
                              field.name));
  return result;
}

Json object_schema(ObjectKind kind, int lists) {
  Json schema = any_object();
  Json required = Json::array();
  for (const RequiredField& row : required_fields())
    if (row.kind == kind)
      required.push_back(row.field);
  if (!required.empty())
    schema["required"] = std::move(required);
  for (const Field& field : fields_of(kind).fields)
    if (field.exists_in(ApiVersion::v1))
      schema["properties"][std::string(field.name)] = field_schema(kind, field, lists);
  if (Json of_kind = rules_of(kind); !of_kind.empty() && lists <= most_lists_around_a_rule)
    schema["x-kubernetes-validations"] = std::move(of_kind);
  return schema;
}

Json group_schema() {
  Json spec = object_schema(ObjectKind::task_group_spec, 0);
  spec["description"] = "As the spec of a Pipeline, and `run`, which is ours. docs/fields.md says "
                        "what becomes of each field.";
  return {{"type", "object"},
          {"description", "A DAG of Tekton Tasks that runs in one pod."},
          {keep_unknown, true},
          {"required", {"spec"}},
          {"properties",
           {{"apiVersion", {{"type", "string"}}},
            {"kind", {{"type", "string"}}},
            {"metadata", {{"type", "object"}}},
            {"spec", std::move(spec)}}}};
}

Json column(std::string_view name, std::string_view path, bool only_wide) {
  Json result = {{"name", name}, {"type", "string"}, {"jsonPath", path}};
  if (only_wide)
    result["priority"] = 1;
  return result;
}

// Tell whether YAML reads the text as it stands, as a string.
bool is_plain(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || !is_letter(text.front()) || text == "true" || text == "false"
      || text == "null" || text == "yes" || text == "no" || text == "on" || text == "off")
    return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9')
           || std::string_view("-./_").find(c) != std::string_view::npos;
  });
}

std::string scalar(const Json& json) {
  if (!json.is_string())
    return json.dump();
  const auto& text = json.get_ref<const std::string&>();
  if (is_plain(text))
    return text;
  std::string quoted = "'";
  for (const char c : text)
    quoted += c == '\'' ? "''" : std::string(1, c);
  return quoted + "'";
}

bool is_block(const Json& json) { return json.is_structured() && !json.empty(); }

// Writes what follows a key or a dash; the caller has written neither space nor line break.
void write(const Json& json, std::size_t indent, std::string& out) {
  if (!is_block(json)) {
    out += " " + scalar(json) + "\n";
    return;
  }
  const std::string margin(indent, ' ');
  bool first = true;
  const auto begin_entry = [&] {
    // The first entry of a list's element stands behind the dash.
    if (first && !out.empty() && out.back() == '-')
      out += " ";
    else {
      if (first && !out.empty())
        out += "\n";
      out += margin;
    }
    first = false;
  };
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      begin_entry();
      out += (is_plain(key) ? key : scalar(Json(key))) + ":";
      write(value, value.is_array() ? indent : indent + 2, out);
    }
  } else {
    for (const Json& value : json) {
      begin_entry();
      out += "-";
      write(value, indent + 2, out);
    }
  }
}

} // namespace

Json definition() {
  return {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinition"},
          {"metadata",
           {{"name", "taskgroups.taskgroup.dev"},
            {"labels", {{"app.kubernetes.io/part-of", "taskgroup"}}},
            // Uninstalling the chart must not delete what users have written.
            {"annotations", {{"helm.sh/resource-policy", "keep"}}}}},
          {"spec",
           {{"group", "taskgroup.dev"},
            {"scope", "Namespaced"},
            {"names",
             {{"plural", "taskgroups"},
              {"singular", "taskgroup"},
              {"kind", "TaskGroup"},
              {"listKind", "TaskGroupList"},
              {"categories", {"tekton", "tekton-pipelines"}}}},
            {"versions",
             Json::array({{{"name", "v1alpha1"},
                           {"served", true},
                           {"storage", true},
                           {"additionalPrinterColumns",
                            Json::array({column("Display Name", ".spec.displayName", false),
                                         column("Pipeline", ".spec.pipelineRef.name", false),
                                         column("Description", ".spec.description", true),
                                         {{"name", "Age"},
                                          {"type", "date"},
                                          {"jsonPath", ".metadata.creationTimestamp"}}})},
                           {"schema", {{"openAPIV3Schema", group_schema()}}}}})}}}};
}

std::string to_yaml(const Json& json) {
  std::string out;
  write(json, 0, out);
  return out;
}

std::string definition_file() {
  return "# SPDX-License-Identifier: Apache-2.0\n"
         "# Written from the table of fields (core/planning/fields_*.cpp) and "
         "core/planning/limits.cpp,\n"
         "# crds/rules.cpp; to write it again:\n"
         "#   TASKGROUP_WRITE_DOCS=1 build/debug/bin/crds_test "
         "--gtest_filter='Definition.FileIsUpToDate'\n"
         + to_yaml(definition());
}

} // namespace taskgroup::crds
