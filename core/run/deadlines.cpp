// SPDX-License-Identifier: Apache-2.0
#include "core/run/engine_state.h"
#include "core/run/reasons.h"

#include <algorithm>
#include <tuple>

namespace taskgroup {

std::optional<Engine::State::Deadline> Engine::State::earliest() const {
  std::optional<Deadline> first;
  const auto consider = [&first](const std::optional<Deadline>& deadline) {
    const auto order = [](const Deadline& d) { return std::tuple(d.at, d.kind, d.task); };
    if (deadline && (!first || order(*deadline) < order(*first))) {
      first = deadline;
    }
  };
  if (!began || finished) {
    return first;
  }
  consider(dag_deadline());
  consider(finally_deadline());
  for (std::size_t i = 0; i < run.tasks.size(); ++i) {
    if (const auto& at = run.tasks[i].deadline) {
      consider(Deadline{*at, Deadline::Kind::task, i});
    }
    if (const auto& at = run.tasks[i].step_deadline) {
      consider(Deadline{*at, Deadline::Kind::step, i});
    }
  }
  return first;
}

std::optional<Engine::State::Deadline> Engine::State::dag_deadline() const {
  const std::optional<Millis>& whole = run.plan.whole;
  const std::optional<Millis>& tasks = run.plan.tasks_timeout;
  if (run.finally_began || dag_stopped || (!whole && !tasks)) {
    return std::nullopt;
  }
  const Millis limit = std::min(whole.value_or(Millis::max()), tasks.value_or(Millis::max()));
  return Deadline{began_at + limit, Deadline::Kind::dag};
}

std::optional<Engine::State::Deadline> Engine::State::finally_deadline() const {
  if (!run.finally_began || finally_stopped) {
    return std::nullopt;
  }
  if (run.plan.finally_timeout) {
    return Deadline{finally_began_at + *run.plan.finally_timeout, Deadline::Kind::finally};
  }
  if (run.plan.whole) {
    return Deadline{std::max(began_at + *run.plan.whole, finally_began_at + min_finally_rest),
                    Deadline::Kind::finally};
  }
  return std::nullopt;
}

void Engine::State::pass(const Deadline& deadline) {
  switch (deadline.kind) {
  case Deadline::Kind::dag:
    pass_dag();
    break;
  case Deadline::Kind::finally:
    pass_finally();
    break;
  case Deadline::Kind::task:
    stop_task(deadline.task, Stop::task_timeout);
    break;
  case Deadline::Kind::step:
    stop_task(deadline.task, Stop::step_timeout);
    break;
  }
}

void Engine::State::pass_dag() {
  const bool whole = run.plan.whole && began_at + *run.plan.whole <= now;
  run.dag_time_up = whole ? skip_reason::run_timed_out : skip_reason::tasks_timed_out;
  run.timed_out = true;
  write(record::GroupStopping{std::string(group_reason::timed_out), std::string(run.dag_time_up)});
  stop_all(false, Stop::run_timeout);
}

void Engine::State::pass_finally() {
  if (run.plan.finally_timeout) {
    run.finally_time_up = skip_reason::finally_timed_out;
    write(
        record::GroupStopping{std::string(group_reason::failed), std::string(run.finally_time_up)});
  } else {
    run.finally_time_up = skip_reason::run_timed_out;
    run.timed_out = true;
    write(record::GroupStopping{std::string(group_reason::timed_out),
                                std::string(run.finally_time_up)});
  }
  stop_all(true, Stop::run_timeout);
}

} // namespace taskgroup
