// SPDX-License-Identifier: Apache-2.0
#include "core/planning/raw_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;

json parse(const std::string& text) {
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

json known(const Node& node, const std::string& path, const Substitution& substitution,
           std::string_view what) {
  const auto children = node.children();
  if (node.is_sequence()) {
    json result = json::array();
    for (std::size_t i = 0; i < children.size(); ++i)
      result.push_back(known(children[i], fmt::format("{}[{}]", path, i), substitution, what));
    return result;
  }
  if (node.is_mapping()) {
    json result = json::object();
    for (std::size_t i = 0; i < children.size(); ++i) {
      const std::string& key = node.keys()[i].name;
      result[key] = known(children[i], fmt::format("{}.{}", path, key), substitution, what);
    }
    return result;
  }
  if (node.is_string())
    return substitution.known(Located{node.text(), node.where(path)}, what);
  return parse(node.to_json());
}

void merge(json& lower, const json& upper) {
  if (!lower.is_object() || !upper.is_object()) {
    lower = upper;
    return;
  }
  for (const auto& [key, value] : upper.items()) {
    if (!value.is_null())
      merge(lower[key], value);
  }
}

} // namespace

std::string known_json(const RawValue& value, const Substitution& substitution,
                       std::string_view what) {
  return known(value.node, value.path, substitution, what).dump();
}

std::string plain_json(const RawValue& value) { return value.node.to_json(); }

std::string quoted_json(const std::string& text) { return json(text).dump(); }

std::string json_object(std::string_view key, const std::string& value) {
  return json{{std::string(key), parse(value)}}.dump();
}

std::string json_field(const std::string& object, std::string_view key) {
  if (object.empty())
    return {};
  const json parsed = parse(object);
  const auto found = parsed.find(key);
  return found == parsed.end() ? std::string() : found->dump();
}

std::pair<std::string, std::string> take_name(const std::string& object) {
  json rest = parse(object);
  const json name = rest.is_object() ? rest.value("name", json()) : json();
  if (!name.is_string())
    return {};
  rest.erase("name");
  return {name.get<std::string>(), rest.dump()};
}

std::string merge_json(const std::string& lower, const std::string& upper) {
  if (lower.empty() || upper.empty())
    return upper.empty() ? lower : upper;
  json merged = parse(lower);
  merge(merged, parse(upper));
  return merged.dump();
}

void for_each_text(const RawValue& value, const std::function<void(const Located&)>& visit) {
  const auto children = value.node.children();
  if (value.node.is_string())
    visit({value.node.text(), value.node.where(value.path)});
  for (std::size_t i = 0; i < children.size(); ++i)
    for_each_text({children[i], value.node.is_mapping()
                                    ? fmt::format("{}.{}", value.path, value.node.keys()[i].name)
                                    : fmt::format("{}[{}]", value.path, i)},
                  visit);
}

} // namespace taskgroup
