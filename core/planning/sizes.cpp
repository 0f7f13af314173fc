// SPDX-License-Identifier: Apache-2.0
#include "core/planning/limits.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string>

namespace taskgroup {
namespace {

// The sizes that the schema allows for one field.
struct Sizes {
  std::size_t characters = most_characters; // of a string, or of an element of a list of strings
  std::size_t elements = most_elements;
};

using SizesOfFields = std::map<const Field*, Sizes>;

SizesOfFields read_sizes() {
  SizesOfFields sizes;
  for (const FieldSchema& row : field_schemas()) {
    const auto schema = nlohmann::json::parse(row.json);
    Sizes& of_field = sizes[find_field(row.kind, row.field, ApiVersion::v1)];
    const auto& strings = schema.contains("items") ? schema["items"] : schema;
    of_field.characters = strings.value("maxLength", most_characters);
    of_field.elements = schema.value("maxItems", most_elements);
  }
  return sizes;
}

// The schema counts characters, as does Kubernetes (kube-openapi, utf8.RuneCountInString).
std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

class SizeCheck {
public:
  explicit SizeCheck(Diagnostics& diagnostics) : m_diagnostics(diagnostics) {}

  void object(const Node& node, ObjectKind kind, const std::string& path) const {
    for (std::size_t i = 0; i < node.keys().size(); ++i) {
      const std::string& key = node.keys()[i].name;
      const Field* row = find_field(kind, key, ApiVersion::v1);
      if (row != nullptr && row->field_class != FieldClass::refused)
        field(node.children()[i], *row, path + "." + key);
    }
  }

private:
  static const Sizes& sizes_of(const Field& row) {
    static const SizesOfFields all = read_sizes();
    static const Sizes usual;
    const auto found = all.find(&row);
    return found == all.end() ? usual : found->second;
  }

  void field(const Node& node, const Field& row, const std::string& path) const {
    const Sizes& sizes = sizes_of(row);
    switch (row.type) {
    case FieldType::string:
    case FieldType::duration:
    case FieldType::late_duration:
      string(node, sizes.characters, path);
      return;
    case FieldType::strings:
      elements(node, sizes.elements, path);
      for (std::size_t i = 0; i < node.size(); ++i)
        string(node.children()[i], sizes.characters, fmt::format("{}[{}]", path, i));
      return;
    case FieldType::string_map:
    case FieldType::quantities:
      elements(node, sizes.elements, path);
      if (row.type == FieldType::string_map)
        for (std::size_t i = 0; i < node.keys().size(); ++i)
          string(node.children()[i], sizes.characters, path + "." + node.keys()[i].name);
      return;
    case FieldType::object:
      if (row.kind)
        object(node, *row.kind, path);
      return;
    case FieldType::objects:
      elements(node, sizes.elements, path);
      if (row.kind)
        for (std::size_t i = 0; i < node.size(); ++i)
          object(node.children()[i], *row.kind, fmt::format("{}[{}]", path, i));
      return;
    case FieldType::object_map:
      if (!row.kind) // open, and so without a bound
        return;
      elements(node, sizes.elements, path);
      for (std::size_t i = 0; i < node.keys().size(); ++i)
        object(node.children()[i], *row.kind, path + "." + node.keys()[i].name);
      return;
    case FieldType::boolean:
    case FieldType::integer:
    case FieldType::quantity:
    case FieldType::value:
      return;
    }
  }

  void string(const Node& node, std::size_t most, const std::string& path) const {
    if (!node.is_string() || node.text().size() <= most)
      return;
    if (const std::size_t size = count_characters(node.text()); size > most)
      m_diagnostics.add_error(
          node.where(path),
          fmt::format("has {} characters; the API server takes at most {} here", size, most));
  }

  void elements(const Node& node, std::size_t most, const std::string& path) const {
    if (node.size() > most)
      m_diagnostics.add_error(
          node.where(path),
          fmt::format("has {} elements; the API server takes at most {} here", node.size(), most));
  }

  Diagnostics& m_diagnostics;
};

} // namespace

void check_sizes(const Node& spec, const std::string& path, Diagnostics& diagnostics) {
  SizeCheck(diagnostics).object(spec, ObjectKind::task_group_spec, path);
}

} // namespace taskgroup
