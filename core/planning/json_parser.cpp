// SPDX-License-Identifier: Apache-2.0
#include "core/planning/json_parser.h"

#include "core/planning/ascii.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace taskgroup {

namespace {

using Kind = Node::Kind;
using Position = TreeBuilder::Position;

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | (code >> 6U));
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0U | (code >> 12U));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | (code >> 18U));
    put(0x80U | ((code >> 12U) & 0x3FU));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

bool is_number_character(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// Return true for RFC 8259's number: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?
bool is_json_number(std::string_view text) {
  const auto digits = [&] {
    std::size_t count = 0;
    while (!text.empty() && is_digit(text.front())) {
      text.remove_prefix(1);
      ++count;
    }
    return count > 0;
  };
  if (text.starts_with('-')) {
    text.remove_prefix(1);
  }
  if (text.starts_with('0')) {
    text.remove_prefix(1);
  } else if (!digits()) {
    return false;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!digits()) {
      return false;
    }
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) {
      text.remove_prefix(1);
    }
    if (!digits()) {
      return false;
    }
  }
  return text.empty();
}

// A recursive descent parser; the builder's limit of depth bounds the recursion. A method returns
// false once m_error is set.
class JsonParser {
public:
  JsonParser(std::string_view text, TreeBuilder& builder, JsonLines lines)
      : m_text(text),
        m_builder(builder),
        m_count_lines(lines == JsonLines::counted),
        m_line(m_count_lines ? 1 : 0) {}

  tl::expected<void, JsonSyntaxError> parse() {
    skip_space();
    while (m_at < m_text.size()) {
      m_builder.begin_document();
      if (!parse_value()) {
        return tl::unexpected(*std::move(m_error));
      }
      m_builder.end_document();
      skip_space();
    }
    return {};
  }

private:
  Position position() const { return {m_line, static_cast<int>(m_at - m_line_start) + 1}; }

  bool fail(std::string message) {
    m_error = JsonSyntaxError{position(), std::move(message)};
    return false;
  }

  char peek() const { return m_at < m_text.size() ? m_text[m_at] : '\0'; }

  void skip_space() {
    for (; m_at < m_text.size(); ++m_at) {
      const char c = m_text[m_at];
      if (c == '\n' && m_count_lines) {
        ++m_line;
        m_line_start = m_at + 1;
      } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
        return;
      }
    }
  }

  bool parse_value() {
    switch (peek()) {
    case '{':
      return parse_object();
    case '[':
      return parse_array();
    case '"':
      return parse_string();
    default:
      return parse_literal();
    }
  }

  bool parse_object() {
    m_builder.begin_collection(Kind::mapping, position(), 0);
    ++m_at;
    skip_space();
    for (bool first = true; peek() != '}'; first = false) {
      if (!first) {
        if (peek() != ',') {
          return fail("expected ',' or '}'");
        }
        ++m_at;
        skip_space();
      }
      if (peek() != '"') {
        return fail("expected a key in double quotes");
      }
      if (!parse_string()) {
        return false;
      }
      skip_space();
      if (peek() != ':') {
        return fail("expected ':' after a key");
      }
      ++m_at;
      skip_space();
      if (!parse_value()) {
        return false;
      }
      skip_space();
    }
    ++m_at;
    m_builder.end_collection();
    return true;
  }

  bool parse_array() {
    m_builder.begin_collection(Kind::sequence, position(), 0);
    ++m_at;
    skip_space();
    for (bool first = true; peek() != ']'; first = false) {
      if (!first) {
        if (peek() != ',') {
          return fail("expected ',' or ']'");
        }
        ++m_at;
        skip_space();
      }
      if (!parse_value()) {
        return false;
      }
      skip_space();
    }
    ++m_at;
    m_builder.end_collection();
    return true;
  }

  bool parse_string() {
    const Position start = position();
    std::string value;
    ++m_at;
    while (true) {
      if (m_at >= m_text.size()) {
        return fail("the string that begins at "
                    + (m_count_lines ? "line " + std::to_string(start.line) + ", column "
                                     : std::string("byte "))
                    + std::to_string(start.column) + " is not closed");
      }
      const char c = m_text[m_at];
      if (c == '"') {
        break;
      }
      if (static_cast<unsigned char>(c) < 0x20) {
        return fail("a control character in a string; write it as an escape");
      }
      if (c != '\\') {
        value += c;
        ++m_at;
      } else if (!parse_escape(value)) {
        return false;
      }
    }
    ++m_at;
    m_builder.add_scalar({}, std::move(value), start, 0, false);
    return true;
  }

  bool parse_escape(std::string& value) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const char letter = m_at + 1 < m_text.size() ? m_text[m_at + 1] : '\0';
    if (letter != 'u') {
      const std::size_t i = letters.find(letter);
      if (i == std::string_view::npos) {
        return fail("unknown escape in a string");
      }
      value += meanings[i];
      m_at += 2;
      return true;
    }
    const auto first = code_unit(m_at);
    if (!first) {
      return fail("\\u needs four hexadecimal digits");
    }
    std::uint32_t code = *first;
    std::size_t length = 6;
    if (code >= 0xD800 && code < 0xE000) {
      const auto second = code < 0xDC00 ? code_unit(m_at + 6) : std::nullopt;
      if (!second || *second < 0xDC00 || *second >= 0xE000) {
        return fail("half a surrogate pair in a string");
      }
      code = 0x10000 + ((code - 0xD800) << 10U) + (*second - 0xDC00);
      length = 12;
    }
    append_utf8(value, code);
    m_at += length;
    return true;
  }

  // Return the value of the \uXXXX at `at`, or nothing when there is none.
  std::optional<std::uint32_t> code_unit(std::size_t at) const {
    if (at + 6 > m_text.size() || m_text[at] != '\\' || m_text[at + 1] != 'u') {
      return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const char c : m_text.substr(at + 2, 4)) {
      constexpr std::string_view digits = "0123456789abcdef";
      const std::size_t digit = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
      if (digit == std::string_view::npos) {
        return std::nullopt;
      }
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  bool parse_literal() {
    const std::string_view rest = m_text.substr(m_at);
    for (const std::string_view word : {"null", "true", "false"}) {
      if (rest.starts_with(word)) {
        return add_plain(word);
      }
    }
    std::size_t length = 0;
    while (length < rest.size() && is_number_character(rest[length])) {
      ++length;
    }
    const std::string_view number = rest.substr(0, length);
    if (number.empty()) {
      return fail("expected a JSON value");
    }
    if (!is_json_number(number)) {
      return fail("this is not a JSON number");
    }
    return add_plain(number);
  }

  bool add_plain(std::string_view text) {
    ScalarType type = type_plain_scalar(text);
    if (type.kind == Kind::string) { // the only number that does not become one
      m_builder.add_error(position(),
                          "the number " + std::string(text.substr(0, 40)) + " is too large");
    }
    m_builder.add_scalar(std::move(type), std::string(text), position(), 0, false);
    m_at += text.size();
    return true;
  }

  std::string_view m_text;
  TreeBuilder& m_builder;
  std::size_t m_at = 0;
  bool m_count_lines;
  int m_line;
  std::size_t m_line_start = 0;
  std::optional<JsonSyntaxError> m_error;
};

} // namespace

tl::expected<void, JsonSyntaxError> parse_json(std::string_view text, TreeBuilder& builder,
                                               JsonLines lines) {
  return JsonParser(text, builder, lines).parse();
}

} // namespace taskgroup
