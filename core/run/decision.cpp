// SPDX-License-Identifier: Apache-2.0
#include "core/run/decision.h"

#include "core/run/late_values.h"
#include "core/run/policy.h"
#include "core/run/reasons.h"
#include "core/run/when.h"

#include <algorithm>

namespace taskgroup {
namespace {

Decision skip(std::string_view reason) {
  return {.kind = Decision::Kind::skip, .reason = std::string(reason)};
}

bool was_skipped(const TaskRun& task) {
  return task.outcome.state == TaskState::skipped && !task.absent;
}

bool was_skipped_by_when(const TaskRun& task) {
  return was_skipped(task) && task.outcome.reason == skip_reason::when;
}

// Return the first result that the task needs and that is not there.
const Reference* first_missing(const std::vector<Reference>& needs, LateValues& values) {
  const auto missing = std::find_if(needs.begin(), needs.end(), [&values](const Reference& need) {
    if (need.kind != Reference::Kind::task_result) {
      return false;
    }
    const Value* whole = values.find(need);
    return whole == nullptr || !has_part(*whole, need);
  });
  return missing == needs.end() ? nullptr : &*missing;
}

// Return the first result that a matrix has, but not its first instance: as in stock
// (CheckMissingResultReferences) the others' do not help a DAG task.
const Reference* missing_in_first(const Run& run, const std::vector<Reference>& needs) {
  const auto missing = std::find_if(needs.begin(), needs.end(), [&run](const Reference& need) {
    const AuthorTask producer = run.find(need.task);
    return need.kind == Reference::Kind::task_result && producer.matrix != nullptr
           && !run.tasks[producer.first].outcome.results.contains(need.result);
  });
  return missing == needs.end() ? nullptr : &*missing;
}

std::string missing_message(const Run& run, const Reference& need, LateValues& values,
                            const std::string& consumer) {
  const std::string referenced = ", which is referenced by task \"" + consumer + "\"";
  const Value* whole = values.find(need);
  if (whole != nullptr && !has_part(*whole, need)) {
    return Text(need).resolve(values.lookup()).error().message + referenced;
  }
  const AuthorTask producer = run.find(need.task);
  if (producer.count != 0 && run.outcome_of(producer).state == TaskState::succeeded) {
    return "task \"" + need.task + "\" completed successfully but did not emit the result \""
           + need.result + "\"" + referenced;
  }
  return "Invalid task result reference: Could not find result with name " + need.result
         + " for pipeline task " + need.task;
}

Decision decide_dag_task(const Run& run, const PlanTask& plan) {
  if (run.stopping) {
    return skip(skip_reason::stopping);
  }
  if (run.cancelled) {
    return skip(skip_reason::cancelled);
  }
  if (!std::all_of(plan.after.begin(), plan.after.end(),
                   [&run](std::size_t i) { return run.is_done(i); })) {
    return {};
  }
  LateValues values(run);
  if (when_allows(plan.when, values.lookup()) == false) {
    return skip(skip_reason::when);
  }
  if (std::any_of(plan.after.begin(), plan.after.end(), [&run](std::size_t i) {
        return was_skipped(run.tasks[i]) && !was_skipped_by_when(run.tasks[i]);
      })) {
    return skip(skip_reason::parent);
  }
  const Reference* missing = first_missing(plan.needs, values);
  if (missing == nullptr) {
    missing = missing_in_first(run, plan.needs);
  }
  if (missing != nullptr) {
    const AuthorTask producer = run.find(missing->task);
    if (carries_on(plan, values.lookup())
        || (producer.count != 0 && was_skipped_by_when(run.tasks[producer.first]))) {
      return skip(skip_reason::missing_results);
    }
  }
  if (!run.dag_time_up.empty()) {
    return skip(run.dag_time_up);
  }
  if (missing != nullptr) {
    return {.kind = Decision::Kind::fail,
            .reason = std::string(task_reason::invalid_reference),
            .message = missing_message(run, *missing, values, plan.name)};
  }
  if (!std::all_of(plan.ordered_after.begin(), plan.ordered_after.end(),
                   [&run](std::size_t i) { return run.is_done(i); })) {
    return {};
  }
  return {.kind = Decision::Kind::start};
}

Decision decide_finally_task(const Run& run, const PlanTask& plan) {
  if (run.finally_cancelled) {
    return skip(skip_reason::stopping);
  }
  if (!run.finally_began) {
    return {};
  }
  LateValues values(run);
  if (first_missing(plan.needs, values) != nullptr) {
    return skip(skip_reason::missing_results);
  }
  const std::optional<bool> allows = when_allows(plan.when, values.lookup());
  if (!allows) {
    return skip(skip_reason::missing_results);
  }
  if (!*allows) {
    return skip(skip_reason::when);
  }
  if (!run.finally_time_up.empty()) {
    return skip(run.finally_time_up);
  }
  return {.kind = Decision::Kind::start};
}

} // namespace

Decision decide(const Run& run, std::size_t task) {
  const PlanTask& plan = run.plan.tasks[task];
  return plan.is_finally ? decide_finally_task(run, plan) : decide_dag_task(run, plan);
}

} // namespace taskgroup
