// SPDX-License-Identifier: Apache-2.0
#include "core/planning/utf8.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace taskgroup {

namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t length = 0; // 0 = no valid UTF-8
};

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

// Decode the character at the beginning of `text`, which is not empty.
Character decode(std::string_view text) {
  const unsigned char lead = byte_at(text, 0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  struct Form {
    unsigned char mask, pattern;
    std::uint32_t least;
  };
  constexpr std::array<Form, 3> forms{
      {{0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}}};
  for (std::size_t i = 0; i < forms.size(); ++i) {
    const auto [mask, pattern, least] = forms[i];
    const std::size_t length = i + 2;
    if ((lead & mask) != pattern || text.size() < length) {
      continue;
    }
    std::uint32_t code = lead & static_cast<unsigned char>(~mask);
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte_at(text, k) & 0xC0U) != 0x80U) {
        return {};
      }
      code = (code << 6U) | (byte_at(text, k) & 0x3FU);
    }
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    return code < least || surrogate || code > 0x10FFFF ? Character{} : Character{code, length};
  }
  return {};
}

bool is_allowed(std::uint32_t code) {
  return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code <= 0x7E)
         || code == 0x85 || (code >= 0xA0 && code != 0xFFFE && code != 0xFFFF);
}

std::string hexadecimal(std::uint32_t value, int digits) {
  std::string text;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    text += "0123456789ABCDEF"[(value >> static_cast<unsigned>(shift)) & 0xFU];
  }
  return text;
}

// Return the place of the first character for which `judge` gives a message.
template <typename Judge>
std::optional<TextDefect> find(std::string_view text, Judge judge) {
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Character character = decode(text.substr(i));
    if (std::string message = judge(character, text.substr(i)); !message.empty()) {
      return TextDefect{line, static_cast<int>(i - line_start) + 1, std::move(message)};
    }
    i += character.length;
    if (character.code == '\n') {
      ++line;
      line_start = i;
    }
  }
  return std::nullopt;
}

} // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = decode(text).length;
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::optional<TextDefect> find_encoding_defect(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xFF\xFE"sv) || bytes.starts_with("\xFE\xFF"sv)) {
    return TextDefect{1, 1, "the file is UTF-16; save it as UTF-8"};
  }
  return find(bytes, [](Character character, std::string_view rest) -> std::string {
    if (character.length == 0) {
      return "the byte 0x" + hexadecimal(byte_at(rest, 0), 2)
             + " is not valid UTF-8; a file must be YAML or JSON in UTF-8";
    }
    if (!is_allowed(character.code)) {
      return "the control character U+" + hexadecimal(character.code, 4)
             + " is not allowed; a file must be YAML or JSON in UTF-8";
    }
    return {};
  });
}

std::optional<TextDefect> find_foreign_line_break(std::string_view text) {
  return find(text, [](Character character, std::string_view rest) -> std::string {
    if (character.code == '\r' && !rest.starts_with("\r\n")) {
      return "a carriage return without a line feed; use line feeds (or both) to end lines";
    }
    if (character.code == 0x85 || character.code == 0x2028 || character.code == 0x2029) {
      return "Kubernetes takes U+" + hexadecimal(character.code, 4)
             + " for a line break in YAML, others do not; remove it, or write it as an escape in "
               "double quotes";
    }
    return {};
  });
}

std::string_view without_byte_order_mark(std::string_view text) {
  return text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
}

} // namespace taskgroup
