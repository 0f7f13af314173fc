// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/diagnostic.h>
#include <taskgroup/node.h>
#include <taskgroup/reader.h>

#include "core/planning/scalar.h"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace taskgroup {

// Thrown to leave a parser when going on makes no sense; the reason is among the diagnostics.
struct GiveUp {};

// Build nodes from a parser's events, within the limits: the YAML and the JSON parser feed it. Here
// keys become strings, merge keys and aliases are expanded and duplicate keys are found. Aliased
// subtrees are shared, but count each time against the limits of nodes and depth.
class TreeBuilder {
public:
  struct Position {
    int line = 0;
    int column = 0;
  };
  using Anchor = std::size_t; // 0 = none

  TreeBuilder(std::string file_name, const ReadLimits& limits);

  // --- Events. Each may throw GiveUp. ---

  void begin_document();
  void end_document();
  void begin_collection(Node::Kind kind, Position position, Anchor anchor);
  void end_collection();

  // `is_merge` says that the text is a `<<` that merges when it stands as a key.
  void add_scalar(ScalarType type, std::string text, Position position, Anchor anchor,
                  bool is_merge);
  void add_alias(Anchor anchor, Position position);

  void add_error(Position position, std::string message);
  [[noreturn]] void give_up(Position position, std::string message);

  // --- State ---

  // Return the position of the key whose value comes next, or nothing where no value is due.
  std::optional<Position> open_key() const;

  std::size_t document_count() const { return m_document_count; }
  const Diagnostics& diagnostics() const { return m_diagnostics; }

  // Return the documents that are not null.
  std::vector<Node> take_documents() { return std::move(m_documents); }

private:
  struct Item { // a value, and what it counts for
    Node node;
    std::size_t nodes = 1;
    std::size_t height = 0; // 0 for scalars
  };
  struct Entry {
    Node::Key key;
    Node value;
    bool is_merge = false; // of `value`, which is a mapping or a sequence of mappings
    bool usable = true;    // false after an error in the key
  };
  struct Frame { // a collection that is open
    Node::Kind kind;
    Position position;
    Anchor anchor = 0;
    std::size_t nodes = 1;
    std::size_t height = 1;
    std::vector<Node> elements; // of a sequence
    std::vector<Entry> entries; // of a mapping; the last one's value is missing if value_due
    bool value_due = false;
  };

  Where where(Position position) const;
  void count_node(Position position);
  bool is_key() const { return !m_frames.empty() && key_due(m_frames.back()); }
  static bool key_due(const Frame& frame) {
    return frame.kind == Node::Kind::mapping && !frame.value_due;
  }
  void add_key(const std::optional<std::string>& name, Position position, bool is_merge,
               std::string_view what);
  void set_anchor(Anchor anchor, Item item, Position position);
  void add_item(Item item, Position position, Anchor anchor, bool is_alias);
  void check_merge_value(Frame& frame, const Node& value, Position position, bool is_alias);
  Node finish_mapping(Frame& frame);
  void report_duplicates(std::vector<Entry>& entries);
  std::vector<Entry> expand_merges(std::vector<Entry> entries);

  std::shared_ptr<const std::string> m_file;
  ReadLimits m_limits;
  Diagnostics m_diagnostics;
  std::vector<Frame> m_frames;
  std::map<Anchor, Item> m_anchors; // of this document, complete ones only
  std::size_t m_anchor_count = 0;   // of the file
  std::vector<Node> m_documents;
  std::size_t m_document_count = 0;
  std::size_t m_nodes = 0; // of the file, keys and expanded aliases included
};

} // namespace taskgroup
