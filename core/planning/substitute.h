// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/diagnostic.h>

#include "core/planning/draft.h"
#include "core/planning/scope.h"

#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace taskgroup {

// Puts the values of variables into texts, as stock does: one pass for each scope, in order; within
// a pass text that was put in is not looked at again; unknown variables stay as text; `$$(x)` is no
// escape (contract.md 12, pkg/substitution/replacements.go). Errors go to `diagnostics` at `where`.
// The scopes and diagnostics must outlive it.
class Substitution {
public:
  Substitution(std::initializer_list<const Scope*> passes, Diagnostics& diagnostics)
      : m_passes(passes), m_diagnostics(diagnostics) {}

  // Replace in a text. A whole array or object in it is an error: stock leaves it as it is or
  // refuses it (substitution.go, ValidateNoReferencesToProhibitedVariables).
  Draft text(const Draft& draft, const Where& where) const;
  Draft text(const Located& located) const;

  // Replace in an element of command, args, `when` values or an array: one that is a whole array
  // and nothing else becomes its items.
  std::vector<Draft> element(const Draft& draft, const Where& where) const;
  std::vector<Draft> element(const Located& located) const;

  // Replace in the input of a `when` expression: a whole array becomes its JSON text.
  Draft input(const Located& located) const;

  // Replace in the value of a param: a string that is a whole array or object becomes it.
  DraftValue value(const DraftValue& value) const;

  // As text(), for a field that must be known before the group runs: a late reference in it is an
  // error. `what` names the field for the message, e.g. "an image".
  std::string known(const Located& located, std::string_view what) const;

  Diagnostics& diagnostics() const { return m_diagnostics; }

private:
  // As text() and value(), with the passes from `first` on.
  void append_text(const Draft& draft, std::size_t first, const Where& where, Draft& result) const;
  void append_authored(std::string_view text, std::size_t first, const Where& where,
                       Draft& result) const;
  DraftValue value(const DraftValue& value, std::size_t first) const;
  void append_elements(const Draft& draft, std::size_t first, const Where& where,
                       std::vector<Draft>& result) const;

  std::vector<const Scope*> m_passes;
  Diagnostics& m_diagnostics;
};

} // namespace taskgroup
