// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/reader.h>

#include "core/planning/tree_builder.h"

#include <string_view>

namespace taskgroup {

// Parse valid UTF-8 without a byte order mark as a stream of YAML documents into `builder`. A
// syntax error ends it with a diagnostic. Throws GiveUp.
void parse_yaml(std::string_view text, TreeBuilder& builder, const ReadLimits& limits);

} // namespace taskgroup
