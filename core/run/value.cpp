// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/value.h>

#include "core/run/json.h"
#include "core/run/json_writer.h"
#include "core/run/utf8.h"

#include <array>

namespace taskgroup {
namespace {

constexpr std::array<std::string_view, 3> type_names = {"string", "array", "object"};

// Go reads a JSON null into a string as "".
std::optional<std::string> string_of(const nlohmann::json& json) {
  if (json.is_null()) {
    return std::string();
  }
  const auto* text = json.get_ptr<const std::string*>();
  return text == nullptr ? std::nullopt : std::optional(*text);
}

std::optional<Value> array_of(const nlohmann::json& json) {
  Value::Array items;
  for (const nlohmann::json& element : json) {
    std::optional<std::string> item = string_of(element);
    if (!item) {
      return std::nullopt;
    }
    items.push_back(std::move(*item));
  }
  return Value(std::move(items));
}

std::optional<Value> object_of(const nlohmann::json& json) {
  Value::Object fields;
  for (auto it = json.begin(); it != json.end(); ++it) {
    std::optional<std::string> field = string_of(it.value());
    if (!field) {
      return std::nullopt;
    }
    fields.emplace(it.key(), std::move(*field));
  }
  return Value(std::move(fields));
}

} // namespace

std::string_view to_string(ValueType type) { return type_names[static_cast<std::size_t>(type)]; }

std::optional<ValueType> value_type_from(std::string_view name) {
  for (std::size_t i = 0; i < type_names.size(); ++i) {
    if (type_names[i] == name) {
      return static_cast<ValueType>(i);
    }
  }
  return std::nullopt;
}

std::string Value::to_text() const {
  if (type() == ValueType::string) {
    return text();
  }
  JsonWriter json;
  json.value(*this);
  return json.str();
}

std::optional<Value> parse_result(std::string_view content, ValueType type) {
  std::string text = to_valid_utf8(content);
  if (type == ValueType::string) {
    return Value(std::move(text));
  }
  // As in stock, the very first byte says what it is.
  const char bracket = type == ValueType::array ? '[' : '{';
  if (text.empty() || text.front() != bracket) {
    return std::nullopt;
  }
  const std::optional<nlohmann::json> json = parse_json(text);
  if (!json) {
    return std::nullopt;
  }
  return type == ValueType::array ? array_of(*json) : object_of(*json);
}

Value parse_step_result(std::string_view content) {
  for (const ValueType type : {ValueType::array, ValueType::object}) {
    if (std::optional<Value> value = parse_result(content, type)) {
      return *std::move(value);
    }
  }
  std::string text = to_valid_utf8(content);
  const std::optional<nlohmann::json> json = parse_json(text);
  const auto* const quoted = json ? json->get_ptr<const std::string*>() : nullptr;
  return quoted != nullptr ? Value(*quoted) : Value(std::move(text));
}

} // namespace taskgroup
