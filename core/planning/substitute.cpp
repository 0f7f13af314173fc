// SPDX-License-Identifier: Apache-2.0
#include "core/planning/substitute.h"

#include "core/planning/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace taskgroup {
namespace {

// A draft that is one variable and nothing else, e.g. `$(params.list[*])`.
struct SoleVariable {
  std::string written;
  Meaning meaning;
};

std::optional<SoleVariable> sole_variable(const Draft& draft, const Scope& scope) {
  const std::string* text = draft.sole_authored();
  if (text == nullptr || !text->starts_with("$("))
    return std::nullopt;
  const std::vector<Variable> found = find_variables(*text);
  if (found.size() != 1 || found.front().begin != 0 || found.front().end != text->size())
    return std::nullopt;
  const std::string& written = found.front().name;
  return SoleVariable{written, scope.find(parse_variable_name(written), written)};
}

std::string in_text_message(std::string_view written, std::string_view type) {
  if (type == "object")
    return fmt::format("\"$({})\" is an object and cannot be part of a text; name one of its keys",
                       written);
  return fmt::format("\"$({})\" is an array and cannot be part of a text; let it stand alone as an "
                     "element of command, args or another array, or name one element, as in [0]",
                     written);
}

} // namespace

Draft Substitution::pass_text(const Draft& draft, const Scope& scope, const Where& where) const {
  const bool nothing_to_do =
      std::none_of(draft.pieces().begin(), draft.pieces().end(), [](const Draft::Piece& piece) {
        return piece.kind == Draft::Piece::Kind::authored
               && piece.text.find("$(") != std::string::npos;
      });
  if (nothing_to_do)
    return draft;

  Draft result;
  for (const Draft::Piece& piece : draft.pieces()) {
    if (piece.kind == Draft::Piece::Kind::late) {
      result.append(Draft::late(piece.reference));
      continue;
    }
    if (piece.kind == Draft::Piece::Kind::data) {
      result.append(piece.kind, piece.text);
      continue;
    }
    const std::string_view text = piece.text;
    std::size_t done = 0;
    for (const Variable& variable : find_variables(text)) {
      const Meaning meaning = scope.find(parse_variable_name(variable.name), variable.name);
      if (std::holds_alternative<Unknown>(meaning))
        continue;
      result.append(piece.kind, text.substr(done, variable.begin - done));
      done = variable.end;
      if (const auto* known = std::get_if<Draft>(&meaning)) {
        result.append(*known);
      } else if (const auto* refused = std::get_if<Refused>(&meaning)) {
        m_diagnostics.add_error(where, refused->message);
      } else {
        const auto* late = std::get_if<LateWhole>(&meaning);
        const bool object = std::holds_alternative<DraftValue::Fields>(meaning)
                            || (late != nullptr && late->type == ValueType::object);
        m_diagnostics.add_error(where, in_text_message(variable.name, object ? "object" : "array"));
      }
    }
    result.append(piece.kind, text.substr(done));
  }
  return result;
}

Draft Substitution::text(const Draft& draft, const Where& where) const {
  Draft result = draft;
  for (const Scope* scope : m_passes)
    result = pass_text(result, *scope, where);
  return result;
}

Draft Substitution::text(const Located& located) const {
  return text(Draft::authored(located.text), located.where);
}

std::vector<Draft> Substitution::element(const Draft& draft, const Where& where) const {
  std::vector<Draft> result{draft};
  for (const Scope* scope : m_passes) {
    std::vector<Draft> next;
    for (const Draft& item : result) {
      std::optional<SoleVariable> sole = sole_variable(item, *scope);
      if (sole) {
        if (auto* items = std::get_if<DraftValue::Items>(&sole->meaning)) {
          std::move(items->begin(), items->end(), std::back_inserter(next));
          continue;
        }
        const auto* late = std::get_if<LateWhole>(&sole->meaning);
        if (late != nullptr && late->type == ValueType::array) {
          next.push_back(Draft::late(late->reference));
          continue;
        }
      }
      next.push_back(pass_text(item, *scope, where));
    }
    result = std::move(next);
  }
  return result;
}

std::vector<Draft> Substitution::element(const Located& located) const {
  return element(Draft::authored(located.text), located.where);
}

Draft Substitution::input(const Located& located) const {
  Draft result = Draft::authored(located.text);
  for (const Scope* scope : m_passes) {
    std::optional<SoleVariable> sole = sole_variable(result, *scope);
    if (sole) {
      if (const auto* items = std::get_if<DraftValue::Items>(&sole->meaning)) {
        Value::Array known;
        for (const Draft& item : *items) {
          // Contexts inside an element would be looked at by a later pass of stock's; nobody
          // compares JSON texts with those in them.
          if (const std::optional<std::string> text = item.known())
            known.push_back(*text);
        }
        if (known.size() == items->size())
          return Draft::data(Value(std::move(known)).to_text());
        m_diagnostics.add_error(
            located.where,
            fmt::format("\"$({})\" is an array with results in it and cannot be the input of a "
                        "when expression; compare one element, as in [0]",
                        sole->written));
        return {};
      }
      const auto* late = std::get_if<LateWhole>(&sole->meaning);
      if (late != nullptr && late->type == ValueType::array)
        return Draft::late(late->reference);
    }
    result = pass_text(result, *scope, located.where);
  }
  return result;
}

DraftValue Substitution::value(const DraftValue& value) const {
  DraftValue result{.where = value.where, .data = {}};
  if (const auto* items = std::get_if<DraftValue::Items>(&value.data)) {
    DraftValue::Items replaced;
    for (const Draft& item : *items) {
      std::vector<Draft> expanded = element(item, value.where);
      std::move(expanded.begin(), expanded.end(), std::back_inserter(replaced));
    }
    result.data = std::move(replaced);
    return result;
  }
  if (const auto* fields = std::get_if<DraftValue::Fields>(&value.data)) {
    DraftValue::Fields replaced;
    for (const auto& [key, field] : *fields)
      replaced.emplace(key, text(field, value.where));
    result.data = std::move(replaced);
    return result;
  }
  const auto* string = std::get_if<Draft>(&value.data);
  if (string == nullptr)
    return value;
  Draft draft = *string;
  for (std::size_t i = 0; i < m_passes.size(); ++i) {
    if (std::optional<SoleVariable> sole = sole_variable(draft, *m_passes[i])) {
      if (const auto* late = std::get_if<LateWhole>(&sole->meaning)) {
        result.data = *late;
        return result;
      }
      const bool whole_array = std::holds_alternative<DraftValue::Items>(sole->meaning);
      if (whole_array || std::holds_alternative<DraftValue::Fields>(sole->meaning)) {
        DraftValue whole{.where = value.where, .data = {}};
        if (whole_array)
          whole.data = std::get<DraftValue::Items>(std::move(sole->meaning));
        else
          whole.data = std::get<DraftValue::Fields>(std::move(sole->meaning));
        Substitution rest({}, m_diagnostics);
        rest.m_passes.assign(m_passes.begin() + static_cast<std::ptrdiff_t>(i) + 1, m_passes.end());
        return rest.value(whole);
      }
    }
    draft = pass_text(draft, *m_passes[i], value.where);
  }
  result.data = std::move(draft);
  return result;
}

std::string Substitution::known(const Located& located, std::string_view what) const {
  const Draft draft = text(located);
  if (std::optional<std::string> result = draft.known())
    return *std::move(result);
  m_diagnostics.add_error(
      located.where,
      fmt::format("\"$({})\" is known only while the group runs and cannot be part of {}, which is "
                  "settled before; use a param, or the result in script, command, args or env",
                  draft.first_late()->name(), what));
  return {};
}

} // namespace taskgroup
