// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>
#include <taskgroup/record.h>

#include "core/run/combinations.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// Why a running step is being stopped.
enum class Stop { none, step_timeout, task_timeout, run_timeout, cancelled };

// What is known of a container: a step's or a sidecar's.
struct StepRun {
  bool lost = false;  // gone: nothing can be asked of it
  bool reset = false; // ready for the next attempt, while its task is resetting

  // Of a sidecar, in this attempt; of one that started with the pod, in all of them.
  bool running = false; // told to start, and has not ended
  bool ready = false;
};

// What is known of a task; its outcome is what the world gets to see.
struct TaskRun {
  TaskOutcome outcome;
  std::vector<StepRun> steps; // and, after them, the sidecars: as container_at()

  int attempt = 0;        // the current or last one
  std::size_t step = 0;   // the current step
  bool started = false;   // the current step's process runs
  bool skipping = false;  // the current step is one whose `when` is false
  Stop stop = Stop::none; // the current step is being stopped
  bool resetting = false; // between two attempts

  std::optional<Millis> timeout;            // of the attempt
  std::optional<Millis> deadline;           // that, as a point in time
  bool carries_on = false;                  // onError of the current step
  std::optional<Millis> step_timeout;       // of the current step
  std::optional<Millis> step_deadline;      // of the current step
  std::map<std::string, std::string> files; // result files of the attempt, the last content of each
  std::map<std::string, std::map<std::string, std::string>> step_files; // the same, by step

  // A container was lost before the task began: it cannot start any more.
  struct Loss {
    std::string reason;
    std::string message;
  };
  std::optional<Loss> loss;
  std::optional<Loss> step_failure; // of the attempt: a step failed and others run on

  bool waiting = false;                // for the sidecars: no step of the attempt has begun
  std::optional<Loss> sidecar_failure; // one died while the steps were not done

  // What becomes of the attempt once its sidecars, told to stop, are gone: the steps are done.
  struct Ending {
    bool may_retry = false; // fail_attempt(), else end_task()
    TaskState state = TaskState::pending;
    std::string reason;
    std::string message;
  };
  std::optional<Ending> ending;

  bool named = false; // Engine::wanted() has named its containers

  bool absent = false; // an instance of a matrix for which there is no combination
};

// What is known of a matrix whose values are late, once its task's turn has come.
struct MatrixRun {
  bool is_known = false;
  std::vector<Combination> combinations; // none: the task is skipped
  std::string problem;                   // not empty: the task fails
};

// A task as its author sees it: one of the plan, or all instances of a matrix.
struct AuthorTask {
  std::size_t first = 0;
  std::size_t count = 0; // 0: there is no such task
  const PlanMatrix* matrix = nullptr;
};

// The facts of a run that the engine decides by. The plan must outlive it.
struct Run {
  explicit Run(const Plan& the_plan);

  const Plan& plan;
  std::vector<TaskRun> tasks;      // parallel to Plan::tasks
  std::vector<MatrixRun> matrices; // parallel to Plan::matrices

  bool stopping = false;          // a DAG task failed: no other one starts
  bool cancelled = false;         // by somebody outside
  bool finally_cancelled = false; // that, and no finally either
  bool timed_out = false;         // the run is over because of its own time limits
  bool finally_began = false;     // every DAG task is done

  // Set once the time of the DAG's (finally's) tasks is up: why those that wait are skipped.
  std::string_view dag_time_up;
  std::string_view finally_time_up;

  // Return whether a task is in a final state.
  bool is_done(std::size_t task) const;

  // Return whether all finally tasks, or all others, are done.
  bool all_done(bool of_finally) const;

  // Count the tasks that run; one between two attempts runs.
  int running() const;

  // Return the task that the author calls `name`, and all of them in the plan's order.
  AuthorTask find(std::string_view name) const;
  std::vector<AuthorTask> author_tasks() const;

  // Return what became of an author's task. Of a matrix as upstream has it: it ends with its last
  // instance, has succeeded if all have, was cancelled if one was, and the reason is that of the
  // first that has not succeeded (pipelinerunresolution.go:195-375). Results are left out.
  TaskOutcome outcome_of(const AuthorTask& task) const;

private:
  std::map<std::string_view, AuthorTask, std::less<>> m_by_name;
};

} // namespace taskgroup
