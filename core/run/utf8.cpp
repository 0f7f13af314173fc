// SPDX-License-Identifier: Apache-2.0
#include "core/run/utf8.h"

#include <cstddef>

namespace taskgroup {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

bool in_range(unsigned char byte, unsigned low, unsigned high) {
  return byte >= low && byte <= high;
}

// Return the length of the valid sequence that `bytes` begins with, or 0 (RFC 3629, section 4).
std::size_t valid_prefix(std::string_view bytes) {
  const auto at = [bytes](std::size_t i) {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : static_cast<unsigned char>(0);
  };
  const auto tail = [&at](std::size_t i) { return in_range(at(i), 0x80, 0xBF); };
  const unsigned char first = at(0);
  if (first < 0x80) {
    return 1;
  }
  if (in_range(first, 0xC2, 0xDF)) {
    return tail(1) ? 2 : 0;
  }
  if (in_range(first, 0xE0, 0xEF)) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;  // no overlong forms
    const unsigned high = first == 0xED ? 0x9F : 0xBF; // no surrogates
    return in_range(at(1), low, high) && tail(2) ? 3 : 0;
  }
  if (in_range(first, 0xF0, 0xF4)) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF; // nothing above U+10FFFF
    return in_range(at(1), low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

} // namespace

std::string to_valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = valid_prefix(bytes);
    text += length == 0 ? replacement : bytes.substr(0, length);
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

} // namespace taskgroup
