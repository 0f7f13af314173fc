// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/node.h>

#include <tl/expected.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

// What a scalar's text means. `json` is the JSON text of a number (or ".inf", "-.inf", ".nan",
// which JSON cannot hold), "true" or "false" for a boolean and empty for everything else.
struct ScalarType {
  Node::Kind kind = Node::Kind::string;
  std::string json;
};

// Type a plain (unquoted, untagged) scalar as sigs.k8s.io/yaml does: YAML 1.1's booleans and
// octals, YAML 1.2's 0o17, underscores in numbers; timestamps and numbers out of range are strings.
ScalarType type_plain_scalar(std::string_view text);

// Type a scalar with an explicit tag in its long form ("tag:yaml.org,2002:int"). Return the reason
// as error when the text does not fit the tag or the tag is not supported.
tl::expected<ScalarType, std::string> type_tagged_scalar(std::string_view tag,
                                                         std::string_view text);

// Return the string that sigs.k8s.io/yaml makes of a mapping key of that type and text ("0x10:" is
// "16", "on:" is "true"), or nothing when it cannot be a key (null, integers over 64 signed bits).
std::optional<std::string> key_name(const ScalarType& type, std::string_view text);

// Return the text that Go's encoding/json gives a finite number.
std::string float_to_json(double value);

} // namespace taskgroup
