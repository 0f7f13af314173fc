// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/fields.h>

#include <span>
#include <string_view>

// What the schema says of fields beyond their type. Numbers are far above what a pod can hold and
// serve to bound the cost of the rules; nothing that planning accepts is meant to hit them.
namespace taskgroup::crds {

// JSON that is put over the schema of one field. `{}` where it has none.
struct FieldSchema {
  ObjectKind kind;
  std::string_view field;
  std::string_view json;
};

// A rule in the Common Expression Language; `field` is blamed, or the object where it is empty.
struct Rule {
  ObjectKind kind;
  std::string_view rule;
  std::string_view field;
  std::string_view message;
};

// A field without which an object is nothing.
struct RequiredField {
  ObjectKind kind;
  std::string_view field;
};

std::span<const FieldSchema> field_schemas();
std::span<const Rule> rules();
std::span<const RequiredField> required_fields();

} // namespace taskgroup::crds
