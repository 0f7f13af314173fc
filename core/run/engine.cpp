// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/engine.h>

#include "core/run/decision.h"
#include "core/run/engine_state.h"
#include "core/run/outcome.h"
#include "core/run/reasons.h"

#include <algorithm>

namespace taskgroup {

Engine::Engine(const Plan& plan) : m_state(std::make_unique<State>(plan)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

std::vector<Action> Engine::handle(const Event& event, Millis now) {
  State& state = *m_state;
  state.actions.clear();
  state.now = std::max(state.now, now);
  for (auto next = state.earliest(); next && next->at <= state.now; next = state.earliest()) {
    state.pass(*next);
    state.settle();
  }
  if (!state.finished) {
    std::visit([&state](const auto& happened) { state.take(happened); }, event);
    state.settle();
  }
  return std::move(state.actions);
}

std::optional<Millis> Engine::next_deadline() const {
  const auto next = m_state->earliest();
  return next ? std::optional(next->at) : std::nullopt;
}

std::vector<StepId> Engine::wanted(std::size_t ahead) {
  std::vector<StepId> steps;
  for (std::size_t i = 0; i < m_state->run.tasks.size(); ++i) {
    TaskRun& task = m_state->run.tasks[i];
    if (m_state->run.is_done(i)) {
      continue;
    }
    if (task.outcome.state == TaskState::pending) {
      if (ahead == 0) {
        continue;
      }
      --ahead;
    }
    for (std::size_t step = 0; !task.named && step < task.steps.size(); ++step) {
      steps.push_back({i, step});
    }
    task.named = true;
  }
  return steps;
}

bool Engine::finished() const { return m_state->finished; }

// --- Events ---

void Engine::State::take(const event::Begin& /*event*/) {
  if (began) {
    return;
  }
  began = true;
  began_at = now;
  write(record::GroupBegan{});
  if (cancelled_early) {
    take(*cancelled_early);
  }
}

void Engine::State::take(const event::StepStarted& event) {
  if (with_sidecar(event.id, event.attempt) != nullptr) {
    write(record::SidecarChanged{.task = event.id.task,
                                 .sidecar = event.id.step - plan_of(event.id.task).steps.size(),
                                 .attempt = event.attempt});
    return;
  }
  TaskRun* task = current(event.id, event.attempt);
  if (task == nullptr || task->started) {
    return;
  }
  task->started = true;
  write(
      record::StepChanged{.task = event.id.task, .step = event.id.step, .attempt = event.attempt});
  if (task->step_timeout && task->stop == Stop::none) {
    task->step_deadline = now + *task->step_timeout;
  }
}

void Engine::State::take(const event::StepExited& event) {
  if (with_sidecar(event.id, event.attempt) != nullptr) {
    sidecar_exited(event);
    return;
  }
  TaskRun* task = current(event.id, event.attempt);
  if (task == nullptr) {
    return;
  }
  for (const auto& [name, content] : event.results) {
    task->files.insert_or_assign(name, content);
  }
  if (!event.step_results.empty()) {
    task->step_files.insert_or_assign(step_of(event.id.task).name, event.step_results);
  }
  const std::size_t index = event.id.task;
  const std::string step = "\"step-" + step_of(index).name + "\"";
  switch (task->stop) {
  case Stop::none:
    break;
  case Stop::step_timeout:
    end_step(index, event.exit_code, step_reason::timed_out, "");
    fail_step(index, task_reason::step_failed,
              step + " exited because the step exceeded the specified timeout limit");
    return;
  case Stop::task_timeout:
    end_step(index, event.exit_code, step_reason::timed_out, "");
    fail_attempt(index, task_reason::timed_out, timeout_message(index));
    return;
  case Stop::run_timeout:
  case Stop::cancelled:
    end_step(index, event.exit_code, step_reason::cancelled, "");
    end_task(index, TaskState::cancelled, task_reason::cancelled, "");
    return;
  }
  if (!event.start_error.empty()) {
    end_step(index, event.exit_code, step_reason::error, event.start_error);
    fail_step(index, task_reason::step_failed, step + " failed: " + event.start_error);
    return;
  }
  if (event.exit_code != 0 && event.out_of_memory) { // whatever its onError, as in stock
    end_step(index, event.exit_code, step_reason::out_of_memory, "");
    fail_step(index, task_reason::step_out_of_memory,
              step + " exited with code " + std::to_string(event.exit_code) + ": "
                  + std::string(step_reason::out_of_memory));
    return;
  }
  if (event.exit_code != 0 && (!task->carries_on || event.marked_failed)) {
    end_step(index, event.exit_code, step_reason::error, "");
    fail_step(index, task_reason::step_failed,
              step + " exited with code " + std::to_string(event.exit_code));
    return;
  }
  end_step(index, event.exit_code,
           task->skipping         ? step_reason::skipped
           : event.exit_code == 0 ? step_reason::completed
                                  : step_reason::continued,
           "");
  if (event.id.step + 1 < plan_of(index).steps.size()) {
    start_step(index, event.id.step + 1);
  } else {
    complete_steps(index);
  }
}

void Engine::State::take(const event::StepReset& event) {
  if (!exists(event.id)) {
    return;
  }
  TaskRun& task = run.tasks[event.id.task];
  if (!task.resetting || event.attempt != task.attempt + 1) {
    return;
  }
  if (!event.error.empty()) {
    end_task(event.id.task, TaskState::failed, std::string(task.outcome.reason),
             task.outcome.message + "; the next attempt could not be prepared: " + event.error);
    return;
  }
  task.steps[event.id.step].reset = true;
  if (std::all_of(task.steps.begin(), task.steps.end(),
                  [](const StepRun& step) { return step.reset; })) {
    begin_attempt(event.id.task, event.attempt);
  }
}

void Engine::State::take(const event::ContainerLost& event) {
  if (!exists(event.id) || run.is_done(event.id.task)) {
    return;
  }
  TaskRun& task = run.tasks[event.id.task];
  StepRun& container = task.steps[event.id.step];
  container.lost = true;
  container.running = false;
  if (task.ending) { // its steps are done: there is nothing to lose but another attempt
    task.ending->may_retry = false;
    go_on_if_gone(event.id.task);
    return;
  }
  if (task.outcome.state == TaskState::pending) {
    if (!task.loss) {
      task.loss = TaskRun::Loss{event.reason, event.message};
    }
    return;
  }
  if (is_sidecar(event.id)) {
    write(record::SidecarChanged{.task = event.id.task,
                                 .sidecar = event.id.step - plan_of(event.id.task).steps.size(),
                                 .attempt = task.attempt,
                                 .ended = true,
                                 .exit_code = -1,
                                 .termination_reason = event.reason,
                                 .message = event.message});
  }
  if (!task.resetting) {
    if (event.id.step == task.step) {
      end_step(event.id.task, -1, event.reason, event.message);
    } else {
      if (task.stop == Stop::none && !task.waiting) {
        act(action::StopStep{id(event.id.task), task.attempt});
      }
      end_step(event.id.task, -1, step_reason::cancelled, "");
    }
  }
  end_task(event.id.task, TaskState::failed, event.reason, event.message);
}

void Engine::State::take(const event::Cancel& event) {
  if (!began) {
    if (!cancelled_early || !event.finally) {
      cancelled_early = event;
    }
    return;
  }
  if (event.finally ? run.cancelled : run.finally_cancelled) {
    return;
  }
  run.cancelled = true;
  write(record::GroupStopping{std::string(group_reason::cancelled), event.message});
  stop_all(false, Stop::cancelled);
  if (!event.finally) {
    run.finally_cancelled = true;
    stop_all(true, Stop::cancelled);
  }
}

// --- What follows ---

void Engine::State::settle() {
  if (!began || finished) {
    return;
  }
  while (settle_pending() || begin_finally() || start_ready()) {
  }
  if (run.all_done(false) && run.all_done(true)) {
    finish();
  }
}

bool Engine::State::settle_pending() {
  bool changed = false;
  ready.clear();
  for (std::size_t i = 0; i < run.tasks.size(); ++i) {
    if (run.tasks[i].outcome.state != TaskState::pending) {
      continue;
    }
    Decision decision = with_matrix(i, decide(run, i));
    switch (decision.kind) {
    case Decision::Kind::wait:
      break;
    case Decision::Kind::start:
      ready.push_back(i);
      break;
    case Decision::Kind::skip:
      end_task(i, TaskState::skipped, decision.reason, "");
      changed = true;
      break;
    case Decision::Kind::leave_out:
      leave_out(i);
      changed = true;
      break;
    case Decision::Kind::fail:
      end_task(i, TaskState::failed, decision.reason, std::move(decision.message));
      changed = true;
      break;
    }
  }
  return changed;
}

bool Engine::State::begin_finally() {
  if (run.finally_began || !run.all_done(false)) {
    return false;
  }
  run.finally_began = true;
  finally_began_at = now;
  if (!run.all_done(true)) {
    write(record::FinallyBegan{});
  }
  return true;
}

bool Engine::State::start_ready() {
  int running = run.running();
  for (const std::size_t task : ready) {
    if (run.plan.max_parallel > 0 && running >= run.plan.max_parallel) {
      break;
    }
    if (!start_task(task)) {
      return true;
    }
    ++running;
  }
  return false;
}

void Engine::State::finish() {
  finished = true;
  Outcome outcome = outcome_of(run);
  write(record::GroupEnded{outcome});
  act(action::Finish{std::move(outcome)});
}

TaskRun* Engine::State::current(const StepId& id, int attempt) {
  if (!exists(id)) {
    return nullptr;
  }
  TaskRun& task = run.tasks[id.task];
  const bool is_current = task.outcome.state == TaskState::running && !task.resetting
                          && !task.waiting && !task.ending && task.attempt == attempt
                          && task.step == id.step;
  return is_current ? &task : nullptr;
}

bool Engine::State::exists(const StepId& id) const {
  return id.task < run.tasks.size() && id.step < run.tasks[id.task].steps.size();
}

} // namespace taskgroup
