// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace taskgroup {

// No document of ours nests deeper; copying or destroying a very deep one overflows the stack.
inline constexpr std::size_t max_json_depth = 64;

// Tell whether a text that may be JSON has more brackets open at once than that.
bool nests_too_deeply(std::string_view text);

// Parse one JSON document; return nothing if it is not JSON, is not UTF-8 or is nested too deeply.
// Include this header in .cpp files only.
std::optional<nlohmann::json> parse_json(std::string_view text);

} // namespace taskgroup
