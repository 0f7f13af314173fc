// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace taskgroup {

// Tell whether a byte is one of 0 to 9, whatever the locale is.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

} // namespace taskgroup
