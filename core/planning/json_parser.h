// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/planning/tree_builder.h"

#include <tl/expected.hpp>

#include <string>
#include <string_view>

namespace taskgroup {

struct JsonSyntaxError {
  TreeBuilder::Position position;
  std::string message;
};

// How positions are counted: from line 1, or, in a text that no person wrote, all in line 0.
enum class JsonLines { counted, none };

// Parse valid UTF-8 as a stream of JSON values (RFC 8259) into `builder`, one document each. Syntax
// errors are returned and not reported, since the text may still be YAML. Throws GiveUp.
tl::expected<void, JsonSyntaxError> parse_json(std::string_view text, TreeBuilder& builder,
                                               JsonLines lines = JsonLines::counted);

} // namespace taskgroup
