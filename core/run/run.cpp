// SPDX-License-Identifier: Apache-2.0
#include "core/run/run.h"

#include <algorithm>

namespace taskgroup {

Run::Run(const Plan& the_plan) : plan(the_plan), tasks(the_plan.tasks.size()) {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].steps.resize(container_count(plan.tasks[i]));
    for (std::size_t step = 0; step < tasks[i].steps.size(); ++step) {
      tasks[i].steps[step].running = is_from_start(plan.tasks[i], step);
    }
    index.emplace(plan.tasks[i].name, i);
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

} // namespace taskgroup
