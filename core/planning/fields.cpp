// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/fields.h>

#include "core/planning/field_rows.h"

#include <algorithm>
#include <vector>

namespace taskgroup {
namespace {

std::vector<ObjectFields> make_table() {
  std::vector<ObjectFields> table;
  for (const auto part : {field_rows::documents(), field_rows::groups(), field_rows::tasks(),
                          field_rows::runs(), field_rows::sidecars()})
    table.insert(table.end(), part.begin(), part.end());
  std::sort(table.begin(), table.end(),
            [](const ObjectFields& a, const ObjectFields& b) { return a.kind < b.kind; });
  return table;
}

std::string_view class_name(FieldClass field_class) {
  switch (field_class) {
  case FieldClass::honoured:
    return "honoured";
  case FieldClass::no_effect:
    return "no effect";
  case FieldClass::no_effect_on_host:
    return "no effect on `host`";
  case FieldClass::given_on_host:
    return "from the given files on `host`";
  case FieldClass::refused_on_host:
    return "refused on `host`";
  case FieldClass::refused:
    return "refused";
  }
  return {};
}

// A `|` would end the cell.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|')
      result += '\\';
    result += c;
  }
  return result;
}

} // namespace

std::span<const ObjectFields> all_fields() {
  static const std::vector<ObjectFields> table = make_table();
  return table;
}

const ObjectFields& fields_of(ObjectKind kind) {
  return all_fields()[static_cast<std::size_t>(kind)];
}

const Field* find_field(ObjectKind kind, std::string_view name, ApiVersion version) {
  for (const Field& field : fields_of(kind).fields)
    if (field.name == name && field.exists_in(version))
      return &field;
  return nullptr;
}

std::string type_name(const Field& field) {
  const std::string kind = field.kind ? std::string(fields_of(*field.kind).name) : std::string();
  switch (field.type) {
  case FieldType::string:
    return "string";
  case FieldType::boolean:
    return "boolean";
  case FieldType::integer:
    return "integer";
  case FieldType::duration:
  case FieldType::late_duration:
    return "duration";
  case FieldType::quantity:
    return "quantity";
  case FieldType::value:
    return "string, list or object";
  case FieldType::strings:
    return "list of strings";
  case FieldType::string_map:
    return "object of strings";
  case FieldType::quantities:
    return "object of quantities";
  case FieldType::object:
    return kind.empty() ? "object" : kind;
  case FieldType::objects:
    return kind.empty() ? "list" : "list of " + kind;
  case FieldType::object_map:
    return "object of " + kind;
  }
  return {};
}

std::string fields_page() {
  std::string page =
      "# What becomes of each field\n"
      "\n"
      "Every field of Tekton's `v1` and `v1beta1` objects is in one of four classes:\n"
      "\n"
      "- **honoured**: it means what it means to Tekton;\n"
      "- **no effect**: by its nature, everywhere or on one launcher; what has none on `host` is "
      "listed before a run there;\n"
      "- **from the given files**: honoured; `taskgroup run` takes the object from the files that "
      "it "
      "is given;\n"
      "- **refused**: an error that names the field, the reason and the way out; what is refused "
      "on `host` only is honoured in a pod.\n"
      "\n"
      "A field that is in no row is an error too: nothing is ignored silently. A TaskGroup's spec "
      "follows `v1`.\n"
      "\n"
      "This page is written from the table that the code uses (`core/planning/fields_*.cpp`); to "
      "write it again:\n"
      "`TASKGROUP_WRITE_DOCS=1 build/debug/bin/core_planning_test "
      "--gtest_filter='Fields.PageIsUpToDate'`.\n";
  for (const ObjectFields& object : all_fields()) {
    page += "\n## " + std::string(object.name) + "\n\n";
    page += "Stands at: " + std::string(object.where) + ".\n\n";
    page += "| field | type | class | why, and what to do |\n| --- | --- | --- | --- |\n";
    for (const Field& field : object.fields) {
      page += "| `" + std::string(field.name) + "`";
      if (field.versions != both_versions)
        page += field.exists_in(ApiVersion::v1) ? " (`v1` only)" : " (`v1beta1` only)";
      page += " | " + type_name(field) + " | " + std::string(class_name(field.field_class)) + " | "
              + cell(field.reason) + " |\n";
    }
  }
  return page;
}

} // namespace taskgroup
