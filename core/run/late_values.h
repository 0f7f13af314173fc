// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/text.h>

#include "core/run/run.h"

#include <map>
#include <string>

namespace taskgroup {

// Return `$(tasks.<t>.status)`: Succeeded, Failed (a cancelled task too) or None.
std::string_view status_text(const TaskOutcome& outcome);

// Return `$(tasks.<t>.reason)`: empty for a task that was skipped or is not done.
std::string_view reason_text(const TaskOutcome& outcome);

// Return `$(tasks.status)`: Succeeded, Failed, Completed (some were skipped) or None (not all
// done).
std::string_view group_status_text(const Run& run);

// Finds the values of references in a run. Must not outlive the run or a change of it.
class LateValues {
public:
  // Of `task`, one of the run's: results of its steps, `$(context.task.retry-count)`, which is 0
  // without one, and `$(matrix.<param>)`.
  explicit LateValues(const Run& run, const TaskRun* task = nullptr) : m_run(run), m_task(task) {}

  // Return the value, the whole result for a task_result or step_result, or nullptr.
  const Value* find(const Reference& reference);

  // Return find() as a function; it must not outlive this object.
  Lookup lookup();

private:
  const Value* find_of_step(const Reference& reference);
  const Value* find_of_instance(const Reference& reference);
  const Value* find_in_matrix(const AuthorTask& task, const Reference& reference);
  const Value* keep(const Reference& reference, Value value);

  const Run& m_run;
  const TaskRun* m_task;
  std::map<std::string, Value> m_kept; // values that the run itself does not hold
};

// Return whether `whole` has the part that `reference` picks: the index, the key, or all of it.
bool has_part(const Value& whole, const Reference& reference);

} // namespace taskgroup
