// SPDX-License-Identifier: Apache-2.0
#include "core/run/engine_state.h"
#include "core/run/late_values.h"
#include "core/run/matrix.h"
#include "core/run/policy.h"
#include "core/run/reasons.h"
#include "core/run/results.h"
#include "core/run/when.h"

#include <algorithm>

namespace taskgroup {
namespace {

// Say which late param is not one of its enum's values, as upstream's ValidateEnumParam: an empty
// value passes.
std::string enum_problem(const PlanTask& task, LateValues& values) {
  for (const PlanParamCheck& check : task.checks) {
    const auto value = check.value.resolve(values.lookup());
    if (!value) {
      return value.error().message;
    }
    if (!value->empty()
        && std::find(check.allowed.begin(), check.allowed.end(), *value) == check.allowed.end()) {
      return "param `" + check.param + "` value: " + *value + " is not in the enum list";
    }
  }
  return "";
}

// Collect the late values that a step's command, args and env may need.
std::map<std::string, Value> values_for(const PlanTask& task, const PlanStep& step,
                                        const TaskRun& it, LateValues& values) {
  std::map<std::string, Value> found;
  const auto collect = [&](const Reference& reference) {
    if (const Value* value = values.find(reference)) {
      found.emplace(reference.name(), *value);
    }
  };
  collect(Reference{.kind = Reference::Kind::retry_count});
  for (const auto& [name, files] : it.step_files) {
    for (const auto& [result, content] : files) {
      collect(Reference{.kind = Reference::Kind::step_result, .task = name, .result = result});
    }
  }
  std::for_each(task.needs.begin(), task.needs.end(), collect);
  for (const Text& text : step.command) {
    text.for_each_reference(collect);
  }
  for (const Text& text : step.args) {
    text.for_each_reference(collect);
  }
  for (const PlanEnv& env : step.env) {
    env.value.for_each_reference(collect);
  }
  return found;
}

} // namespace

bool Engine::State::start_task(std::size_t task) {
  if (const auto& loss = run.tasks[task].loss) {
    end_task(task, TaskState::failed, loss->reason, loss->message);
    return false;
  }
  LateValues values(run, &run.tasks[task]);
  if (std::string problem = missing_matrix_param(run, task); !problem.empty()) {
    end_task(task, TaskState::failed, task_reason::validation_failed, std::move(problem));
    return false;
  }
  if (std::string problem = enum_problem(plan_of(task), values); !problem.empty()) {
    end_task(task, TaskState::failed, task_reason::invalid_param, std::move(problem));
    return false;
  }
  if (std::string problem = policy_problem(plan_of(task), values.lookup()); !problem.empty()) {
    end_task(task, TaskState::failed, task_reason::validation_failed, std::move(problem));
    return false;
  }
  begin_attempt(task, 0);
  return !run.is_done(task);
}

void Engine::State::begin_attempt(std::size_t task, int attempt) {
  TaskRun& it = run.tasks[task];
  it.outcome = {.state = TaskState::running, .attempts = attempt + 1};
  it.attempt = attempt;
  it.resetting = false;
  it.files.clear();
  it.step_files.clear();
  it.step_failure.reset();
  write(record::TaskChanged{.task = task, .state = TaskState::running, .attempt = attempt});
  LateValues values(run, &it);
  it.timeout = timeout_of(plan_of(task), values.lookup());
  if (it.timeout) {
    it.deadline = now + *it.timeout;
  }
  start_sidecars(task);
}

void Engine::State::start_step(std::size_t task, std::size_t step) {
  TaskRun& it = run.tasks[task];
  it.step = step;
  it.started = false;
  if (std::string problem = start_container(id(task)); !problem.empty()) {
    end_step(task, -1, step_reason::skipped, "");
    end_task(task, TaskState::failed, task_reason::validation_failed, std::move(problem));
  }
}

std::string Engine::State::start_container(const StepId& id) {
  const PlanTask& task = plan_of(id.task);
  const PlanStep& plan = container_at(task, id.step);
  TaskRun& it = run.tasks[id.task];
  const bool sidecar = is_sidecar(id);
  LateValues values(run, &it);
  action::StartStep start{.id = id, .attempt = it.attempt};
  std::string problem;
  const auto resolve = [&](const Text& text) {
    auto resolved = text.resolve(values.lookup());
    if (!resolved && problem.empty()) {
      problem = resolved.error().message;
    }
    return resolved.value_or(std::string());
  };
  const std::optional<bool> wanted = when_allows(plan.when, values.lookup());
  start.skipped = wanted == false;
  if (!start.skipped) {
    // The planner has seen to it that these resolve once everything in `needs` is there; only a
    // step's result may have fewer elements than a reference asks for.
    for (const PlanWhen& expression : plan.when) {
      resolve(expression.input);
    }
    start.working_dir = resolve(plan.working_dir);
    start.stdout_path = resolve(plan.stdout_path);
    start.stderr_path = resolve(plan.stderr_path);
    if (plan.script) {
      start.script = resolve(*plan.script);
    }
    start.values = values_for(task, plan, it, values);
    if (problem.empty()) {
      problem = policy_problem(plan, values.lookup());
    }
    if (!wanted && problem.empty()) {
      problem = "a `when` expression has no value";
    }
  }
  if (!problem.empty()) {
    return (sidecar ? "sidecar \"" : "step \"") + plan.name + "\": " + problem;
  }
  if (!sidecar) {
    it.skipping = start.skipped;
  }
  if (!sidecar && !start.skipped) {
    it.carries_on = carries_on(plan, values.lookup());
    it.step_timeout = timeout_of(plan, values.lookup());
    start.carries_on = it.carries_on;
  }
  act(std::move(start));
  return {};
}

void Engine::State::end_step(std::size_t task, int exit_code, std::string_view reason,
                             std::string message) {
  TaskRun& it = run.tasks[task];
  it.step_deadline.reset();
  write(record::StepChanged{.task = task,
                            .step = it.step,
                            .attempt = it.attempt,
                            .ended = true,
                            .exit_code = exit_code,
                            .termination_reason = std::string(reason),
                            .message = std::move(message)});
}

void Engine::State::complete(std::size_t task, std::string_view reason, std::string message) {
  // Results that are not as declared outweigh how the steps ended.
  TaskResults results = read_results(plan_of(task).results, run.tasks[task]);
  if (!results.problem.empty()) {
    fail_attempt(task, task_reason::validation_failed, std::move(results.problem));
  } else if (const TaskRun::Loss* dead = dead_sidecar(task, reason)) {
    fail_attempt(task, dead->reason, dead->message);
  } else if (reason == task_reason::succeeded) {
    end_task(task, TaskState::succeeded, reason, std::move(message));
  } else {
    fail_attempt(task, reason, std::move(message));
  }
}

void Engine::State::fail_attempt(std::size_t task, std::string_view reason, std::string message) {
  const bool stopped = plan_of(task).is_finally ? finally_stopped : dag_stopped;
  if (run.tasks[task].attempt < plan_of(task).retries && !stopped) {
    retry(task, reason, std::move(message));
  } else {
    end_task(task, TaskState::failed, reason, std::move(message));
  }
}

void Engine::State::leave_attempt(std::size_t task) {
  TaskRun& it = run.tasks[task];
  while (++it.step < plan_of(task).steps.size()) {
    end_step(task, -1, step_reason::skipped, "");
  }
  it.deadline.reset();
  it.step_deadline.reset();
  it.outcome.results = read_results(plan_of(task).results, it).values;
}

void Engine::State::retry(std::size_t task, std::string_view reason, std::string message) {
  if (hold(task, {true, TaskState::failed, std::string(reason), message})) {
    return;
  }
  leave_attempt(task);
  TaskRun& it = run.tasks[task];
  it.resetting = true;
  it.stop = Stop::none;
  it.outcome.results.clear();
  it.outcome.reason = reason;
  it.outcome.message = message;
  write(record::TaskRetried{task, it.attempt, std::string(reason), std::move(message)});
  for (std::size_t step = 0; step < it.steps.size(); ++step) {
    it.steps[step].reset = is_from_start(plan_of(task), step);
    if (it.steps[step].reset) {
      continue;
    }
    act(action::ResetStep{{task, step}, it.attempt + 1});
  }
}

void Engine::State::end_task(std::size_t task, TaskState state, std::string_view reason,
                             std::string message) {
  if (hold(task, {false, state, std::string(reason), message})) {
    return;
  }
  TaskRun& it = run.tasks[task];
  const PlanTask& plan = plan_of(task);
  if (it.outcome.state == TaskState::running && !it.resetting) {
    leave_attempt(task);
  }
  LateValues values(run);
  const bool ignores_failure = carries_on(plan, values.lookup());
  const bool ignored =
      ignores_failure
      && (reason == task_reason::step_failed || reason == task_reason::step_out_of_memory
          || reason == task_reason::sidecar_failed || reason == task_reason::sidecar_out_of_memory);
  it.resetting = false;
  it.outcome.state = state;
  it.outcome.reason = ignored ? task_reason::failure_ignored : reason;
  it.outcome.message = std::move(message);
  write(record::TaskChanged{.task = task,
                            .state = state,
                            .reason = it.outcome.reason,
                            .message = it.outcome.message,
                            .attempt = it.attempt});
  release(task);
  if (plan.is_finally || ignores_failure) {
    return;
  }
  stop_if_failed(task);
  if (state == TaskState::failed && run.plan.fail_fast) {
    run.stopping = true; // do not wait for the other instances of a matrix
    stop_all(false, Stop::cancelled);
  }
}

void Engine::State::release(std::size_t task) {
  const std::vector<StepRun>& steps = run.tasks[task].steps;
  for (std::size_t step = 0; step < steps.size(); ++step) {
    if (!steps[step].lost && !is_from_start(plan_of(task), step)) {
      act(action::ReleaseStep{{task, step}});
    }
  }
}

void Engine::State::stop_if_failed(std::size_t task) {
  const TaskState state = run.outcome_of(run.find(author_name(run.plan, task))).state;
  if (state == TaskState::failed || state == TaskState::cancelled) {
    run.stopping = true;
  }
}

std::string Engine::State::timeout_message(std::size_t task) const {
  return "the task failed to finish within " + std::to_string(run.tasks[task].timeout->count())
         + " ms";
}

void Engine::State::stop_task(std::size_t task, Stop why) {
  TaskRun& it = run.tasks[task];
  if (it.outcome.state != TaskState::running || it.stop != Stop::none || it.ending) {
    return;
  }
  it.stop = why;
  it.deadline.reset();
  it.step_deadline.reset();
  if (it.resetting) {
    end_task(task, TaskState::cancelled, task_reason::cancelled, "");
  } else if (it.waiting) {
    stop_waiting(task);
  } else {
    act(action::StopStep{id(task), it.attempt});
  }
}

void Engine::State::stop_all(bool of_finally, Stop why) {
  (of_finally ? finally_stopped : dag_stopped) = true;
  for (std::size_t task = 0; task < run.tasks.size(); ++task) {
    if (plan_of(task).is_finally == of_finally) {
      stop_task(task, why);
    }
  }
}

} // namespace taskgroup
