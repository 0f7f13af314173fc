// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

// Write milliseconds since the Unix epoch as metav1.Time does: RFC 3339, UTC, whole seconds.
std::string time_text(std::int64_t millis);

// Read an RFC 3339 time in UTC, with or without a fraction, into milliseconds since the epoch;
// nothing if it is none.
std::optional<std::int64_t> parse_time(std::string_view text);

} // namespace taskgroup
