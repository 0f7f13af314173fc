// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/where.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// One finding about the user's input. The message names what was found and what to do; it has no
// position, no path and no final dot, since `format` puts those in front.
struct Diagnostic {
  enum class Severity { error, warning };

  Severity severity = Severity::error;
  Where where;
  std::string message;
};

// Return "file:line:col: error: spec.tasks[0].foo: message", leaving out the parts that are
// unknown. Control characters of the path and the message are shown as escapes.
std::string format(const Diagnostic& diagnostic);

// Return a text as one line that a terminal takes for text: its control characters are escapes.
std::string printable(std::string_view text);

// Collect findings, so that all errors of a file are reported in one run.
class Diagnostics {
public:
  void add_error(Where where, std::string message);
  void add_warning(Where where, std::string message);

  // Take over everything that `other` holds.
  void add(Diagnostics other);

  bool has_errors() const;
  bool empty() const { return m_items.empty(); }
  std::size_t size() const { return m_items.size(); }

  // Return the findings without duplicates, ordered by file, line, column, path and message.
  std::vector<Diagnostic> sorted() const;

  // Return every sorted finding, formatted, one a line, each line ended by a newline.
  std::string to_string() const;

private:
  std::vector<Diagnostic> m_items; // in the order of arrival
};

} // namespace taskgroup
