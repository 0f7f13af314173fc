// SPDX-License-Identifier: Apache-2.0
#include "core/planning/tree_builder.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace taskgroup {

namespace {

using Kind = Node::Kind;

// The reader quotes names from the file, which may be long.
std::string quote(std::string_view name) {
  constexpr std::size_t longest = 60;
  if (name.size() <= longest) {
    return "\"" + std::string(name) + "\"";
  }
  std::size_t cut = longest;
  while (cut > 0 && (static_cast<unsigned char>(name[cut]) & 0xC0U) == 0x80U) {
    --cut;
  }
  return "\"" + std::string(name.substr(0, cut)) + "…\"";
}

std::string at(int line, int column) {
  return (line > 0 ? "line " + std::to_string(line) + ", column " : "byte ")
         + std::to_string(column);
}

} // namespace

TreeBuilder::TreeBuilder(std::string file_name, const ReadLimits& limits)
    : m_file(std::make_shared<const std::string>(std::move(file_name))), m_limits(limits) {}

Where TreeBuilder::where(Position position) const {
  return {m_file, position.line, position.column, {}};
}

void TreeBuilder::add_error(Position position, std::string message) {
  m_diagnostics.add_error(where(position), std::move(message));
  if (m_diagnostics.size() >= m_limits.errors) {
    give_up(position, "more than " + std::to_string(m_limits.errors)
                          + " errors; the rest of the file is not read");
  }
}

void TreeBuilder::give_up(Position position, std::string message) {
  m_diagnostics.add_error(where(position), std::move(message));
  throw GiveUp{};
}

void TreeBuilder::count_node(Position position) {
  if (++m_nodes > m_limits.nodes) {
    give_up(position,
            "the file has more than " + std::to_string(m_limits.nodes)
                + " values (aliases expanded), which is the limit; split it or use fewer aliases");
  }
}

std::optional<TreeBuilder::Position> TreeBuilder::open_key() const {
  if (m_frames.empty() || !m_frames.back().value_due) {
    return std::nullopt;
  }
  const Node::Key& key = m_frames.back().entries.back().key;
  return Position{key.line, key.column};
}

// --- Documents and collections -------------------------------------------------------------------

void TreeBuilder::begin_document() {
  m_anchors.clear();
  m_frames.clear();
  ++m_document_count;
}

void TreeBuilder::end_document() { m_anchors.clear(); }

void TreeBuilder::begin_collection(Kind kind, Position position, Anchor anchor) {
  if (m_frames.size() >= m_limits.depth) {
    give_up(position, "lists and objects are nested deeper than " + std::to_string(m_limits.depth)
                          + " levels, which is the limit");
  }
  count_node(position);
  m_frames.push_back(Frame{.kind = kind, .position = position, .anchor = anchor});
}

void TreeBuilder::end_collection() {
  Frame frame = std::move(m_frames.back());
  m_frames.pop_back();
  Node node = frame.kind == Kind::sequence
                  ? Node::sequence(std::move(frame.elements), where(frame.position))
                  : finish_mapping(frame);
  if (is_key()) {
    add_key(std::nullopt, frame.position, false,
            frame.kind == Kind::sequence ? "a list" : "an object");
    return;
  }
  add_item({std::move(node), frame.nodes, frame.height}, frame.position, frame.anchor, false);
}

// --- Scalars and aliases -------------------------------------------------------------------------

void TreeBuilder::add_scalar(ScalarType type, std::string text, Position position, Anchor anchor,
                             bool is_merge) {
  count_node(position);
  if (text.find('\0') != std::string::npos) {
    add_error(position, "a NUL character in a string is not supported; remove it");
    type = {};
    text.clear();
  }
  const bool as_key = is_key();
  if (as_key) {
    add_key(key_name(type, text), position, is_merge,
            type.kind == Kind::null ? "null" : "an integer of more than 64 bits");
    if (anchor == 0) {
      return;
    }
  }
  const bool infinite = type.kind == Kind::floating && type.json.find('n') != std::string::npos;
  if (infinite && !as_key) {
    add_error(position, quote(text)
                            + " is a number that JSON cannot hold; quote it if it is meant "
                              "as text");
    type = {Kind::null, {}};
  }
  Item item{Node::scalar(type.kind, std::move(text), std::move(type.json), where(position))};
  if (as_key) {
    set_anchor(anchor, std::move(item), position);
  } else {
    add_item(std::move(item), position, anchor, false);
  }
}

void TreeBuilder::add_alias(Anchor anchor, Position position) {
  const auto found = m_anchors.find(anchor);
  if (found == m_anchors.end()) {
    add_error(position, "an alias stands inside of the value that it refers to");
    add_scalar({Kind::null, {}}, {}, position, 0, false);
    return;
  }
  const Item& item = found->second;
  if (is_key()) {
    const Node& node = item.node;
    count_node(position);
    add_key(
        node.is_scalar() ? key_name({node.kind(), node.number_json()}, node.text()) : std::nullopt,
        position, false, node.is_scalar() ? "null" : (node.is_sequence() ? "a list" : "an object"));
    return;
  }
  if (m_frames.size() + item.height > m_limits.depth) {
    give_up(position, "this alias nests lists and objects deeper than "
                          + std::to_string(m_limits.depth) + " levels, which is the limit");
  }
  m_nodes += item.nodes - 1;
  count_node(position);
  add_item(item, position, 0, true);
}

void TreeBuilder::add_key(const std::optional<std::string>& name, Position position, bool is_merge,
                          std::string_view what) {
  if (!name) {
    add_error(position, std::string(what)
                            + " cannot be a key; use a string (quote it if it is meant as text)");
  }
  Frame& frame = m_frames.back();
  ++frame.nodes;
  frame.value_due = true;
  Entry entry{.key = {name.value_or(""), position.line, position.column},
              .value = {},
              .is_merge = is_merge,
              .usable = name.has_value()};
  frame.entries.push_back(std::move(entry));
}

void TreeBuilder::set_anchor(Anchor anchor, Item item, Position position) {
  if (anchor == 0) {
    return;
  }
  if (++m_anchor_count > m_limits.anchors) {
    give_up(position, "the file has more than " + std::to_string(m_limits.anchors)
                          + " anchors (&), which is the limit");
  }
  m_anchors[anchor] = std::move(item);
}

// Put a complete value into the collection it belongs to, or make it the document.
void TreeBuilder::add_item(Item item, Position position, Anchor anchor, bool is_alias) {
  set_anchor(anchor, item, position);
  if (m_frames.empty()) {
    if (!item.node.is_null()) {
      m_documents.push_back(std::move(item.node));
    }
    return;
  }
  Frame& frame = m_frames.back();
  frame.nodes += item.nodes;
  frame.height = std::max(frame.height, item.height + 1);
  if (frame.kind == Kind::sequence) {
    frame.elements.push_back(std::move(item.node));
    return;
  }
  if (frame.entries.back().is_merge) {
    check_merge_value(frame, item.node, position, is_alias);
  }
  frame.entries.back().value = std::move(item.node);
  frame.value_due = false;
}

// --- Mappings ------------------------------------------------------------------------------------

void TreeBuilder::check_merge_value(Frame& frame, const Node& value, Position position,
                                    bool is_alias) {
  const bool list =
      value.is_sequence() && !is_alias && std::ranges::all_of(value.children(), &Node::is_mapping);
  if (!value.is_mapping() && !list) {
    add_error(position, "the merge key \"<<\" needs an object or a list of objects");
    frame.entries.back().usable = false;
  }
}

Node TreeBuilder::finish_mapping(Frame& frame) {
  std::vector<Entry> entries = std::move(frame.entries);
  report_duplicates(entries);
  std::erase_if(entries, [](const Entry& entry) { return !entry.usable; });
  if (std::ranges::any_of(entries, &Entry::is_merge)) {
    entries = expand_merges(std::move(entries));
  }
  std::vector<Node::Key> keys;
  std::vector<Node> values;
  keys.reserve(entries.size());
  values.reserve(entries.size());
  for (Entry& entry : entries) {
    keys.push_back(std::move(entry.key));
    values.push_back(std::move(entry.value));
  }
  return Node::mapping(std::move(keys), std::move(values), where(frame.position));
}

void TreeBuilder::report_duplicates(std::vector<Entry>& entries) {
  std::vector<std::size_t> order(entries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t i) { return !entries[i].usable; });
  const auto name = [&](std::size_t i) -> const std::string& { return entries[i].key.name; };
  std::ranges::sort(order, [&](std::size_t left, std::size_t right) {
    return std::tie(name(left), left) < std::tie(name(right), right);
  });
  for (std::size_t i = 1, first = 0; i < order.size(); ++i) {
    if (name(order[i]) != name(order[first])) {
      first = i;
      continue;
    }
    Entry& again = entries[order[i]];
    const Node::Key& original = entries[order[first]].key;
    again.usable = false;
    add_error({again.key.line, again.key.column}, "duplicate key " + quote(again.key.name)
                                                      + ": the first one is at "
                                                      + at(original.line, original.column));
  }
}

// go.yaml.in/yaml/v2 lets a merge overwrite the keys above it, which YAML's definition forbids, so
// that case is an error; a key below the merge overwrites it for both.
std::vector<TreeBuilder::Entry> TreeBuilder::expand_merges(std::vector<Entry> entries) {
  std::vector<Entry> expanded;
  std::unordered_map<std::string, std::size_t> index; // of names in `expanded`
  const auto merge = [&](const Node& source, const Node::Key& merge_key) {
    for (std::size_t i = 0; i < source.size(); ++i) {
      const Node::Key& key = source.keys()[i];
      const auto [found, is_new] = index.try_emplace(key.name, expanded.size());
      if (is_new) {
        expanded.push_back({.key = key, .value = source.children()[i], .is_merge = true});
      } else if (!expanded[found->second].is_merge) {
        const Node::Key& original = expanded[found->second].key;
        add_error({merge_key.line, merge_key.column},
                  "the merge overwrites the key " + quote(key.name) + " from "
                      + at(original.line, original.column) + "; put \"<<\" above it");
      }
    }
  };
  for (Entry& entry : entries) {
    if (!entry.is_merge) {
      const auto [found, is_new] = index.try_emplace(entry.key.name, expanded.size());
      if (is_new) {
        expanded.push_back(std::move(entry));
      } else {
        expanded[found->second] = std::move(entry);
      }
    } else if (entry.value.is_mapping()) {
      merge(entry.value, entry.key);
    } else {
      for (const Node& source : entry.value.children()) {
        merge(source, entry.key);
      }
    }
  }
  return expanded;
}

} // namespace taskgroup
