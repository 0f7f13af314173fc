// SPDX-License-Identifier: Apache-2.0
#include "core/run/late_values.h"

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
    if (outcome.state == TaskState::skipped) {
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
    return keep(reference, std::to_string(m_attempt));
  }
  const auto task = m_run.index.find(reference.task);
  if (task == m_run.index.end()) {
    return nullptr;
  }
  const TaskOutcome& outcome = m_run.tasks[task->second].outcome;
  if (reference.kind == Reference::Kind::task_status) {
    return keep(reference, std::string(status_text(outcome)));
  }
  if (reference.kind == Reference::Kind::task_reason) {
    return keep(reference, std::string(reason_text(outcome)));
  }
  const auto result = outcome.results.find(reference.result);
  return result == outcome.results.end() ? nullptr : &result->second;
}

Lookup LateValues::lookup() {
  return [this](const Reference& reference) { return find(reference); };
}

const Value* LateValues::keep(const Reference& reference, std::string text) {
  return &m_kept.insert_or_assign(reference.name(), Value(std::move(text))).first->second;
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
