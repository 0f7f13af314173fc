// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/value.h>

#include <tl/expected.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace taskgroup {

// A variable whose value is known only while the group runs.
//
// | kind          | variable                                        |
// | task_result   | tasks.<task>.results.<name>, `[*]`, `[i]`, `.key` |
// | task_status   | tasks.<task>.status: Succeeded, Failed, None    |
// | task_reason   | tasks.<task>.reason                             |
// | group_status  | tasks.status: Succeeded, Failed, Completed, None |
// | retry_count   | context.task.retry-count                        |
// | matrix_length | tasks.<task>.matrix.length: its instances       |
// | matrix_result_length | tasks.<task>.matrix.<result>.length: those with that result |
// | matrix_param  | matrix.<param>: an instance's own value; no variable of Tekton's |
// | step_result   | steps.<step>.results.<name>, parts as above     |
//
// A result's or key's name with dots is quoted: `results['a.b']`. `finally.<task>.results.…`, legal
// in group results only, is a task_result as well. A step_result is of an earlier step of the same
// Task (taskrun-semantics.md 3.4).
struct Reference {
  enum class Kind {
    task_result,
    task_status,
    task_reason,
    group_status,
    retry_count,
    matrix_length,
    matrix_result_length,
    matrix_param, // `result` is the param's name
    step_result
  };
  enum class Part { whole, star, index, key };

  Kind kind = Kind::task_result;
  std::string task; // of a step_result: the step
  std::string result;
  Part part = Part::whole;
  std::size_t index = 0; // with Part::index
  std::string key;       // with Part::key

  // Return the variable's name without `$(` and `)`, e.g. `tasks.build.results.digests[0]`.
  std::string name() const;

  // Parse a variable's name; return nothing if it is none of the table above. Part::whole and
  // Part::star differ in name only where a result is an array or object.
  static std::optional<Reference> parse(std::string_view name);

  friend bool operator==(const Reference&, const Reference&) = default;
};

// Find the value of a reference; nullptr if it has none (the task did not produce that result).
// For a task_result or step_result the answer is the WHOLE result; Text picks the part.
using Lookup = std::function<const Value*(const Reference&)>;

// Say why a text could not be resolved.
struct Unresolved {
  Reference reference;
  std::string message; // e.g. `task "build" did not produce the result "digest"`
};

// A text in which some references are still open: what the planner makes of a string of the user's
// after everything known at plan time has been put in. Substituted text is never scanned again
// (taskrun-semantics.md 5), which is why a Text is segments and not a string.
class Text {
public:
  using Segment = std::variant<std::string, Reference>;

  Text() = default;
  Text(std::string literal);
  Text(const char* literal) : Text(std::string(literal)) {}
  explicit Text(Reference reference);

  // Append; neighbouring literals are joined.
  void append(std::string_view literal);
  void append(const std::string& literal) { append(std::string_view(literal)); }
  void append(const char* literal) { append(std::string_view(literal)); }
  void append(const Reference& reference);
  void append(const Text& other);

  const std::vector<Segment>& segments() const { return m_segments; }

  bool empty() const { return m_segments.empty(); }
  bool is_literal() const;

  // Return the text of a literal; a programming error otherwise.
  std::string literal() const;

  // Return the single reference this text consists of, or nullptr.
  const Reference* sole_reference() const;

  // Call `visit` for each reference, in order.
  void for_each_reference(const std::function<void(const Reference&)>& visit) const;

  // Put the values in, once. An array or object in the middle of a text, an index out of bounds or
  // a missing key or value is an error. Steps' results are as in stock (3.4): one that is missing
  // stays as it is written, one of another type than the reference asks for is empty.
  tl::expected<std::string, Unresolved> resolve(const Lookup& lookup) const;

  // As resolve(), but a text that is one reference to a whole array becomes its items: how
  // `$(params.list[*])` expands as an element of command, args or `when` values.
  tl::expected<std::vector<std::string>, Unresolved> resolve_items(const Lookup& lookup) const;

  // Return the text with each reference written as a marker `@{name#nonce}`: the form in which a
  // text passes through a container's args and env, where kubelet expands `$(VAR)` (design.md 4).
  std::string to_marked(std::string_view nonce) const;

  // Read back to_marked(): only markers with this very nonce are references.
  static Text from_marked(std::string_view marked, std::string_view nonce);

  friend bool operator==(const Text&, const Text&) = default;

private:
  std::vector<Segment> m_segments;
};

} // namespace taskgroup
