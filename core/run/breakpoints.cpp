// SPDX-License-Identifier: Apache-2.0
#include "core/run/engine_state.h"
#include "core/run/reasons.h"

#include <utility>

namespace taskgroup {

void Engine::State::take(const event::StepPaused& event) {
  TaskRun* const task = current(event.id, event.attempt);
  if (task == nullptr || task->stop != Stop::none) {
    return;
  }
  task->step_deadline.reset(); // it limits the command's own run
  write(record::StepPaused{.task = event.id.task,
                           .step = event.id.step,
                           .attempt = event.attempt,
                           .before = event.before,
                           .exit_code = event.exit_code,
                           .message = event.start_error});
}

void Engine::State::fail_step(std::size_t task, std::string_view reason, std::string message) {
  TaskRun& it = run.tasks[task];
  if (!step_of(task).pause_on_failure) {
    complete(task, reason, std::move(message));
    return;
  }
  if (!it.step_failure) {
    it.step_failure = TaskRun::Loss{std::string(reason), std::move(message)};
  }
  if (it.step + 1 < plan_of(task).steps.size()) {
    it.stop = Stop::none;
    start_step(task, it.step + 1);
  } else {
    complete_steps(task);
  }
}

void Engine::State::complete_steps(std::size_t task) {
  if (const auto failure = std::exchange(run.tasks[task].step_failure, std::nullopt)) {
    complete(task, failure->reason, failure->message);
  } else {
    complete(task, task_reason::succeeded, "All Steps have completed executing");
  }
}

} // namespace taskgroup
