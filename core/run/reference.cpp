// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/text.h>

#include <algorithm>

namespace taskgroup {
namespace {

constexpr std::string_view tasks_prefix = "tasks.";
constexpr std::string_view finally_prefix = "finally.";
constexpr std::string_view steps_prefix = "steps.";
constexpr std::string_view results_infix = ".results";
constexpr std::string_view group_status_name = "tasks.status";
constexpr std::string_view retry_count_name = "context.task.retry-count";
constexpr std::string_view matrix_param_begin = "matrix";
constexpr std::string_view matrix_infix = ".matrix";
constexpr std::string_view length_end = ".length";

// No array is that long; the limit keeps an index from overflowing.
constexpr std::size_t max_index_digits = 9;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
         || c == '_';
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_char);
}

// Names of results and keys may have dots; they are then quoted: `results['a.b']`.
bool is_dotted_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c == '.' || is_name_char(c);
  });
}

bool is_index(std::string_view text) {
  return !text.empty() && text.size() <= max_index_digits
         && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Remove and return what stands before the first dot or bracket; all of it if there is none.
std::string_view take_plain(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of(".["), text.size());
  const std::string_view plain = text.substr(0, end);
  text.remove_prefix(end);
  return plain;
}

// Remove `[…]` from the front of a text and return its inside; empty if there is none.
std::string_view take_bracket(std::string_view& text) {
  const std::size_t end = text.find(']');
  if (!text.starts_with('[') || end == std::string_view::npos) {
    return {};
  }
  const std::string_view inside = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return inside;
}

// Return the name in `'name'` or `"name"`; empty if that is not what stands there.
std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() > 2 && text.front() == text.back()
                      && (text.front() == '\'' || text.front() == '"');
  const std::string_view name = quoted ? text.substr(1, text.size() - 2) : std::string_view();
  return is_dotted_name(name) ? name : std::string_view();
}

// Remove `.name` or `['name']` from the front of a text and return the name; empty if there is
// none.
std::string_view take_member(std::string_view& text) {
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::string_view name = take_plain(text);
    return is_name(name) ? name : std::string_view();
  }
  return unquoted(take_bracket(text));
}

std::string member(std::string_view name) {
  const std::string text(name);
  return is_name(name) ? "." + text : "['" + text + "']";
}

std::string part_text(const Reference& reference) {
  switch (reference.part) {
  case Reference::Part::whole:
    break;
  case Reference::Part::star:
    return "[*]";
  case Reference::Part::index:
    return "[" + std::to_string(reference.index) + "]";
  case Reference::Part::key:
    return member(reference.key);
  }
  return "";
}

// Parse what follows `tasks.<task>.results`: a member, then `[*]`, `[<index>]`, a member or
// nothing.
std::optional<Reference> parse_result_of(Reference::Kind kind, std::string_view task,
                                         std::string_view text) {
  Reference reference{.kind = kind, .task = std::string(task)};
  reference.result = take_member(text);
  if (reference.result.empty() || text.empty()) {
    return reference.result.empty() ? std::nullopt : std::optional(std::move(reference));
  }
  std::string_view rest = text;
  const std::string_view inside = take_bracket(rest);
  if (inside == "*") {
    reference.part = Reference::Part::star;
  } else if (is_index(inside)) {
    reference.part = Reference::Part::index;
    reference.index = std::stoul(std::string(inside));
  } else {
    rest = text;
    reference.part = Reference::Part::key;
    reference.key = take_member(rest);
    if (reference.key.empty()) {
      return std::nullopt;
    }
  }
  return rest.empty() ? std::optional(std::move(reference)) : std::nullopt;
}

// Parse what follows `tasks.<task>.matrix`: `.length`, or a result and `.length`.
std::optional<Reference> parse_length_of(std::string_view task, std::string_view text) {
  if (text == length_end) {
    return Reference{.kind = Reference::Kind::matrix_length, .task = std::string(task)};
  }
  const std::string_view result = take_member(text);
  if (result.empty() || text != length_end) {
    return std::nullopt;
  }
  return Reference{.kind = Reference::Kind::matrix_result_length,
                   .task = std::string(task),
                   .result = std::string(result)};
}

// Parse what follows `matrix`: a member.
std::optional<Reference> parse_matrix_param(std::string_view text) {
  const std::string_view name = take_member(text);
  if (name.empty() || !text.empty()) {
    return std::nullopt;
  }
  return Reference{.kind = Reference::Kind::matrix_param, .result = std::string(name)};
}

} // namespace

std::string Reference::name() const {
  switch (kind) {
  case Kind::group_status:
    return std::string(group_status_name);
  case Kind::retry_count:
    return std::string(retry_count_name);
  case Kind::task_status:
    return "tasks." + task + ".status";
  case Kind::task_reason:
    return "tasks." + task + ".reason";
  case Kind::matrix_length:
    return "tasks." + task + ".matrix.length";
  case Kind::matrix_result_length:
    return "tasks." + task + ".matrix" + member(result) + ".length";
  case Kind::matrix_param:
    return "matrix" + member(result);
  case Kind::task_result:
  case Kind::step_result:
    break;
  }
  return std::string(kind == Kind::step_result ? steps_prefix : tasks_prefix) + task + ".results"
         + member(result) + part_text(*this);
}

std::optional<Reference> Reference::parse(std::string_view name) {
  if (name == group_status_name) {
    return Reference{.kind = Kind::group_status};
  }
  if (name == retry_count_name) {
    return Reference{.kind = Kind::retry_count};
  }
  if (name.starts_with(matrix_param_begin)) {
    return parse_matrix_param(name.substr(matrix_param_begin.size()));
  }
  const bool of_finally = name.starts_with(finally_prefix);
  const bool of_step = name.starts_with(steps_prefix);
  if (!of_finally && !of_step && !name.starts_with(tasks_prefix)) {
    return std::nullopt;
  }
  std::string_view rest = name.substr(name.find('.') + 1);
  const std::string_view task = take_plain(rest);
  if (!is_name(task)) {
    return std::nullopt;
  }
  if (rest.starts_with(results_infix)) {
    return parse_result_of(of_step ? Reference::Kind::step_result : Reference::Kind::task_result,
                           task, rest.substr(results_infix.size()));
  }
  if (of_step) {
    return std::nullopt;
  }
  if (rest.starts_with(matrix_infix) && !of_finally) {
    return parse_length_of(task, rest.substr(matrix_infix.size()));
  }
  if (rest == ".status" && !of_finally) {
    return Reference{.kind = Kind::task_status, .task = std::string(task)};
  }
  if (rest == ".reason" && !of_finally) {
    return Reference{.kind = Kind::task_reason, .task = std::string(task)};
  }
  return std::nullopt;
}

} // namespace taskgroup
