// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace taskgroup::kube {

// A selector of labels or of fields as the API server reads it: terms joined by commas, all of
// which must hold. Labels: `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, `k`, `!k`. Fields
// have the first three only.
class TermSelector {
public:
  enum class Kind { labels, fields };

  // Read a selector; an empty text selects everything. The error quotes the term that is wrong.
  static tl::expected<TermSelector, std::string> parse(std::string_view text, Kind kind);

  // Tell whether the object's labels (or fields, by dotted path) satisfy all terms.
  bool matches(const nlohmann::json& object) const;

private:
  struct Term {
    std::string key;
    bool negated = false;
    bool exists = false; // the key alone counts
    std::vector<std::string> values;
  };

  bool term_matches(const Term& term, const nlohmann::json& object) const;

  Kind m_kind = Kind::labels;
  std::vector<Term> m_terms;
};

} // namespace taskgroup::kube
