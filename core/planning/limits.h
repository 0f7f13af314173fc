// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/fields.h>

#include "core/planning/object_reader.h"

#include <cstddef>
#include <span>
#include <string_view>

// What the schema of TaskGroup (crds/) says of fields beyond their type. Most numbers are far above
// what a pod can hold and serve to bound the cost of the schema's rules; nothing that can be run is
// meant to hit them. A group that is embedded in another object meets no schema, so planning keeps
// them too.
namespace taskgroup {

// JSON that is put over the schema of one field. `{}` where it has none.
struct FieldSchema {
  ObjectKind kind;
  std::string_view field;
  std::string_view json;
};

// A field without which an object is nothing.
struct RequiredField {
  ObjectKind kind;
  std::string_view field;
};

std::span<const FieldSchema> field_schemas();
std::span<const RequiredField> required_fields();

// What holds where a row says nothing else.
inline constexpr std::size_t most_characters = 4096; // of a string
inline constexpr std::size_t most_elements = 256;    // of a list or map

// Report every string, list and map in the spec of a TaskGroup that is larger than its schema
// allows. Patterns, enums and required fields are validate()'s and decoding's.
void check_sizes(const Node& spec, const std::string& path, Diagnostics& diagnostics);

} // namespace taskgroup
