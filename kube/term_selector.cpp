// SPDX-License-Identifier: Apache-2.0
#include "kube/term_selector.h"

#include <algorithm>
#include <optional>

namespace taskgroup::kube {
namespace {

using nlohmann::json;

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

// Split at commas outside of parentheses.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '(') {
      ++depth;
    } else if (text[at] == ')') {
      --depth;
    } else if (text[at] == ',' && depth == 0) {
      parts.push_back(trim(text.substr(begin, at - begin)));
      begin = at + 1;
    }
  }
  parts.push_back(trim(text.substr(begin)));
  return parts;
}

// The value of a label, or of a field at its dotted path; a field that is absent is empty text.
std::optional<std::string> value_of(const json& object, const std::string& key,
                                    TermSelector::Kind kind) {
  if (kind == TermSelector::Kind::labels) {
    const json::json_pointer place = json::json_pointer("/metadata/labels") / key;
    if (!object.contains(place) || !object[place].is_string()) {
      return std::nullopt;
    }
    return object[place].get<std::string>();
  }
  const json* node = &object;
  std::size_t begin = 0;
  while (begin <= key.size()) {
    const std::size_t end = std::min(key.find('.', begin), key.size());
    const std::string part = key.substr(begin, end - begin);
    if (!node->is_object() || !node->contains(part)) {
      return std::string();
    }
    node = &(*node)[part];
    begin = end + 1;
  }
  return node->is_string() ? node->get<std::string>() : node->dump();
}

} // namespace

tl::expected<TermSelector, std::string> TermSelector::parse(std::string_view text, Kind kind) {
  TermSelector selector;
  selector.m_kind = kind;
  if (trim(text).empty()) {
    return selector;
  }
  for (const std::string_view part : split(text)) {
    Term term;
    const auto refuse = [&] {
      return tl::unexpected("selector term \"" + std::string(part) + "\" is not understood");
    };
    const std::size_t open = part.find('(');
    const std::size_t equals = part.find('=');
    if (kind == Kind::labels && open != std::string_view::npos) {
      if (part.back() != ')') {
        return refuse();
      }
      std::string_view head = trim(part.substr(0, open));
      const std::size_t space = head.find(' ');
      if (space == std::string_view::npos) {
        return refuse();
      }
      const std::string_view word = trim(head.substr(space));
      term.key = head.substr(0, space);
      term.negated = word == "notin";
      if (!term.negated && word != "in") {
        return refuse();
      }
      for (const std::string_view value : split(part.substr(open + 1, part.size() - open - 2))) {
        term.values.emplace_back(value);
      }
    } else if (equals != std::string_view::npos) {
      term.negated = equals > 0 && part[equals - 1] == '!';
      const bool twice = part.substr(equals).starts_with("==");
      term.key = trim(part.substr(0, term.negated ? equals - 1 : equals));
      term.values.emplace_back(trim(part.substr(equals + (twice ? 2 : 1))));
    } else if (kind == Kind::labels) {
      term.exists = true;
      term.negated = part.starts_with('!');
      term.key = part.substr(term.negated ? 1 : 0);
    }
    if (term.key.empty() || term.key.find(' ') != std::string::npos) {
      return refuse();
    }
    selector.m_terms.push_back(std::move(term));
  }
  return selector;
}

bool TermSelector::matches(const json& object) const {
  return std::ranges::all_of(m_terms, [&](const Term& term) { return term_matches(term, object); });
}

bool TermSelector::term_matches(const Term& term, const json& object) const {
  const auto value = value_of(object, term.key, m_kind);
  // A label that is absent satisfies `!=` and `notin`, as the API server has it.
  const bool found =
      value.has_value()
      && (term.exists || std::ranges::find(term.values, *value) != term.values.end());
  return found != term.negated;
}

} // namespace taskgroup::kube
