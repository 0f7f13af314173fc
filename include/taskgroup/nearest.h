// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace taskgroup {

// Return the candidate that `wanted` is most likely a misspelling of, or nothing when none is near.
// Near means a Damerau-Levenshtein distance (insert, delete, replace, swap of neighbours; letter
// case ignored) of at most a third of the longer name, and at most 3. The first of equals wins.
// Names over 64 bytes are near to nothing, so the cost is bounded.
std::optional<std::string_view> nearest_name(std::string_view wanted,
                                             std::span<const std::string_view> candidates);
std::optional<std::string_view> nearest_name(std::string_view wanted,
                                             std::span<const std::string> candidates);

// Return " (did you mean \"<name>\"?)" for the nearest candidate, or "" when none is near.
std::string did_you_mean(std::string_view wanted, std::span<const std::string_view> candidates);
std::string did_you_mean(std::string_view wanted, std::span<const std::string> candidates);

} // namespace taskgroup
