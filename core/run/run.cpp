// SPDX-License-Identifier: Apache-2.0
#include "core/run/run.h"

#include <algorithm>

namespace taskgroup {

Run::Run(const Plan& the_plan)
    : plan(the_plan), tasks(the_plan.tasks.size()), matrices(the_plan.matrices.size()) {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].steps.resize(container_count(plan.tasks[i]));
    for (std::size_t step = 0; step < tasks[i].steps.size(); ++step) {
      tasks[i].steps[step].running = is_from_start(plan.tasks[i], step);
    }
  }
  for (const AuthorTask& task : author_tasks()) {
    m_by_name.emplace(author_name(plan, task.first), task);
  }
}

bool Run::is_done(std::size_t task) const {
  const TaskState state = tasks[task].outcome.state;
  return state != TaskState::pending && state != TaskState::running;
}

bool Run::all_done(bool of_finally) const {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (plan.tasks[i].is_finally == of_finally && !is_done(i)) {
      return false;
    }
  }
  return true;
}

int Run::running() const {
  return static_cast<int>(std::count_if(tasks.begin(), tasks.end(), [](const TaskRun& task) {
    return task.outcome.state == TaskState::running;
  }));
}

AuthorTask Run::find(std::string_view name) const {
  const auto found = m_by_name.find(name);
  return found == m_by_name.end() ? AuthorTask{} : found->second;
}

std::vector<AuthorTask> Run::author_tasks() const {
  std::vector<AuthorTask> result;
  for (std::size_t i = 0; i < tasks.size(); i += result.back().count) {
    const PlanMatrix* matrix = matrix_of(plan, i);
    result.push_back(
        {.first = i, .count = matrix != nullptr ? matrix->count : 1, .matrix = matrix});
  }
  return result;
}

TaskOutcome Run::outcome_of(const AuthorTask& task) const {
  const auto has = [&](TaskState state) {
    for (std::size_t i = task.first; i < task.first + task.count; ++i) {
      if (tasks[i].outcome.state == state && !tasks[i].absent) {
        return true;
      }
    }
    return false;
  };
  TaskOutcome result;
  for (const TaskState state : {TaskState::running, TaskState::pending, TaskState::cancelled,
                                TaskState::failed, TaskState::skipped, TaskState::succeeded}) {
    if (has(state)) {
      result.state = state;
      break;
    }
  }
  for (std::size_t i = task.first; i < task.first + task.count; ++i) {
    const TaskOutcome& outcome = tasks[i].outcome;
    if (tasks[i].absent) {
      continue;
    }
    if (result.reason.empty() || outcome.state != TaskState::succeeded) {
      result.reason = outcome.reason;
      result.message = outcome.message;
    }
    if (outcome.state != TaskState::succeeded) {
      break;
    }
  }
  return result;
}

const PlanMatrix* matrix_of(const Plan& plan, std::size_t task) {
  const auto found =
      std::find_if(plan.matrices.begin(), plan.matrices.end(), [task](const PlanMatrix& matrix) {
        return matrix.first <= task && task < matrix.first + matrix.count;
      });
  return found == plan.matrices.end() ? nullptr : &*found;
}

bool is_provisional(const Plan& plan, std::size_t task) {
  const PlanMatrix* matrix = matrix_of(plan, task);
  return matrix != nullptr && matrix->is_late() && task != matrix->first;
}

const std::string& author_name(const Plan& plan, std::size_t task) {
  const PlanMatrix* matrix = matrix_of(plan, task);
  return matrix != nullptr ? matrix->task : plan.tasks[task].name;
}

} // namespace taskgroup
