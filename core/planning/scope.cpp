// SPDX-License-Identifier: Apache-2.0
#include "core/planning/scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace taskgroup {
namespace {

std::string join(const std::vector<std::string>& parts, std::size_t begin, std::size_t end) {
  std::string result;
  for (std::size_t i = begin; i < end; ++i) {
    if (i != begin)
      result += '.';
    result += parts[i];
  }
  return result;
}

// Return the index of an array; no array is so long that more digits would make sense.
std::optional<std::size_t> to_index(std::string_view digits) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value > 999'999'999)
    return std::nullopt;
  return value;
}

bool is_star(const Draft& item) {
  const Reference* late = item.first_late();
  return late != nullptr && late->part == Reference::Part::star;
}

Meaning element_of(const DraftValue::Items& items, std::string_view digits,
                   std::string_view written) {
  const std::optional<std::size_t> index = to_index(digits);
  const std::size_t known =
      static_cast<std::size_t>(std::find_if(items.begin(), items.end(), is_star) - items.begin());
  if (index && *index < known)
    return &items[*index];
  if (known < items.size())
    return Refused{
        fmt::format("which element \"$({})\" is depends on a result, an array of unknown "
                    "length, before it; put the result last in the array",
                    written)};
  return Refused{fmt::format("\"$({})\" is out of range: the array has {} element{}", written,
                             items.size(), items.size() == 1 ? "" : "s")};
}

} // namespace

Meaning part_of(const DraftValue& value, std::string_view index, std::string_view key,
                std::string_view written) {
  if (const auto* late = std::get_if<LateWhole>(&value.data)) {
    Reference reference = late->reference;
    if (!key.empty()) {
      if (late->type != ValueType::object)
        return Unknown{};
      reference.part = Reference::Part::key;
      reference.key = key;
      return Draft::late(std::move(reference));
    }
    if (index.empty() || index == "*")
      return *late;
    const std::optional<std::size_t> number = to_index(index);
    if (late->type != ValueType::array || !number)
      return Refused{fmt::format("\"$({})\" asks for an element, but it is an object", written)};
    reference.part = Reference::Part::index;
    reference.index = *number;
    return Draft::late(std::move(reference));
  }
  if (const auto* fields = std::get_if<DraftValue::Fields>(&value.data)) {
    if (key.empty()) {
      if (index.empty() || index == "*")
        return fields;
      return Refused{fmt::format("\"$({})\" asks for an element, but it is an object", written)};
    }
    const auto field = fields->find(std::string(key));
    if (field == fields->end() || !index.empty())
      return Unknown{};
    return &field->second;
  }
  if (!key.empty())
    return Unknown{};
  if (const auto* items = std::get_if<DraftValue::Items>(&value.data)) {
    if (index.empty() || index == "*")
      return items;
    return element_of(*items, index, written);
  }
  if (!index.empty())
    return Unknown{};
  return &std::get<Draft>(value.data);
}

void NameScope::set(std::string name, std::string value) {
  m_values.insert_or_assign(std::move(name), Draft::data(std::move(value)));
}

void NameScope::set_late(std::string name, Reference reference) {
  m_values.insert_or_assign(std::move(name), Draft::late(std::move(reference)));
}

void NameScope::refuse(std::string prefix, std::string message) {
  m_refused.emplace_back(std::move(prefix), std::move(message));
}

Meaning NameScope::find(std::string_view written) const {
  if (const auto found = m_values.find(written); found != m_values.end())
    return &found->second;
  std::string key(written);
  if (written.find('[') != std::string_view::npos) {
    const VariableName name = parse_variable_name(written);
    if (!name.index.empty())
      return Unknown{};
    key = join(name.parts, 0, name.parts.size());
    if (const auto found = m_values.find(key); found != m_values.end())
      return &found->second;
  }
  for (const auto& [prefix, message] : m_refused) {
    if (key.starts_with(prefix))
      return Refused{fmt::format("\"$({})\": {}", written, message)};
  }
  return Unknown{};
}

Meaning ChainScope::find(std::string_view written) const {
  for (const Scope* scope : m_scopes) {
    Meaning meaning = scope->find(written);
    if (!std::holds_alternative<Unknown>(meaning))
      return meaning;
  }
  return Unknown{};
}

void ParamScope::pass(std::string name, DraftValue value) {
  m_passed.insert_or_assign(std::move(name), std::move(value));
}

void ParamScope::set_default(std::string name, DraftValue value) {
  m_defaults.insert_or_assign(std::move(name), std::move(value));
}

const DraftValue* ParamScope::find_passed(std::string_view name) const {
  if (const auto found = m_passed.find(name); found != m_passed.end()) {
    m_used.insert(found->first);
    return &found->second;
  }
  return m_outer != nullptr ? m_outer->find_value(name) : nullptr;
}

const DraftValue* ParamScope::find_value(std::string_view name) const {
  if (const DraftValue* passed = find_passed(name))
    return passed;
  const auto found = m_defaults.find(name);
  return found != m_defaults.end() ? &found->second : nullptr;
}

void ParamScope::complete_fields(std::string_view name, const DraftValue::Fields& fields) {
  const auto found = m_passed.find(name);
  if (found == m_passed.end())
    return;
  if (auto* passed = std::get_if<DraftValue::Fields>(&found->second.data))
    passed->insert(fields.begin(), fields.end());
}

Meaning ParamScope::find(std::string_view written) const {
  constexpr std::string_view prefix = "params.";
  if (written.starts_with(prefix)) {
    const DraftValue* value = find_value(written.substr(prefix.size()));
    if (value != nullptr && std::holds_alternative<Draft>(value->data))
      return &std::get<Draft>(value->data);
  }
  if (!written.starts_with("params") && !written.starts_with("inputs"))
    return Unknown{};
  const std::string index = parse_variable_name(written).index;
  for (const auto& [param, key] : param_readings(written)) {
    const DraftValue* value = find_value(param);
    if (value == nullptr)
      continue;
    Meaning meaning = part_of(*value, index, key, written);
    if (!std::holds_alternative<Unknown>(meaning))
      return meaning;
  }
  return Unknown{};
}

std::vector<std::pair<std::string, std::string>> param_readings(std::string_view written) {
  const std::vector<std::string> parts = parse_variable_name(written).parts;
  std::size_t begin = 0;
  if (parts.size() >= 2 && parts[0] == "params")
    begin = 1;
  else if (parts.size() >= 3 && parts[0] == "inputs" && parts[1] == "params") // v1beta1's old form
    begin = 2;
  else
    return {};
  std::vector<std::pair<std::string, std::string>> result;
  for (std::size_t end = parts.size(); end > begin; --end)
    result.emplace_back(join(parts, begin, end), join(parts, end, parts.size()));
  return result;
}

} // namespace taskgroup
