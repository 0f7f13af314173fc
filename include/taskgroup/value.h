// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace taskgroup {

// The types a param or a result may have (Tekton's ParamType).
enum class ValueType { string, array, object };

// Return Tekton's name of a type: "string", "array" or "object".
std::string_view to_string(ValueType type);

// Return the type of that name, or nothing.
std::optional<ValueType> value_type_from(std::string_view name);

// The value of a param or a result: a string, an array of strings or a map from string to string
// (Tekton's ParamValue; taskrun-semantics.md 5). Copies freely; no thread rules beyond const
// access.
class Value {
public:
  using Array = std::vector<std::string>;
  using Object = std::map<std::string, std::string>;

  Value() = default;
  Value(std::string text) : m_data(std::move(text)) {}
  Value(const char* text) : m_data(std::string(text)) {}
  Value(Array items) : m_data(std::move(items)) {}
  Value(Object fields) : m_data(std::move(fields)) {}

  ValueType type() const { return static_cast<ValueType>(m_data.index()); }

  // Return the content; calling the accessor of another type is a programming error (throws
  // std::bad_variant_access).
  const std::string& text() const { return std::get<std::string>(m_data); }
  const Array& items() const { return std::get<Array>(m_data); }
  const Object& fields() const { return std::get<Object>(m_data); }

  // Return the text of a string, or the compact JSON text of an array or object: the form in which
  // a value reaches CustomRun.status.results, whose values are strings (contract.md 1.2).
  std::string to_text() const;

  friend bool operator==(const Value&, const Value&) = default;

private:
  std::variant<std::string, Array, Object> m_data;
};

// Parse the content of a result file as the declared type.
//
// A string is taken raw, its trailing newline kept; an array or object must be JSON of strings
// (taskrun-semantics.md 3.3). Return nothing if the content is not of that type.
std::optional<Value> parse_result(std::string_view content, ValueType type);

// Parse the content of a step's result as stock's entrypoint does, whatever type was declared: JSON
// of an array of strings, of an object of strings or of a string is that; everything else is a
// string, taken raw (ParamValue.UnmarshalJSON()).
Value parse_step_result(std::string_view content);

} // namespace taskgroup
