// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/fields.h>

#include <span>
#include <string_view>

// What the schema says of fields together. Planning says the same (core/planning/validation_cases/
// has a case for each), for a group that is embedded in another object meets no rule.
namespace taskgroup::crds {

// A rule in the Common Expression Language; `field` is blamed, or the object where it is empty.
struct Rule {
  ObjectKind kind;
  std::string_view rule;
  std::string_view field;
  std::string_view message;
};

std::span<const Rule> rules();

} // namespace taskgroup::crds
