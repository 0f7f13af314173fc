// SPDX-License-Identifier: Apache-2.0
#include "kube/json_fields.h"

namespace taskgroup {

namespace {

const nlohmann::json* find(const nlohmann::json& object, const char* field) {
  if (!object.is_object())
    return nullptr;
  const auto found = object.find(field);
  return found == object.end() ? nullptr : &*found;
}

} // namespace

std::string text_at(const nlohmann::json& object, const char* field) {
  const nlohmann::json* found = find(object, field);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t integer_at(const nlohmann::json& object, const char* field) {
  const nlohmann::json* found = find(object, field);
  return found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

bool bool_at(const nlohmann::json& object, const char* field) {
  const nlohmann::json* found = find(object, field);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

const nlohmann::json& object_at(const nlohmann::json& object, const char* field) {
  static const nlohmann::json none = nlohmann::json::object();
  const nlohmann::json* found = find(object, field);
  return found != nullptr && found->is_object() ? *found : none;
}

const nlohmann::json& array_at(const nlohmann::json& object, const char* field) {
  static const nlohmann::json none = nlohmann::json::array();
  const nlohmann::json* found = find(object, field);
  return found != nullptr && found->is_array() ? *found : none;
}

} // namespace taskgroup
