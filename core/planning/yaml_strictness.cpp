// SPDX-License-Identifier: Apache-2.0
#include "core/planning/yaml_strictness.h"

#include <algorithm>

namespace taskgroup {

namespace {

constexpr std::string_view blanks = " \t";
constexpr std::string_view spaces = " \t\r\n";

std::string_view rest_of(std::string_view text, std::size_t at) {
  return at < text.size() ? text.substr(at) : std::string_view();
}

void skip_until(std::string_view& text, std::size_t end) {
  text.remove_prefix(std::min(end, text.size()));
}

} // namespace

std::optional<std::string> find_quoting_defect(std::string_view text, std::size_t at) {
  std::string_view rest = rest_of(text, at);
  while (rest.starts_with('&') || rest.starts_with('!')) { // the node's anchor and tag
    skip_until(rest, rest.find_first_of(spaces));
    skip_until(rest, rest.find_first_not_of(spaces));
  }
  if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) {
    return std::nullopt;
  }
  const char quote = rest.front();
  int breaks = 0;         // at the end of what was seen
  bool has_words = false; // anything but spaces
  for (std::size_t i = 1; i < rest.size(); ++i) {
    const char c = rest[i];
    const bool doubled = quote == '\'' && rest.substr(i).starts_with("''");
    if (c == quote && !doubled) {
      if (breaks > (has_words ? 2 : 1)) {
        return "this quoted string ends with empty lines; write \\n in double quotes, or a block "
               "scalar (|)";
      }
      return std::nullopt;
    }
    if (doubled || (quote == '"' && c == '\\')) {
      ++i;
    }
    if (c == '\n') {
      ++breaks;
    } else if (spaces.find(c) == std::string_view::npos) {
      breaks = 0;
      has_words = true;
    }
  }
  return "not valid YAML: the quoted string that begins here is not closed";
}

std::optional<std::string> find_colon_defect(std::string_view text, std::size_t at) {
  if (!rest_of(text, at).starts_with(':')) {
    return std::nullopt;
  }
  return "a value in {} or [] cannot begin with ':'; quote it";
}

std::optional<std::string> find_empty_value_defect(std::string_view text, std::size_t at,
                                                   bool after_plain_key) {
  const std::string_view rest = rest_of(text, at);
  if (rest.empty() || at == 0
      || std::string_view(",}]").find(rest.front()) == std::string_view::npos) {
    return std::nullopt;
  }
  if (after_plain_key && text[at - 1] == ':') {
    return "a space is missing after the ':' before this character";
  }
  if (!after_plain_key && rest.front() == ',') {
    return "a value is missing before this ','; write null if that is meant";
  }
  return std::nullopt;
}

int find_directive(std::string_view text) {
  int line = 1;
  for (std::size_t i = 0; i < text.size(); ++line) {
    if (text[i] == '%') {
      return line;
    }
    const std::size_t end = text.find('\n', i);
    i = end == std::string_view::npos ? text.size() : end + 1;
  }
  return 0;
}

bool is_first_of_line(std::string_view text, std::size_t at) {
  const std::size_t before = text.substr(0, at).find_last_not_of(blanks);
  return before == std::string_view::npos || text[before] == '\n';
}

std::string_view without_trailing_blanks(std::string_view text) {
  const std::size_t last = text.find_last_not_of(blanks);
  const bool own_line =
      last != std::string_view::npos && (text[last] == '\n' || text[last] == '\r');
  return own_line ? text.substr(0, last + 1) : text;
}

} // namespace taskgroup
