// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/text.h>

#include <algorithm>

namespace taskgroup {
namespace {

constexpr std::string_view tasks_prefix = "tasks.";
constexpr std::string_view finally_prefix = "finally.";
constexpr std::string_view results_infix = "results.";
constexpr std::string_view group_status_name = "tasks.status";
constexpr std::string_view retry_count_name = "context.task.retry-count";

// No array is that long; the limit keeps an index from overflowing.
constexpr std::size_t max_index_digits = 9;

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
           || c == '_';
  });
}

bool is_index(std::string_view text) {
  return !text.empty() && text.size() <= max_index_digits
         && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Remove and return what stands before the first dot; all of it if there is none.
std::string_view take_part(std::string_view& text) {
  const std::size_t dot = text.find('.');
  const std::string_view part = text.substr(0, dot);
  text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  return part;
}

// Parse `<result>`, `<result>[*]`, `<result>[<index>]` or `<result>.<key>`.
std::optional<Reference> parse_result_of(std::string_view task, std::string_view text) {
  Reference reference{.kind = Reference::Kind::task_result, .task = std::string(task)};
  if (const std::size_t dot = text.find('.'); dot != std::string_view::npos) {
    reference.part = Reference::Part::key;
    reference.key = text.substr(dot + 1);
    text = text.substr(0, dot);
    if (!is_name(reference.key)) {
      return std::nullopt;
    }
  } else if (text.ends_with(']')) {
    const std::size_t bracket = text.find('[');
    if (bracket == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view inside = text.substr(bracket + 1, text.size() - bracket - 2);
    text = text.substr(0, bracket);
    if (inside == "*") {
      reference.part = Reference::Part::star;
    } else if (is_index(inside)) {
      reference.part = Reference::Part::index;
      reference.index = std::stoul(std::string(inside));
    } else {
      return std::nullopt;
    }
  }
  if (!is_name(text)) {
    return std::nullopt;
  }
  reference.result = text;
  return reference;
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
  case Kind::task_result:
    break;
  }
  const std::string whole = "tasks." + task + ".results." + result;
  switch (part) {
  case Part::whole:
    return whole;
  case Part::star:
    return whole + "[*]";
  case Part::index:
    return whole + "[" + std::to_string(index) + "]";
  case Part::key:
    return whole + "." + key;
  }
  return whole;
}

std::optional<Reference> Reference::parse(std::string_view name) {
  if (name == group_status_name) {
    return Reference{.kind = Kind::group_status};
  }
  if (name == retry_count_name) {
    return Reference{.kind = Kind::retry_count};
  }
  const bool of_finally = name.starts_with(finally_prefix);
  if (!of_finally && !name.starts_with(tasks_prefix)) {
    return std::nullopt;
  }
  std::string_view rest = name.substr(of_finally ? finally_prefix.size() : tasks_prefix.size());
  const std::string_view task = take_part(rest);
  if (!is_name(task)) {
    return std::nullopt;
  }
  if (rest.starts_with(results_infix)) {
    return parse_result_of(task, rest.substr(results_infix.size()));
  }
  if (rest == "status" && !of_finally) {
    return Reference{.kind = Kind::task_status, .task = std::string(task)};
  }
  if (rest == "reason" && !of_finally) {
    return Reference{.kind = Kind::task_reason, .task = std::string(task)};
  }
  return std::nullopt;
}

} // namespace taskgroup
