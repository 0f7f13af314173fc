// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/text.h>
#include <taskgroup/value.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace taskgroup {

// A text while it is being planned. Stock replaces variables in several passes (params, contexts,
// workspaces …), so a value that an author wrote as `$(workspaces.source.path)/x` is looked at
// again by a later pass, while data must never be: a Draft remembers which of its pieces is which.
class Draft {
public:
  struct Piece {
    enum class Kind {
      authored, // written in a spec: later passes look for variables in it
      data,     // a value from outside, or one put in for a variable: never looked at again
      late      // known only while the group runs
    };
    Kind kind = Kind::authored;
    std::string text;
    Reference reference;
  };

  Draft() = default;
  static Draft authored(std::string text);
  static Draft data(std::string text);
  static Draft late(Reference reference);

  // Append; neighbouring texts of one kind are joined.
  void append(Piece::Kind kind, std::string_view text);
  void append(const Reference& reference);

  const std::vector<Piece>& pieces() const { return m_pieces; }
  bool empty() const { return m_pieces.empty(); }

  // Return the first late reference, or nullptr.
  const Reference* first_late() const;

  // Return the text if nothing in it is late.
  std::optional<std::string> known() const;

  // Return the authored text if that is all there is, or nullptr.
  const std::string* sole_authored() const;

  Text to_text() const;

private:
  std::vector<Piece> m_pieces;
};

// A whole array or object that is known only while the group runs.
struct LateWhole {
  Reference reference; // Part::star
  ValueType type = ValueType::array;
};

// The value of a param while it is being planned.
struct DraftValue {
  using Items = std::vector<Draft>; // an item may be a LateWhole's star, which expands
  using Fields = std::map<std::string, Draft>;

  Where where;
  std::variant<Draft, Items, Fields, LateWhole> data;

  ValueType type() const;
};

// Make the draft of a value as written in a spec, or of one that came from outside (`piece` is
// data).
DraftValue make_draft_value(const ParamValue& value, Draft::Piece::Kind piece);

} // namespace taskgroup
