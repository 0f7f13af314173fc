// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/yaml_text.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace taskgroup::cluster {

namespace {

using nlohmann::ordered_json;

// Words that are no strings to somebody.
bool means_something_else(std::string_view word) {
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  static constexpr std::array<std::string_view, 9> words{"true", "false", "yes", "no", "on",
                                                         "off",  "null",  "y",   "n"};
  return std::find(words.begin(), words.end(), lower) != words.end();
}

// Tell whether text can do without quotes: it begins with a letter and holds nothing special.
bool is_plain(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && is_letter(text.front())
         && std::all_of(text.begin(), text.end(),
                        [&](char c) {
                          return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_'
                                 || c == '.' || c == '/';
                        })
         && !means_something_else(text);
}

std::string scalar(const ordered_json& value) {
  if (value.is_string() && is_plain(value.get_ref<const std::string&>()))
    return value.get<std::string>();
  // JSON's strings, numbers and empty lists are YAML's too.
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool is_block(const ordered_json& value) { return value.is_structured() && !value.empty(); }

void write(const ordered_json& value, std::size_t indent, std::string& text) {
  const std::string margin(indent, ' ');
  if (value.is_object()) {
    bool first = true;
    for (const auto& [key, member] : value.items()) {
      text += (first ? "" : margin) + scalar(key) + ":";
      first = false;
      if (!is_block(member)) {
        text += " " + scalar(member) + "\n";
        continue;
      }
      // Lists stand as far left as their key, as kubectl writes them.
      const std::size_t inner = member.is_array() ? indent : indent + 2;
      text += "\n" + std::string(inner, ' ');
      write(member, inner, text);
    }
    return;
  }
  bool first = true;
  for (const ordered_json& element : value) {
    text += (first ? "- " : margin + "- ");
    first = false;
    if (is_block(element)) {
      write(element, indent + 2, text);
    } else {
      text += scalar(element) + "\n";
    }
  }
}

} // namespace

std::string yaml_text(const ordered_json& document) {
  if (!is_block(document))
    return scalar(document) + "\n";
  std::string text;
  write(document, 0, text);
  return text;
}

} // namespace taskgroup::cluster
