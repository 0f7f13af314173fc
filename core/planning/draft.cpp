// SPDX-License-Identifier: Apache-2.0
#include "core/planning/draft.h"

#include <utility>

namespace taskgroup {

Draft Draft::authored(std::string text) {
  Draft result;
  if (!text.empty())
    result.m_pieces.push_back({Piece::Kind::authored, std::move(text), {}});
  return result;
}

Draft Draft::data(std::string text) {
  Draft result;
  if (!text.empty())
    result.m_pieces.push_back({Piece::Kind::data, std::move(text), {}});
  return result;
}

Draft Draft::late(Reference reference) {
  Draft result;
  result.m_pieces.push_back({Piece::Kind::late, {}, std::move(reference)});
  return result;
}

void Draft::append(Piece::Kind kind, std::string_view text) {
  if (text.empty())
    return;
  if (!m_pieces.empty() && m_pieces.back().kind == kind)
    m_pieces.back().text.append(text);
  else
    m_pieces.push_back({kind, std::string(text), {}});
}

void Draft::append(const Reference& reference) {
  m_pieces.push_back({Piece::Kind::late, {}, reference});
}

const Reference* Draft::first_late() const {
  for (const Piece& piece : m_pieces) {
    if (piece.kind == Piece::Kind::late)
      return &piece.reference;
  }
  return nullptr;
}

std::optional<std::string> Draft::known() const {
  std::string result;
  for (const Piece& piece : m_pieces) {
    if (piece.kind == Piece::Kind::late)
      return std::nullopt;
    result += piece.text;
  }
  return result;
}

const std::string* Draft::sole_authored() const {
  if (m_pieces.size() != 1 || m_pieces.front().kind != Piece::Kind::authored)
    return nullptr;
  return &m_pieces.front().text;
}

Text Draft::to_text() const {
  Text result;
  for (const Piece& piece : m_pieces) {
    if (piece.kind == Piece::Kind::late)
      result.append(piece.reference);
    else
      result.append(piece.text);
  }
  return result;
}

ValueType DraftValue::type() const {
  if (const auto* late = std::get_if<LateWhole>(&data))
    return late->type;
  return static_cast<ValueType>(data.index());
}

DraftValue make_draft_value(const ParamValue& value, Draft::Piece::Kind piece) {
  const auto make = [piece](const Located& text) {
    return piece == Draft::Piece::Kind::data ? Draft::data(text.text) : Draft::authored(text.text);
  };
  DraftValue result{.where = value.where, .data = {}};
  if (const auto* text = std::get_if<Located>(&value.data)) {
    result.data = make(*text);
  } else if (const auto* items = std::get_if<std::vector<Located>>(&value.data)) {
    DraftValue::Items drafts;
    for (const Located& item : *items)
      drafts.push_back(make(item));
    result.data = std::move(drafts);
  } else {
    DraftValue::Fields drafts;
    for (const auto& [key, field] : std::get<2>(value.data))
      drafts.insert_or_assign(key, make(field));
    result.data = std::move(drafts);
  }
  return result;
}

} // namespace taskgroup
