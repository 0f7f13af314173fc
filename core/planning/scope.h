// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/planning/draft.h"
#include "core/planning/variables.h"

#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace taskgroup {

// The scope does not know the variable: it stays as text.
struct Unknown {};

// The variable cannot be replaced; `message` says why and what to do.
struct Refused {
  std::string message;
};

// What a variable stands for. A text that the scope holds comes as a pointer into it.
using Meaning = std::variant<Unknown, const Draft*, Draft, const DraftValue::Items*,
                             const DraftValue::Fields*, LateWhole, Refused>;

// Return the text that a variable stands for, or nullptr if it is something else.
inline const Draft* as_text(const Meaning& meaning) {
  if (const auto* held = std::get_if<const Draft*>(&meaning))
    return *held;
  return std::get_if<Draft>(&meaning);
}

// Knows some variables. Scopes refer to each other and to the documents; they live on the stack of
// plan().
class Scope {
public:
  Scope() = default;
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  virtual ~Scope() = default;

  // Say what the variable `written` (`params.a[0]`) stands for.
  virtual Meaning find(std::string_view written) const = 0;
};

// Variables with a plain text as their value: contexts, paths, workspaces. All forms of quoting are
// alike.
class NameScope : public Scope {
public:
  // Set a variable. `name` is written with dots: `results.a.path`.
  void set(std::string name, std::string value);
  void set_late(std::string name, Reference reference);

  // Refuse every variable whose name begins with `prefix`, unless it was set.
  void refuse(std::string prefix, std::string message);

  Meaning find(std::string_view written) const override;

private:
  std::map<std::string, Draft, std::less<>> m_values;
  std::vector<std::pair<std::string, std::string>> m_refused;
};

// Asks several scopes; the first that knows a variable wins. The scopes must outlive it.
class ChainScope : public Scope {
public:
  ChainScope(std::initializer_list<const Scope*> scopes) : m_scopes(scopes) {}

  Meaning find(std::string_view written) const override;

private:
  std::vector<const Scope*> m_scopes;
};

// The values that params have in one place: those passed, those of an outer scope, and defaults.
// A value passed wins over the outer scope's, which wins over a default: this is what stock comes
// to for embedded tasks (pkg/reconciler/pipelinerun/resources/apply.go:594-635).
class ParamScope : public Scope {
public:
  ParamScope() = default;
  explicit ParamScope(const ParamScope* outer) : m_outer(outer) {}

  void pass(std::string name, DraftValue value);
  void set_default(std::string name, DraftValue value);

  // Return the value of a param, or nullptr; find_passed() leaves the defaults of this scope out.
  const DraftValue* find_value(std::string_view name) const;
  const DraftValue* find_passed(std::string_view name) const;

  // Say whether anybody asked for a value that was passed here.
  bool used(std::string_view name) const { return m_used.contains(name); }

  // Add what `name` lacks of these fields: a default's fields stand in for those not passed.
  void complete_fields(std::string_view name, const DraftValue::Fields& fields);

  Meaning find(std::string_view written) const override;

private:
  using Values = std::map<std::string, DraftValue, std::less<>>;
  const ParamScope* m_outer = nullptr;
  Values m_passed;
  Values m_defaults;
  mutable std::set<std::string, std::less<>> m_used;
};

// How a variable may be read as a param: its name and, for objects, a key. A dot may belong
// to the name or lead to the key, so `params.a.b` is {"a.b", ""} or {"a", "b"}. Empty if it is no
// param.
std::vector<std::pair<std::string, std::string>> param_readings(std::string_view written);

// Return what `name[index]` or `name.key` of a value stands for; with both empty, the whole.
Meaning part_of(const DraftValue& value, std::string_view index, std::string_view key,
                std::string_view written);

} // namespace taskgroup
