// SPDX-License-Identifier: Apache-2.0
#include "core/run/engine_state.h"
#include "core/run/reasons.h"

#include <algorithm>
#include <utility>

namespace taskgroup {

void Engine::State::start_sidecars(std::size_t task) {
  TaskRun& it = run.tasks[task];
  const PlanTask& plan = plan_of(task);
  it.step = 0;
  it.started = false;
  it.waiting = true;
  bool any_stays = false;
  for (std::size_t step = plan.steps.size(); step < container_count(plan); ++step) {
    any_stays = any_stays || is_from_start(plan, step);
  }
  if (!any_stays) {
    it.sidecar_failure.reset(); // what started with the pod is not started anew
  }
  for (std::size_t step = plan.steps.size(); step < container_count(plan); ++step) {
    if (is_from_start(plan, step)) {
      continue;
    }
    if (std::string problem = start_container({task, step}); !problem.empty()) {
      end_step(task, -1, step_reason::skipped, "");
      end_task(task, TaskState::failed, task_reason::validation_failed, std::move(problem));
      return;
    }
    it.steps[step].running = true;
    it.steps[step].ready = false;
  }
  begin_steps_if_ready(task);
}

void Engine::State::begin_steps_if_ready(std::size_t task) {
  TaskRun& it = run.tasks[task];
  const auto first = it.steps.begin() + static_cast<std::ptrdiff_t>(plan_of(task).steps.size());
  if (it.waiting && std::all_of(first, it.steps.end(), [](const StepRun& sidecar) {
        return sidecar.ready || !sidecar.running; // one that has ended is not waited for
      })) {
    it.waiting = false;
    start_step(task, 0);
  }
}

TaskRun* Engine::State::with_sidecar(const StepId& id, int attempt) {
  if (!exists(id) || !is_sidecar(id)) {
    return nullptr;
  }
  TaskRun& task = run.tasks[id.task];
  const bool is_current = is_from_start(plan_of(id.task), id.step) || task.attempt == attempt;
  return task.steps[id.step].running && is_current && !run.is_done(id.task) ? &task : nullptr;
}

void Engine::State::take(const event::SidecarReady& event) {
  if (TaskRun* task = with_sidecar(event.id, event.attempt)) {
    task->steps[event.id.step].ready = true;
    begin_steps_if_ready(event.id.task);
  }
}

void Engine::State::sidecar_exited(const event::StepExited& event) {
  TaskRun& it = run.tasks[event.id.task];
  const PlanTask& plan = plan_of(event.id.task);
  it.steps[event.id.step].running = false;
  const bool failed = event.exit_code != 0 || !event.start_error.empty();
  const bool out_of_memory = event.exit_code != 0 && event.out_of_memory;
  const std::string_view reason = it.ending       ? step_reason::stopped
                                  : out_of_memory ? step_reason::out_of_memory
                                  : failed        ? step_reason::error
                                                  : step_reason::completed;
  write(record::SidecarChanged{.task = event.id.task,
                               .sidecar = event.id.step - plan.steps.size(),
                               .attempt = event.attempt,
                               .ended = true,
                               .exit_code = event.exit_code,
                               .termination_reason = std::string(reason),
                               .message = event.start_error});
  if (it.ending) {
    go_on_if_gone(event.id.task);
    return;
  }
  if (failed && (!it.sidecar_failure || out_of_memory)) {
    it.sidecar_failure =
        TaskRun::Loss{std::string(out_of_memory ? task_reason::sidecar_out_of_memory
                                                : task_reason::sidecar_failed),
                      "\"sidecar-" + container_at(plan, event.id.step).name + "\" exited with code "
                          + std::to_string(event.exit_code) + ": "
                          + (event.start_error.empty() ? std::string(reason) : event.start_error)};
  }
  begin_steps_if_ready(event.id.task);
}

const TaskRun::Loss* Engine::State::dead_sidecar(std::size_t task, std::string_view reason) const {
  const std::optional<TaskRun::Loss>& failure = run.tasks[task].sidecar_failure;
  const bool outweighs = failure
                         && (reason != task_reason::step_out_of_memory
                             || failure->reason == task_reason::sidecar_out_of_memory);
  return outweighs ? &*failure : nullptr;
}

void Engine::State::stop_waiting(std::size_t task) {
  TaskRun& it = run.tasks[task];
  it.waiting = false;
  if (it.stop == Stop::task_timeout) {
    end_step(task, -1, step_reason::timed_out, "");
    fail_attempt(task, task_reason::timed_out,
                 timeout_message(task) + ", in which its sidecars did not become ready");
  } else {
    end_step(task, -1, step_reason::cancelled, "");
    end_task(task, TaskState::cancelled, task_reason::cancelled, "");
  }
}

bool Engine::State::hold(std::size_t task, TaskRun::Ending ending) {
  TaskRun& it = run.tasks[task];
  if (it.ending) {
    return true;
  }
  it.waiting = false;
  bool any = false;
  for (std::size_t step = plan_of(task).steps.size(); step < it.steps.size(); ++step) {
    if (it.steps[step].running && !is_from_start(plan_of(task), step)) {
      act(action::StopStep{{task, step}, it.attempt});
      any = true;
    }
  }
  if (any) {
    it.ending = std::move(ending);
    it.deadline.reset();
    it.step_deadline.reset();
  }
  return any;
}

void Engine::State::go_on_if_gone(std::size_t task) {
  TaskRun& it = run.tasks[task];
  for (std::size_t step = 0; step < it.steps.size(); ++step) {
    if (it.steps[step].running && !is_from_start(plan_of(task), step)) {
      return;
    }
  }
  TaskRun::Ending ending = *std::exchange(it.ending, std::nullopt);
  if (ending.may_retry) {
    fail_attempt(task, ending.reason, std::move(ending.message));
  } else {
    end_task(task, ending.state, ending.reason, std::move(ending.message));
  }
}

} // namespace taskgroup
