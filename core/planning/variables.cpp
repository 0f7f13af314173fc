// SPDX-License-Identifier: Apache-2.0
#include "core/planning/variables.h"

#include <algorithm>

namespace taskgroup {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-'
         || c == '.';
}

// Return the length of the `["x"]`, `['x']`, `[*]` or `[12]` that `text` begins with; 0 if none.
std::size_t bracket_length(std::string_view text) {
  if (text.size() < 3 || text[0] != '[')
    return 0;
  std::size_t at = 1;
  if (text[at] == '"' || text[at] == '\'') {
    const char quote = text[at++];
    const std::size_t begin = at;
    while (at < text.size() && (is_name_character(text[at]) || text[at] == '/'))
      ++at;
    if (at == begin || at >= text.size() || text[at] != quote)
      return 0;
    ++at;
  } else if (text[at] == '*') {
    ++at;
  } else {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at]))
      ++at;
    if (at == begin)
      return 0;
  }
  return at < text.size() && text[at] == ']' ? at + 1 : 0;
}

// Return the length of the variable name that `text` begins with; 0 if none.
std::size_t name_length(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_name_character(text[at])) {
      ++at;
      continue;
    }
    const std::size_t bracket = at == 0 ? 0 : bracket_length(text.substr(at));
    if (bracket == 0)
      break;
    at += bracket;
  }
  return at;
}

} // namespace

std::vector<Variable> find_variables(std::string_view text) {
  std::vector<Variable> found;
  std::size_t at = 0;
  while ((at = text.find("$(", at)) != std::string_view::npos) {
    const std::size_t name = at + 2;
    const std::size_t length = name_length(text.substr(name));
    const std::size_t close = name + length;
    if (length == 0 || close >= text.size() || text[close] != ')') {
      at = name;
      continue;
    }
    found.push_back({at, close + 1, std::string(text.substr(name, length))});
    at = close + 1;
  }
  return found;
}

VariableName parse_variable_name(std::string_view name) {
  VariableName result;
  std::string part;
  bool open = true; // a part is expected or under way
  std::size_t at = 0;
  const auto close_part = [&] {
    if (open)
      result.parts.push_back(std::move(part));
    part.clear();
    open = false;
  };
  while (at < name.size()) {
    if (name[at] == '.') {
      close_part();
      open = true;
      ++at;
    } else if (name[at] == '[') {
      const std::size_t length = bracket_length(name.substr(at));
      if (length == 0) { // not a variable: keep the rest as it is
        part.append(name.substr(at));
        open = true;
        break;
      }
      close_part();
      const std::string_view inner = name.substr(at + 1, length - 2);
      if (inner.front() == '"' || inner.front() == '\'')
        result.parts.emplace_back(inner.substr(1, inner.size() - 2));
      else
        result.index = inner;
      at += length;
    } else {
      part += name[at++];
      open = true;
    }
  }
  close_part();
  return result;
}

} // namespace taskgroup
