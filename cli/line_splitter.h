// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace taskgroup {

// Cuts a stream of bytes into lines. A line longer than `limit` bytes is delivered in pieces, so
// that a program that never writes a line break costs no memory.
class LineSplitter {
public:
  explicit LineSplitter(std::size_t limit = 64 * 1024) : m_limit(limit) {}

  // Take bytes; call `line` for each complete line, without its `\n`.
  void feed(std::string_view bytes, const std::function<void(std::string_view)>& line);

  // Deliver an unfinished last line, if there is one.
  void finish(const std::function<void(std::string_view)>& line);

private:
  std::size_t m_limit;
  std::string m_pending;
};

} // namespace taskgroup
