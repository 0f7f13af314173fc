// SPDX-License-Identifier: Apache-2.0
#include "core/planning/substitute.h"

#include "core/planning/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace taskgroup {
namespace {

// Return the variable that a draft consists of, e.g. `$(params.list[*])`; nothing if there is more.
std::optional<std::string> sole_variable(const Draft& draft) {
  const std::string* text = draft.sole_authored();
  if (text == nullptr || !text->starts_with("$(") || !text->ends_with(')'))
    return std::nullopt;
  std::vector<Variable> found = find_variables(*text);
  if (found.size() != 1 || found.front().begin != 0 || found.front().end != text->size())
    return std::nullopt;
  return std::move(found.front().name);
}

// A whole array or object of which nothing is late but what stands in its elements.
template <typename Whole>
const Whole* as_whole(const Meaning& meaning) {
  const auto* held = std::get_if<const Whole*>(&meaning);
  return held != nullptr ? *held : nullptr;
}

const LateWhole* as_late(const Meaning& meaning, ValueType type) {
  const auto* late = std::get_if<LateWhole>(&meaning);
  return late != nullptr && late->type == type ? late : nullptr;
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

// Replace in a text that an author wrote. What the pass of one scope puts in is looked at by the
// passes behind it, as in stock, but never by the same one again.
void Substitution::append_authored(std::string_view text, std::size_t first, const Where& where,
                                   Draft& result) const {
  using Kind = Draft::Piece::Kind;
  if (first == m_passes.size() || text.find("$(") == std::string_view::npos) {
    result.append(Kind::authored, text);
    return;
  }
  std::size_t done = 0;
  for (const Variable& variable : find_variables(text)) {
    Meaning meaning;
    std::size_t pass = first;
    for (; pass < m_passes.size(); ++pass) {
      meaning = m_passes[pass]->find(variable.name);
      if (!std::holds_alternative<Unknown>(meaning))
        break;
    }
    if (pass == m_passes.size())
      continue;
    result.append(Kind::authored, text.substr(done, variable.begin - done));
    done = variable.end;
    if (const Draft* known = as_text(meaning)) {
      append_text(*known, pass + 1, where, result);
    } else if (const auto* refused = std::get_if<Refused>(&meaning)) {
      m_diagnostics.add_error(where, refused->message);
    } else {
      const bool object = as_whole<DraftValue::Fields>(meaning) != nullptr
                          || as_late(meaning, ValueType::object) != nullptr;
      m_diagnostics.add_error(where, in_text_message(variable.name, object ? "object" : "array"));
    }
  }
  result.append(Kind::authored, text.substr(done));
}

void Substitution::append_text(const Draft& draft, std::size_t first, const Where& where,
                               Draft& result) const {
  for (const Draft::Piece& piece : draft.pieces()) {
    if (piece.kind == Draft::Piece::Kind::authored)
      append_authored(piece.text, first, where, result);
    else if (piece.kind == Draft::Piece::Kind::data)
      result.append(piece.kind, piece.text);
    else
      result.append(piece.reference);
  }
}

Draft Substitution::text(const Draft& draft, const Where& where) const {
  Draft result;
  append_text(draft, 0, where, result);
  return result;
}

Draft Substitution::text(const Located& located) const {
  Draft result;
  append_authored(located.text, 0, located.where, result);
  return result;
}

void Substitution::append_elements(const Draft& draft, std::size_t first, const Where& where,
                                   std::vector<Draft>& result) const {
  if (const std::optional<std::string> sole = sole_variable(draft)) {
    for (std::size_t pass = first; pass < m_passes.size(); ++pass) {
      const Meaning meaning = m_passes[pass]->find(*sole);
      if (const auto* items = as_whole<DraftValue::Items>(meaning)) {
        for (const Draft& item : *items)
          append_elements(item, pass + 1, where, result);
        return;
      }
      if (const LateWhole* late = as_late(meaning, ValueType::array)) {
        result.push_back(Draft::late(late->reference));
        return;
      }
      if (!std::holds_alternative<Unknown>(meaning))
        break;
    }
  }
  append_text(draft, first, where, result.emplace_back());
}

std::vector<Draft> Substitution::element(const Draft& draft, const Where& where) const {
  std::vector<Draft> result;
  append_elements(draft, 0, where, result);
  return result;
}

std::vector<Draft> Substitution::element(const Located& located) const {
  return element(Draft::authored(located.text), located.where);
}

Draft Substitution::input(const Located& located) const {
  const Draft draft = Draft::authored(located.text);
  const std::optional<std::string> sole = sole_variable(draft);
  for (std::size_t pass = 0; sole && pass < m_passes.size(); ++pass) {
    const Meaning meaning = m_passes[pass]->find(*sole);
    if (const LateWhole* late = as_late(meaning, ValueType::array))
      return Draft::late(late->reference);
    if (const auto* items = as_whole<DraftValue::Items>(meaning)) {
      Value::Array known;
      for (const Draft& item : *items) {
        Draft replaced;
        append_text(item, pass + 1, located.where, replaced);
        if (const std::optional<std::string> text = replaced.known())
          known.push_back(*text);
      }
      if (known.size() == items->size())
        return Draft::data(Value(std::move(known)).to_text());
      m_diagnostics.add_error(
          located.where,
          fmt::format("\"$({})\" is an array with results in it and cannot be the input of a when "
                      "expression; compare one element, as in [0]",
                      *sole));
      return {};
    }
    if (!std::holds_alternative<Unknown>(meaning))
      break;
  }
  return text(draft, located.where);
}

DraftValue Substitution::value(const DraftValue& value) const { return this->value(value, 0); }

DraftValue Substitution::value(const DraftValue& value, std::size_t first) const {
  DraftValue result{.where = value.where, .data = {}};
  if (const auto* items = std::get_if<DraftValue::Items>(&value.data)) {
    DraftValue::Items replaced;
    for (const Draft& item : *items)
      append_elements(item, first, value.where, replaced);
    result.data = std::move(replaced);
    return result;
  }
  if (const auto* fields = std::get_if<DraftValue::Fields>(&value.data)) {
    DraftValue::Fields replaced;
    for (const auto& [key, field] : *fields)
      append_text(field, first, value.where, replaced[key]);
    result.data = std::move(replaced);
    return result;
  }
  const auto* draft = std::get_if<Draft>(&value.data);
  if (draft == nullptr)
    return value;
  const std::optional<std::string> sole = sole_variable(*draft);
  for (std::size_t pass = first; sole && pass < m_passes.size(); ++pass) {
    const Meaning meaning = m_passes[pass]->find(*sole);
    if (const auto* late = std::get_if<LateWhole>(&meaning)) {
      result.data = *late;
      return result;
    }
    if (const auto* items = as_whole<DraftValue::Items>(meaning))
      return this->value({value.where, *items}, pass + 1);
    if (const auto* fields = as_whole<DraftValue::Fields>(meaning))
      return this->value({value.where, *fields}, pass + 1);
    if (!std::holds_alternative<Unknown>(meaning))
      break;
  }
  append_text(*draft, first, value.where, result.data.emplace<Draft>());
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
