// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/where.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// A node of a YAML or JSON document, typed as Kubernetes types it, with its position in the file.
// Immutable; copies share the tree and are cheap. Const methods may be called from any thread.
class Node {
public:
  enum class Kind { null, boolean, integer, floating, string, sequence, mapping };

  // The key of a mapping, as a string: sigs.k8s.io/yaml turns `1:` into "1" and `on:` into "true".
  struct Key {
    std::string name;
    int line = 0;
    int column = 0;
  };

  // Make a null without a position.
  Node();

  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_sequence() const { return kind() == Kind::sequence; }
  bool is_mapping() const { return kind() == Kind::mapping; }
  bool is_scalar() const { return !is_sequence() && !is_mapping(); }

  // Return the position of the node, with `path` as the field path.
  Where where(std::string path = {}) const;

  // --- Scalars ---

  // Return the value of a string, and the source text of any other scalar ("0x1F", "yes", "~").
  // Empty for collections.
  const std::string& text() const;

  // Return the value of a boolean; false for every other kind.
  bool boolean() const;

  // Return the value of an integer that fits; nothing for larger ones and for every other kind.
  std::optional<std::int64_t> integer() const;

  // Return the value of an integer or floating node; nothing for every other kind.
  std::optional<double> number() const;

  // Return the JSON text of an integer or floating node, exact for any size. Undefined for other
  // kinds.
  const std::string& number_json() const;

  // --- Collections ---

  // Return the number of elements or entries; 0 for scalars.
  std::size_t size() const { return children().size(); }

  // Return the elements of a sequence or the values of a mapping, in the order of the document.
  // The span lives as long as a copy of this node does.
  std::span<const Node> children() const;

  // Return the keys of a mapping: keys()[i] belongs to children()[i]. Empty for every other kind.
  std::span<const Key> keys() const;

  // Return the value of `key`, or null when there is none or this is no mapping.
  const Node* find(std::string_view key) const;

  // Return the position of keys()[index], with `path` as the field path.
  Where key_where(std::size_t index, std::string path = {}) const;

  // --- Conversion ---

  // Return the JSON text that Go's json.Marshal gives after sigs.k8s.io/yaml has read the node:
  // keys sorted, no spaces, `<`, `>`, `&`, U+2028 and U+2029 escaped, integers in decimal, 1e3 as
  // 1000. This is the text that Tekton keeps for a param value that is not a string
  // (param_types.go).
  std::string to_json() const;

  // --- Construction (for the reader and for tests) ---

  // Make a scalar; `json` is the JSON text of a number or boolean and empty for other kinds.
  static Node scalar(Kind kind, std::string text, std::string json, const Where& where);
  static Node sequence(std::vector<Node> elements, const Where& where);

  // Make a mapping; keys are unique and as many as values.
  static Node mapping(std::vector<Key> keys, std::vector<Node> values, const Where& where);

private:
  struct Data;
  explicit Node(std::shared_ptr<const Data> data) : m_data(std::move(data)) {}

  template <typename Content>
  static Node make(Kind kind, Content content, const Where& where);

  std::shared_ptr<const Data> m_data; // never null
};

// Return the name users know the kind by: "null", "boolean", "integer", "number", "string", "list"
// or "object".
std::string_view kind_name(Node::Kind kind);

} // namespace taskgroup
