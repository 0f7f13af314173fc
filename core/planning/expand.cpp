// SPDX-License-Identifier: Apache-2.0
#include "core/planning/expand.h"

namespace taskgroup {

std::string expand_variables(std::string_view text,
                             const std::map<std::string, std::string>& variables) {
  std::string result;
  std::size_t i = 0;
  while (i < text.size()) {
    if (text[i] != '$' || i + 1 == text.size()) {
      result += text[i++];
      continue;
    }
    if (text[i + 1] == '$') {
      result += '$';
      i += 2;
      continue;
    }
    const std::size_t close = text[i + 1] == '(' ? text.find(')', i + 2) : std::string_view::npos;
    if (close == std::string_view::npos) {
      // No reference: upstream takes the operator and the next character as they are.
      result += text[i];
      result += text[i + 1];
      i += 2;
      continue;
    }
    const auto name = std::string(text.substr(i + 2, close - i - 2));
    const auto found = variables.find(name);
    result += found == variables.end() ? std::string(text.substr(i, close + 1 - i)) : found->second;
    i = close + 1;
  }
  return result;
}

} // namespace taskgroup
