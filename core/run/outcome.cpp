// SPDX-License-Identifier: Apache-2.0
#include "core/run/outcome.h"

#include "core/run/late_values.h"
#include "core/run/policy.h"
#include "core/run/reasons.h"

#include <algorithm>

namespace taskgroup {
namespace {

// Upstream cuts the list of validation errors there.
constexpr std::size_t max_validation_text = 1024;

struct Counts {
  int succeeded = 0;
  int failed = 0;
  int ignored = 0; // failed, but its onError says to go on
  int cancelled = 0;
  int skipped = 0;
  int skipped_by_time = 0; // of the skipped ones
  int invalid = 0;         // could not start for lack of results
  std::map<std::string, std::string> invalid_messages;
};

bool is_invalid(const TaskOutcome& outcome) {
  return outcome.state == TaskState::failed && outcome.reason == task_reason::invalid_reference;
}

bool is_time_reason(std::string_view reason) {
  return reason == skip_reason::run_timed_out || reason == skip_reason::tasks_timed_out
         || reason == skip_reason::finally_timed_out;
}

bool stopped_by_time(const Run& run, const AuthorTask& task) {
  const auto first = run.tasks.begin() + static_cast<std::ptrdiff_t>(task.first);
  return std::any_of(first, first + static_cast<std::ptrdiff_t>(task.count),
                     [](const TaskRun& it) { return it.stop == Stop::run_timeout; });
}

Counts count(const Run& run) {
  Counts counts;
  LateValues values(run);
  for (const AuthorTask& task : run.author_tasks()) {
    const PlanTask& plan = run.plan.tasks[task.first];
    const TaskOutcome outcome = run.outcome_of(task);
    switch (outcome.state) {
    case TaskState::succeeded:
      ++counts.succeeded;
      break;
    case TaskState::cancelled:
      // One stopped by the run's own time limits counts as failed.
      ++(stopped_by_time(run, task) ? counts.failed : counts.cancelled);
      break;
    case TaskState::failed:
      if (is_invalid(outcome)) {
        ++counts.invalid;
        counts.invalid_messages.emplace(author_name(run.plan, task.first), outcome.message);
      } else {
        ++(carries_on(plan, values.lookup()) ? counts.ignored : counts.failed);
      }
      break;
    case TaskState::skipped:
      ++counts.skipped;
      counts.skipped_by_time += is_time_reason(outcome.reason) ? 1 : 0;
      break;
    case TaskState::pending:
    case TaskState::running:
      break;
    }
  }
  return counts;
}

std::string count_text(const Counts& counts) {
  const int failed = counts.failed + counts.ignored;
  std::string text =
      "Tasks Completed: " + std::to_string(counts.succeeded + failed + counts.cancelled)
      + " (Failed: " + std::to_string(failed);
  if (counts.ignored > 0) {
    text += " (Ignored: " + std::to_string(counts.ignored) + ")";
  }
  text += ", Cancelled " + std::to_string(counts.cancelled)
          + "), Skipped: " + std::to_string(counts.skipped);
  if (counts.invalid > 0) {
    std::string messages;
    for (const auto& [task, message] : counts.invalid_messages) {
      messages += (messages.empty() ? "" : "; ") + message;
    }
    if (messages.size() > max_validation_text) {
      messages = messages.substr(0, max_validation_text) + "...";
    }
    text += ", Failed Validation: " + std::to_string(counts.invalid) + " (" + messages + ")";
  }
  return text;
}

// Makes the group's results from those of its tasks.
class GroupResults {
public:
  explicit GroupResults(const Run& run) : m_run(run), m_values(run) {
    for (const PlanGroupResult& result : run.plan.results) {
      add(result);
    }
  }

  std::map<std::string, Value> made;
  std::string invalid; // names of those that should be there and cannot be made

private:
  enum class Found { yes, no, wrong };

  // A result that is missing because its task did not succeed is nobody's mistake.
  Found look_for(const Reference& reference) {
    if (const Value* whole = m_values.find(reference)) {
      return has_part(*whole, reference) ? Found::yes : Found::wrong;
    }
    const AuthorTask task = m_run.find(reference.task);
    const bool excused = task.count != 0 && m_run.outcome_of(task).state != TaskState::succeeded;
    return excused ? Found::no : Found::wrong;
  }

  void add(const PlanGroupResult& result) {
    Found found = Found::yes;
    for (const Text& text : result.values) {
      text.for_each_reference(
          [&](const Reference& reference) { found = std::max(found, look_for(reference)); });
    }
    std::optional<Value> value;
    if (found == Found::yes) {
      value = make(result);
      found = value ? Found::yes : Found::wrong;
    }
    if (found == Found::wrong) {
      invalid += (invalid.empty() ? "" : " ") + result.name;
    } else if (value) {
      made.emplace(result.name, std::move(*value));
    }
  }

  std::optional<Value> make(const PlanGroupResult& result) {
    switch (result.type) {
    case ValueType::string:
      return make_string(result.values.front());
    case ValueType::array:
      return make_array(result.values);
    case ValueType::object:
      break;
    }
    Value::Object fields;
    for (std::size_t i = 0; i < result.values.size(); ++i) {
      auto text = result.values[i].resolve(m_values.lookup());
      if (!text) {
        return std::nullopt;
      }
      fields.emplace(result.keys[i], std::move(*text));
    }
    return Value(std::move(fields));
  }

  // A single reference to a whole array or object becomes that type.
  std::optional<Value> make_string(const Text& text) {
    if (const Reference* reference = text.sole_reference();
        reference != nullptr
        && (reference->part == Reference::Part::whole
            || reference->part == Reference::Part::star)) {
      return *m_values.find(*reference);
    }
    auto resolved = text.resolve(m_values.lookup());
    return resolved ? std::optional<Value>(std::move(*resolved)) : std::nullopt;
  }

  std::optional<Value> make_array(const std::vector<Text>& values) {
    Value::Array items;
    for (const Text& value : values) {
      auto more = value.resolve_items(m_values.lookup());
      if (!more) {
        return std::nullopt;
      }
      items.insert(items.end(), more->begin(), more->end());
    }
    return Value(std::move(items));
  }

  const Run& m_run;
  LateValues m_values;
};

} // namespace

Outcome outcome_of(const Run& run) {
  Outcome outcome;
  for (const TaskRun& task : run.tasks) {
    outcome.tasks.push_back(task.outcome);
  }
  const Counts counts = count(run);
  GroupResults results(run);
  outcome.group_results = std::move(results.made);
  outcome.message = count_text(counts);

  const auto end = [&outcome](GroupState state, std::string_view reason) {
    outcome.state = state;
    outcome.reason = reason;
  };
  if (run.cancelled) {
    end(GroupState::cancelled, group_reason::cancelled);
  } else if (run.timed_out) {
    end(GroupState::failed, group_reason::timed_out);
  } else if (!results.invalid.empty()) {
    end(GroupState::failed, group_reason::no_result);
    outcome.message = "Failed to get PipelineResult from TaskRun Results for PipelineRun "
                      + run.plan.group + ": invalid pipelineresults [" + results.invalid
                      + "], the referenced results don't exist";
  } else if (counts.invalid > 0) {
    end(GroupState::failed, group_reason::validation_failed);
  } else if (counts.failed + counts.cancelled + counts.skipped_by_time > 0) {
    end(GroupState::failed, group_reason::failed);
  } else if (counts.skipped > 0) {
    end(GroupState::succeeded, group_reason::completed);
  } else {
    end(GroupState::succeeded, group_reason::succeeded);
  }
  return outcome;
}

} // namespace taskgroup
