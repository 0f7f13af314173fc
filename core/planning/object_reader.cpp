// SPDX-License-Identifier: Apache-2.0
#include "core/planning/object_reader.h"

#include <taskgroup/nearest.h>

#include "core/run/duration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace taskgroup {
namespace {

std::string join(std::string_view path, std::string_view field) {
  if (field.empty())
    return std::string(path);
  return path.empty() ? std::string(field) : fmt::format("{}.{}", path, field);
}

std::string join(std::string_view path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

bool equal_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view version_name(ApiVersion version) {
  return version == ApiVersion::v1 ? "v1" : "v1beta1";
}

// Go's `omitempty` value: it asks for nothing, so that there is nothing to refuse.
bool is_empty_value(const Node& node) {
  switch (node.kind()) {
  case Node::Kind::null:
    return true;
  case Node::Kind::boolean:
    return !node.boolean();
  case Node::Kind::integer:
  case Node::Kind::floating:
    return node.number() == 0.0;
  case Node::Kind::string:
    return node.text().empty();
  case Node::Kind::sequence:
    return node.size() == 0;
  case Node::Kind::mapping:
    return false;
  }
  return false;
}

std::optional<std::int64_t> integer_of(const Node& node) {
  if (node.kind() == Node::Kind::integer)
    return node.integer();
  if (node.kind() == Node::Kind::floating) { // `2.0` is 2 once it is JSON
    const double number = node.number().value_or(0.5);
    if (std::trunc(number) == number && std::abs(number) < 1e9)
      return static_cast<std::int64_t>(number);
  }
  return std::nullopt;
}

// Checks a value against the type of its field. Paths are made for what is wrong only.
class TypeCheck {
public:
  TypeCheck(std::string_view object_path, std::string_view field, Diagnostics& diagnostics)
      : m_object_path(object_path), m_field(field), m_diagnostics(diagnostics) {}

  // Report what is wrong; return whether the value can be used.
  bool check(const Field& field, const Node& node) const {
    switch (field.type) {
    case FieldType::string:
      return is_string(node, {});
    case FieldType::boolean:
      return node.kind() == Node::Kind::boolean || mistyped(node, {}, "true or false");
    case FieldType::integer:
      return is_integer(node);
    case FieldType::duration:
      return is_duration(node);
    case FieldType::late_duration:
      return (node.is_string() && node.text().find("$(") != std::string::npos) || is_duration(node);
    case FieldType::quantity:
      return is_quantity(node, {});
    case FieldType::value:
      return true;
    case FieldType::strings:
      return each_element(node, "a list of strings",
                          [&](const Node& n, Part part) { return is_string(n, part); });
    case FieldType::string_map:
      return each_entry(node, [&](const Node& n, Part part) { return is_string(n, part); });
    case FieldType::quantities:
      return each_entry(node, [&](const Node& n, Part part) { return is_quantity(n, part); });
    case FieldType::object:
      return node.is_mapping() || mistyped(node, {}, "an object");
    case FieldType::objects:
      return each_element(node, "a list of objects", [&](const Node& n, Part part) {
        return n.is_mapping() || mistyped(n, part, "an object");
      });
    case FieldType::object_map:
      return each_entry(node, [&](const Node& n, Part part) {
        return n.is_mapping() || n.is_null() || mistyped(n, part, "an object");
      });
    }
    return false;
  }

private:
  // Which part of the value is meant: an element, an entry, or the whole.
  struct Part {
    std::optional<std::size_t> index;
    const std::string* key = nullptr;
  };

  std::string path_of(Part part) const {
    std::string path = join(m_object_path, m_field);
    if (part.index)
      return join(path, *part.index);
    return part.key != nullptr ? join(path, *part.key) : path;
  }

  bool mistyped(const Node& node, Part part, std::string_view expected) const {
    m_diagnostics.add_error(node.where(path_of(part)),
                            fmt::format("found {}, expected {}", describe(node), expected));
    return false;
  }

  bool is_string(const Node& node, Part part) const {
    if (node.is_string())
      return true;
    return mistyped(node, part,
                    node.is_scalar() && !node.is_null() ? "a string; put it in quotes"
                                                        : "a string");
  }

  bool is_integer(const Node& node) const {
    const auto value = integer_of(node);
    if (!value)
      return mistyped(node, {}, "a whole number");
    if (*value < std::numeric_limits<int>::min() || *value > std::numeric_limits<int>::max())
      return mistyped(node, {}, "a number of at most 2147483647");
    return true;
  }

  bool is_duration(const Node& node) const {
    if (!node.is_string())
      return mistyped(node, {}, "a duration such as \"1h30m\", in quotes");
    const auto parsed = parse_duration(node.text());
    if (!parsed)
      m_diagnostics.add_error(node.where(path_of({})), parsed.error());
    return parsed.has_value();
  }

  bool is_quantity(const Node& node, Part part) const {
    return node.is_string() || node.number().has_value()
           || mistyped(node, part, "a quantity such as \"500m\" or \"2Gi\"");
  }

  template <typename Check>
  bool each_element(const Node& node, std::string_view expected, Check check) const {
    if (!node.is_sequence())
      return mistyped(node, {}, expected);
    bool good = true;
    for (std::size_t i = 0; i < node.size(); ++i)
      good = check(node.children()[i], {.index = i}) && good;
    return good;
  }

  template <typename Check>
  bool each_entry(const Node& node, Check check) const {
    if (!node.is_mapping())
      return mistyped(node, {}, "an object");
    bool good = true;
    for (std::size_t i = 0; i < node.size(); ++i)
      good = check(node.children()[i], {.key = &node.keys()[i].name}) && good;
    return good;
  }

  std::string_view m_object_path;
  std::string_view m_field;
  Diagnostics& m_diagnostics;
};

} // namespace

std::string describe(const Node& node) {
  switch (node.kind()) {
  case Node::Kind::null:
    return "null";
  case Node::Kind::sequence:
    return "a list";
  case Node::Kind::mapping:
    return "an object";
  case Node::Kind::string: {
    const std::string& text = node.text();
    return text.size() > 40 ? "a string" : fmt::format("the string \"{}\"", text);
  }
  default:
    return fmt::format("the {} {}", kind_name(node.kind()), node.text().substr(0, 40));
  }
}

ObjectReader::ObjectReader(const Node& node, ObjectKind kind, std::string path, ApiVersion version,
                           DecodeContext& context)
    : m_node(node), m_kind(kind), m_path(std::move(path)), m_version(version), m_context(&context) {
  for (std::size_t i = 0; i < node.size(); ++i)
    take(i);
}

Where ObjectReader::key_where(std::size_t index) const {
  return m_node.key_where(index, join(m_path, m_node.keys()[index].name));
}

// Find the row that a key means, and report a key that is not quite a field's name.
const Field* ObjectReader::identify(std::size_t index) const {
  const std::string& key = m_node.keys()[index].name;
  if (const Field* field = find_field(m_kind, key, m_version))
    return field;
  const Where where = key_where(index);
  Diagnostics& diagnostics = m_context->diagnostics;
  const ObjectFields& object = fields_of(m_kind);
  const ApiVersion other = m_version == ApiVersion::v1 ? ApiVersion::v1beta1 : ApiVersion::v1;
  if (const Field* field = find_field(m_kind, key, other)) {
    diagnostics.add_error(
        where,
        fmt::format("{} has this field in tekton.dev/{} only, and this object is {}{}", object.name,
                    version_name(other), version_name(m_version),
                    field->field_class == FieldClass::refused ? fmt::format("; {}", field->reason)
                                                              : std::string()));
    return nullptr;
  }

  std::vector<std::string_view> names;
  for (const Field& row : object.fields) {
    if (!row.exists_in(m_version))
      continue;
    names.push_back(row.name);
    if (!equal_but_for_case(row.name, key))
      continue;
    // Go's JSON takes keys in any case, so a Task that Tekton stored may hold such a one
    // (taskrun-semantics.md 5.1).
    if (m_node.find(row.name) != nullptr) {
      diagnostics.add_error(where, fmt::format("given twice, also as \"{}\"", row.name));
      return nullptr;
    }
    diagnostics.add_warning(where, fmt::format("taken for \"{}\", as Tekton takes it; write \"{}\"",
                                               row.name, row.name));
    return &row;
  }
  // Guessing takes longer than all else; an object that is all mistakes is not worth it.
  constexpr std::size_t most_guesses = 1000;
  if (diagnostics.size() > most_guesses) {
    diagnostics.add_error(where, fmt::format("unknown field of {}", object.name));
    return nullptr;
  }
  diagnostics.add_error(
      where, fmt::format("unknown field of {}{}", object.name, did_you_mean(key, names)));
  // What the author most likely meant is not missing: saying so would only follow from this error.
  const auto meant = nearest_name(key, names);
  const Field* row = meant ? find_field(m_kind, *meant, m_version) : nullptr;
  const bool stands_in = row != nullptr && row->is_read() && m_node.find(row->name) == nullptr;
  return stands_in ? row : nullptr;
}

void ObjectReader::take(std::size_t index) {
  Diagnostics& diagnostics = m_context->diagnostics;
  const Node& value = m_node.children()[index];
  const Field* field = identify(index);
  if (field == nullptr)
    return;
  if (value.is_null() && field->type != FieldType::value)
    return; // absent, as for Go
  if (field->field_class == FieldClass::refused
      || (field->field_class == FieldClass::refused_on_host && m_context->target == Target::host)) {
    if (!is_empty_value(value)) {
      diagnostics.add_error(key_where(index),
                            value.is_string() && value.text().size() <= 40
                                ? fmt::format("found \"{}\": {}", value.text(), field->reason)
                                : std::string(field->reason));
      m_refused = true;
    }
    return;
  }
  if (field->field_class == FieldClass::refused_on_host && !is_empty_value(value)
      && m_context->refused_on_host != nullptr)
    m_context->refused_on_host->push_back(
        {fmt::format("{}: {}", m_context->object, join(m_path, field->name)),
         std::string(field->reason)});
  if (!TypeCheck(m_path, field->name, diagnostics).check(*field, value)) {
    if (field->type == FieldType::objects || field->type == FieldType::object_map)
      m_context->incomplete = true;
    if (field->type != FieldType::string) // a text of the wrong type is not missing as well
      return;
  }
  if (field->field_class == FieldClass::no_effect)
    return;
  if (field->field_class == FieldClass::no_effect_on_host && !is_empty_value(value))
    m_context->no_effect_on_host.push_back(
        {fmt::format("{}: {}", m_context->object, join(m_path, field->name)),
         std::string(field->reason)});
  m_entries.push_back({field, value});
}

std::string ObjectReader::path_of(std::string_view field) const { return join(m_path, field); }

const Node* ObjectReader::find(std::string_view field) const {
  note_read(field);
  for (const Entry& entry : m_entries)
    if (entry.field->name == field)
      return &entry.node;
  return nullptr;
}

void ObjectReader::note_read(std::string_view name) const {
  assert(std::any_of(fields_of(m_kind).fields.begin(), fields_of(m_kind).fields.end(),
                     [&](const Field& row) { return row.name == name && row.is_read(); }));
  if (m_context->rows_read == nullptr)
    return;
  if (const Field* row = find_field(m_kind, name, m_version); row != nullptr && row->is_read())
    m_context->rows_read->insert(row);
}

Located ObjectReader::text(std::string_view field) const {
  const Node* node = find(field);
  if (node == nullptr)
    return {};
  return {node->is_string() ? node->text() : node->to_json(), node->where(path_of(field))};
}

Located ObjectReader::required_text(std::string_view field, std::string_view what) const {
  Located result = text(field);
  if (!result.text.empty())
    return result;
  const Node* given = m_node.find(field);
  if (given == nullptr || given->is_null() || given->is_string()) // else reported already
    m_context->diagnostics.add_error(given == nullptr ? m_node.where(path_of(field))
                                                      : given->where(path_of(field)),
                                     fmt::format("missing; {}", what));
  return result;
}

bool ObjectReader::boolean(std::string_view field) const {
  const Node* node = find(field);
  return node != nullptr && node->boolean();
}

int ObjectReader::integer(std::string_view field) const {
  const Node* node = find(field);
  return node == nullptr ? 0 : static_cast<int>(integer_of(*node).value_or(0));
}

std::vector<Located> ObjectReader::texts(std::string_view field) const {
  std::vector<Located> result;
  const Node* node = find(field);
  if (node == nullptr)
    return result;
  for (std::size_t i = 0; i < node->size(); ++i) {
    const Node& element = node->children()[i];
    result.push_back({element.text(), element.where(join(path_of(field), i))});
  }
  return result;
}

std::optional<ObjectReader> ObjectReader::object(std::string_view field) const {
  const Node* node = find(field);
  const Field* row = find_field(m_kind, field, m_version);
  if (node == nullptr || row == nullptr)
    return std::nullopt;
  return ObjectReader(*node, row->kind.value(), path_of(field), m_version, *m_context);
}

std::vector<ObjectReader> ObjectReader::objects(std::string_view field) const {
  std::vector<ObjectReader> result;
  const Node* node = find(field);
  const Field* row = find_field(m_kind, field, m_version);
  if (node == nullptr || row == nullptr)
    return result;
  for (std::size_t i = 0; i < node->size(); ++i)
    result.emplace_back(node->children()[i], row->kind.value(), join(path_of(field), i), m_version,
                        *m_context);
  return result;
}

std::vector<std::pair<std::string, ObjectReader>>
ObjectReader::object_map(std::string_view field) const {
  std::vector<std::pair<std::string, ObjectReader>> result;
  const Node* node = find(field);
  const Field* row = find_field(m_kind, field, m_version);
  if (node == nullptr || row == nullptr)
    return result;
  for (std::size_t i = 0; i < node->size(); ++i) {
    const std::string& key = node->keys()[i].name;
    result.emplace_back(key, ObjectReader(node->children()[i], row->kind.value(),
                                          join(path_of(field), key), m_version, *m_context));
  }
  return result;
}

void ObjectReader::check(std::string_view field) const {
  const Node* node = find(field);
  if (node == nullptr)
    return;
  if (node->is_sequence()) {
    for (const ObjectReader& element : objects(field))
      element.check_all();
  } else if (const auto child = object(field)) {
    child->check_all();
  }
}

void ObjectReader::check_all() const {
  for (const Field& field : fields_of(m_kind).fields)
    if (field.exists_in(m_version) && field.is_read()) {
      if (field.kind)
        check(field.name);
      else
        find(field.name);
    }
}

RawValue ObjectReader::raw(std::string_view field) const {
  const Node* node = find(field);
  if (node == nullptr || is_empty_value(*node))
    return {};
  return {*node, path_of(field)};
}

void ObjectReader::error(std::string_view field, std::string message) const {
  const Node* given = m_node.find(field);
  m_context->diagnostics.add_error(given == nullptr ? m_node.where(path_of(field))
                                                    : given->where(path_of(field)),
                                   std::move(message));
}

} // namespace taskgroup
