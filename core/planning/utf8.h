// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

// A place in a text that cannot be read, lines and columns (in bytes) from 1.
struct TextDefect {
  int line = 0;
  int column = 0;
  std::string message;
};

// Return the first thing that is no UTF-8 (RFC 3629) or that YAML forbids: control characters other
// than tab and line breaks, U+FFFE, U+FFFF. A byte order mark at the beginning is allowed.
std::optional<TextDefect> find_encoding_defect(std::string_view bytes);

// Say whether a text is UTF-8 (RFC 3629), whatever characters it holds.
bool is_utf8(std::string_view text);

// Return the first character that Kubernetes' YAML takes for a line break and yaml-cpp does not:
// U+0085, U+2028, U+2029, or a carriage return without a line feed. `text` is valid UTF-8.
std::optional<TextDefect> find_foreign_line_break(std::string_view text);

// Return `text` without a byte order mark at its beginning.
std::string_view without_byte_order_mark(std::string_view text);

} // namespace taskgroup
