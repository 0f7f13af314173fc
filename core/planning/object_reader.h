// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/catalog.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/fields.h>
#include <taskgroup/node.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// What decoding one document collects besides the object.
struct DecodeContext {
  Diagnostics& diagnostics;
  std::vector<NoEffect>& no_effect_on_host;
  std::string object; // "Task build", said with each NoEffect
  // The object lacks something that other parts refer to, such as its params: checking it as a
  // whole would only add errors that follow from the first one.
  bool incomplete = false;
  Target target = Target::host;
  std::vector<NoEffect>* refused_on_host = nullptr; // with Target::pod
  std::set<const Field*>* rows_read = nullptr; // for the tests: the rows that decoding asks for
};

// A mapping read by the field table: the constructor reports unknown, refused and mistyped fields
// and lists those without effect, so that whoever reads it meets checked values only.
class ObjectReader {
public:
  ObjectReader(const Node& node, ObjectKind kind, std::string path, ApiVersion version,
               DecodeContext& context);

  const Node& node() const { return m_node; }
  Where where() const { return m_node.where(m_path); }
  std::string path_of(std::string_view field) const;
  ObjectKind kind() const { return m_kind; }
  ApiVersion version() const { return m_version; }
  DecodeContext& context() const { return *m_context; }

  // Return the value of a field, or null where it is absent, null or faulty. Asking for a field
  // that has no row or is not to be read is a programming error.
  const Node* find(std::string_view field) const;
  bool has(std::string_view field) const { return find(field) != nullptr; }

  // Say whether a field is written, faultless or not.
  bool is_written(std::string_view field) const { return m_node.find(field) != nullptr; }

  // Say whether a refused field was reported.
  bool is_refused() const { return m_refused; }

  // Return the value of a string, duration or quantity; an empty text where it is absent.
  Located text(std::string_view field) const;

  // As text(), and report a missing or empty value: "missing; <what>".
  Located required_text(std::string_view field, std::string_view what) const;

  bool boolean(std::string_view field) const;
  int integer(std::string_view field) const;
  std::vector<Located> texts(std::string_view field) const;
  std::optional<ObjectReader> object(std::string_view field) const;
  std::vector<ObjectReader> objects(std::string_view field) const;
  std::vector<std::pair<std::string, ObjectReader>> object_map(std::string_view field) const;

  // Check an object or a list of objects that nobody decodes, with all that is in it.
  void check(std::string_view field) const;

  // Return a field of free content as it is written; nothing where it is absent or empty.
  RawValue raw(std::string_view field) const;

  // Report an error about a field, at its value if it is there.
  void error(std::string_view field, std::string message) const;

private:
  struct Entry {
    const Field* field;
    Node node;
  };

  Where key_where(std::size_t index) const;
  const Field* identify(std::size_t index) const;
  void take(std::size_t index);
  void note_read(std::string_view name) const;
  void check_all() const;

  Node m_node;
  ObjectKind m_kind;
  std::string m_path;
  ApiVersion m_version;
  DecodeContext* m_context;
  std::vector<Entry> m_entries;
  bool m_refused = false;
};

// Return what a node is, for messages: `the integer 5`, `the string "x"`, `a list`.
std::string describe(const Node& node);

} // namespace taskgroup
