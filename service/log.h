// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Structured logging: one JSON object a line on stderr, with time, level, message and pairs.
// Messages begin with a capital, are in the past tense and have no full stop; what they are about
// stands in the pairs, whose names docs/logging.md lists. Thread-safe.
namespace taskgroup::log {

enum class Level { debug, info, warning, error };

using Pair = std::pair<std::string_view, std::string>;
using Pairs = std::vector<Pair>;

// Write lines of this level and above; info at first.
void set_level(Level level);

// Return the level of that name ("debug", "info", "warning", "error"); false: there is none.
bool level_from(std::string_view name, Level& level);

// Pairs with an empty value are left out: what is not known is not said.
void write(Level level, std::string_view message, const Pairs& pairs = {});

inline void debug(std::string_view message, const Pairs& pairs = {}) {
  write(Level::debug, message, pairs);
}
inline void info(std::string_view message, const Pairs& pairs = {}) {
  write(Level::info, message, pairs);
}
inline void warning(std::string_view message, const Pairs& pairs = {}) {
  write(Level::warning, message, pairs);
}
inline void error(std::string_view message, const Pairs& pairs = {}) {
  write(Level::error, message, pairs);
}

} // namespace taskgroup::log
