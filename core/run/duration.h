// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace taskgroup {

// Parse a duration as Go writes it: "1h30m", "1.5h", "500ms", "0". Whole milliseconds, rounded up,
// so that a tiny limit is not taken for "0", which means no limit. Refuse negative ones, those
// without a unit and those that Go could not hold (292 years). The error says what was found and
// expected.
tl::expected<std::chrono::milliseconds, std::string> parse_duration(std::string_view text);

} // namespace taskgroup
