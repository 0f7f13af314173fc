// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/engine.h>

#include "core/run/decision.h"
#include "core/run/run.h"

namespace taskgroup {

// The time without limits of its own that finally gets when the group's time is up or nearly so: a
// promise that stock does not make (docs/design/engine.md).
inline constexpr Millis min_finally_rest = std::chrono::minutes(5);

// The engine's inside: the facts of the run, and what moves them. Events arrive in engine.cpp;
// task_moves.cpp begins, retries, stops and ends tasks; deadlines.cpp knows what time does.
struct Engine::State {
  explicit State(const Plan& plan) : run(plan) {}

  // --- engine.cpp: events, and what follows from them ---

  void take(const event::Begin& event);
  void take(const event::StepStarted& event);
  void take(const event::StepPaused& event);
  void take(const event::StepExited& event);
  void take(const event::StepReset& event);
  void take(const event::SidecarReady& event);
  void take(const event::ContainerLost& event);
  void take(const event::Cancel& event);
  void take(const event::Tick& /*event*/) {}

  // Do all that can be done now: skip, fail and start tasks, begin finally, end the run.
  void settle();
  bool settle_pending();
  bool begin_finally();
  bool start_ready();
  void finish();

  // Return the task if its current step, in this attempt, is what the event speaks of.
  TaskRun* current(const StepId& id, int attempt);
  bool exists(const StepId& id) const;

  // --- task_moves.cpp: one task from its start to its end ---

  // Start a task that is ready; false if that ended it at once.
  bool start_task(std::size_t task);
  void begin_attempt(std::size_t task, int attempt);
  void start_step(std::size_t task, std::size_t step);

  // Tell a container to run its step or sidecar; return what is wrong instead, or nothing.
  std::string start_container(const StepId& id);

  // Record that the current step has ended; an exit code of -1 means none.
  void end_step(std::size_t task, int exit_code, std::string_view reason, std::string message);

  // End an attempt whose steps have run as far as they go; `reason` may be succeeded.
  void complete(std::size_t task, std::string_view reason, std::string message);

  // End an attempt that failed: the task is retried, or it ends.
  void fail_attempt(std::size_t task, std::string_view reason, std::string message);
  void retry(std::size_t task, std::string_view reason, std::string message);

  // Tidy up after the attempt's last step: the others are skipped, results are kept.
  void leave_attempt(std::size_t task);

  // End the task for good; whatever follows for others follows.
  void end_task(std::size_t task, TaskState state, std::string_view reason, std::string message);

  void release(std::size_t task);

  // Let no other DAG task start if the author's task has failed: a matrix does with its last
  // instance.
  void stop_if_failed(std::size_t task);

  // Stop what runs: a task, or all finally tasks, or all others.
  void stop_task(std::size_t task, Stop why);
  std::string timeout_message(std::size_t task) const;
  void stop_all(bool of_finally, Stop why);

  // --- sidecars.cpp: a task's sidecars, around its steps ---

  // Start the sidecars of the attempt, and its first step once they are ready.
  void start_sidecars(std::size_t task);
  void begin_steps_if_ready(std::size_t task);

  // Return the task if this is one of its sidecars that runs in this attempt.
  TaskRun* with_sidecar(const StepId& id, int attempt);
  bool is_sidecar(const StepId& id) const {
    return id.step >= run.plan.tasks[id.task].steps.size();
  }
  void sidecar_exited(const event::StepExited& event);

  // Return what died while the steps were not done, unless how they ended outweighs that (stock's
  // getFailureInfo(): SidecarOOM, StepOOM, SidecarFailed, StepFailed).
  const TaskRun::Loss* dead_sidecar(std::size_t task, std::string_view reason) const;

  // Stop an attempt whose sidecars are awaited.
  void stop_waiting(std::size_t task);

  // Stop the sidecars that run and put an ending off until they are gone; false if none runs.
  bool hold(std::size_t task, TaskRun::Ending ending);
  void go_on_if_gone(std::size_t task);

  // --- breakpoints.cpp ---

  // A step has failed: the attempt ends, or goes on where breakpoints are set.
  void fail_step(std::size_t task, std::string_view reason, std::string message);

  // The last step has ended well.
  void complete_steps(std::size_t task);

  // --- matrix_moves.cpp: instances of matrices ---

  // Correct the decision about a task that is an instance of a matrix with late values: make the
  // combinations when its turn has come; skip, fail or leave out what has none.
  Decision with_matrix(std::size_t task, Decision decision);
  void make_combinations(const PlanMatrix& matrix, MatrixRun& made) const;

  // End an instance that has no combination. No record tells of it.
  void leave_out(std::size_t task);

  // --- deadlines.cpp ---

  // A point in time at which something ends. Of several at one time the first kind comes first.
  struct Deadline {
    enum class Kind { dag, finally, task, step };
    Millis at{};
    Kind kind = Kind::dag;
    std::size_t task = 0;
  };
  std::optional<Deadline> earliest() const;
  std::optional<Deadline> dag_deadline() const;
  std::optional<Deadline> finally_deadline() const;
  void pass(const Deadline& deadline);
  void pass_dag();
  void pass_finally();

  // --- data ---

  StepId id(std::size_t task) const { return {task, run.tasks[task].step}; }
  const PlanTask& plan_of(std::size_t task) const { return run.plan.tasks[task]; }
  const PlanStep& step_of(std::size_t task) const {
    return plan_of(task).steps[run.tasks[task].step];
  }
  template <typename T>
  void act(T what) {
    actions.emplace_back(std::move(what));
  }
  void write(Record record) { act(action::Write{std::move(record)}); }

  Run run;
  std::vector<Action> actions;
  std::vector<std::size_t> ready; // what settle_pending() found ready, in plan order
  Millis now{};
  Millis began_at{};
  Millis finally_began_at{};
  bool began = false;
  bool finished = false;
  std::optional<event::Cancel> cancelled_early; // before Begin
  bool dag_stopped = false;                     // what runs of the DAG was told to stop
  bool finally_stopped = false;
};

} // namespace taskgroup
