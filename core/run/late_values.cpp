// SPDX-License-Identifier: Apache-2.0
#include "core/run/late_values.h"

#include "core/run/matrix.h"

namespace taskgroup {

std::string_view status_text(const TaskOutcome& outcome) {
  switch (outcome.state) {
  case TaskState::succeeded:
    return "Succeeded";
  case TaskState::failed:
  case TaskState::cancelled:
    return "Failed";
  case TaskState::pending:
  case TaskState::running:
  case TaskState::skipped:
    break;
  }
  return "None";
}

std::string_view reason_text(const TaskOutcome& outcome) {
  return status_text(outcome) == "None" ? std::string_view() : outcome.reason;
}

std::string_view group_status_text(const Run& run) {
  if (!run.all_done(false)) {
    return "None";
  }
  std::string_view status = "Succeeded";
  for (std::size_t i = 0; i < run.tasks.size(); ++i) {
    if (run.plan.tasks[i].is_finally) {
      continue;
    }
    const TaskOutcome& outcome = run.tasks[i].outcome;
    if (status_text(outcome) == "Failed") {
      return "Failed";
    }
    if (outcome.state == TaskState::skipped && !run.tasks[i].absent) {
      status = "Completed";
    }
  }
  return status;
}

const Value* LateValues::find(const Reference& reference) {
  if (reference.kind == Reference::Kind::group_status) {
    return keep(reference, std::string(group_status_text(m_run)));
  }
  if (reference.kind == Reference::Kind::retry_count) {
    return keep(reference, std::to_string(m_task != nullptr ? m_task->attempt : 0));
  }
  if (reference.kind == Reference::Kind::step_result) {
    return find_of_step(reference);
  }
  if (reference.kind == Reference::Kind::matrix_param) {
    return find_of_instance(reference);
  }
  const AuthorTask task = m_run.find(reference.task);
  if (task.count == 0) {
    return nullptr;
  }
  if (reference.kind == Reference::Kind::task_status) {
    return keep(reference, std::string(status_text(m_run.outcome_of(task))));
  }
  if (reference.kind == Reference::Kind::task_reason) {
    return keep(reference, std::string(reason_text(m_run.outcome_of(task))));
  }
  if (task.matrix != nullptr) {
    return find_in_matrix(task, reference);
  }
  const TaskOutcome& outcome = m_run.tasks[task.first].outcome;
  const auto result = outcome.results.find(reference.result);
  return result == outcome.results.end() ? nullptr : &result->second;
}

const Value* LateValues::find_in_matrix(const AuthorTask& task, const Reference& reference) {
  if (reference.kind == Reference::Kind::matrix_length) {
    return keep(reference, std::to_string(instances_of(m_run, task)));
  }
  Value::Array items = aggregated(m_run, task, reference.result);
  if (reference.kind == Reference::Kind::matrix_result_length) {
    return keep(reference, std::to_string(items.size()));
  }
  return items.empty() ? nullptr : keep(reference, std::move(items));
}

const Value* LateValues::find_of_instance(const Reference& reference) {
  if (m_task == nullptr) {
    return nullptr;
  }
  const auto index = static_cast<std::size_t>(m_task - m_run.tasks.data());
  const std::optional<std::string> own = matrix_value(m_run, index, reference.result);
  return own ? keep(reference, *own) : nullptr;
}

const Value* LateValues::find_of_step(const Reference& reference) {
  if (m_task == nullptr) {
    return nullptr;
  }
  const auto step = m_task->step_files.find(reference.task);
  if (step == m_task->step_files.end()) {
    return nullptr;
  }
  const auto file = step->second.find(reference.result);
  return file == step->second.end() ? nullptr : keep(reference, parse_step_result(file->second));
}

Lookup LateValues::lookup() {
  return [this](const Reference& reference) { return find(reference); };
}

const Value* LateValues::keep(const Reference& reference, Value value) {
  return &m_kept.insert_or_assign(reference.name(), std::move(value)).first->second;
}

bool has_part(const Value& whole, const Reference& reference) {
  switch (reference.part) {
  case Reference::Part::whole:
  case Reference::Part::star:
    return true;
  case Reference::Part::index:
    return whole.type() == ValueType::array && reference.index < whole.items().size();
  case Reference::Part::key:
    return whole.type() == ValueType::object && whole.fields().contains(reference.key);
  }
  return false;
}

} // namespace taskgroup
