// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

// Reading objects of the API, of which everything is optional: what is absent, null or of another
// type is empty.
namespace taskgroup {

// Return a string field, or "".
std::string text_at(const nlohmann::json& object, const char* field);

// Return an integer field, or 0.
std::int64_t integer_at(const nlohmann::json& object, const char* field);

// Return a boolean field, or false.
bool bool_at(const nlohmann::json& object, const char* field);

// Return an object or array field, or an empty one. The reference lives as long as `object`.
const nlohmann::json& object_at(const nlohmann::json& object, const char* field);
const nlohmann::json& array_at(const nlohmann::json& object, const char* field);

} // namespace taskgroup
