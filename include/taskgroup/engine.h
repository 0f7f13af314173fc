// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>
#include <taskgroup/record.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace taskgroup {

// --- What happened: the engine's input ---

// Steps of a StepId are sidecars too, unless it says otherwise.
namespace event {

// The run begins. First event, once.
struct Begin {};

// A step's process runs: its `timeout` counts from here.
struct StepStarted {
  StepId id;
  int attempt = 0;
};

// A sidecar is ready, so that its task's steps may begin. Once an attempt; one that ends without
// it counts as ready too. Of a sidecar that started with the pod (PlanSidecar::from_start) this and
// StepExited may come at any time, and `attempt` means nothing.
struct SidecarReady {
  StepId id;
  int attempt = 0;
};

// A breakpoint holds a step until somebody decides: it has not begun (`before`), or it has failed.
// Its StepStarted or StepExited follows.
struct StepPaused {
  StepId id;
  int attempt = 0;
  bool before = false;
  int exit_code = 0;       // of one that failed
  std::string start_error; // not empty: it could not be started
};

// A step's process has ended, and every process it left behind has been killed. `results` holds the
// raw content of each result file of the Task that exists, `step_results` of the step's own. The
// answer to a StartStep that says `skipped`, too.
struct StepExited {
  StepId id;
  int attempt = 0;
  int exit_code = 0;       // 128 + signal if killed by one
  std::string start_error; // not empty: it could not be started, or its results could not be read
  std::map<std::string, std::string> results;
  bool out_of_memory = false; // the kernel killed a process of the step for want of memory
  std::map<std::string, std::string> step_results;
  bool marked_failed = false; // somebody at a breakpoint says so: whatever its onError
};

// An agent has emptied what the task owns and is ready for `attempt`. `error` is not empty if that
// failed: the task then ends without another attempt.
struct StepReset {
  StepId id;
  int attempt = 0;
  std::string error;
};

// A container is gone or cannot start: a socket closed without an exit record, a bad image, an OOM
// kill of the agent (design.md 1 and 4). Ends the task at once, whatever `retries` is left.
struct ContainerLost {
  StepId id;
  std::string reason; // CamelCase, e.g. `ContainerLost`, `ImagePullBackOff`
  std::string message;
};

// The run is cancelled from outside: running tasks are stopped, finally runs. Without `finally` its
// tasks too are stopped, or skipped if they have not begun; that may follow a cancel with it. Any
// other second one has no effect.
struct Cancel {
  std::string message;
  bool finally = true;
};

// Nothing but the time that has passed.
struct Tick {};

} // namespace event

using Event = std::variant<event::Begin, event::StepStarted, event::StepPaused, event::StepExited,
                           event::StepReset, event::SidecarReady, event::ContainerLost,
                           event::Cancel, event::Tick>;

// --- What to do about it: the engine's output, in order ---

namespace action {

// Run a step. `values` holds every late value that the step's args, command and env may need, by
// Reference::name(); of a task_result it is the whole result, whatever part the name picks, and so
// of a step_result, of which there are all that the steps before have produced. Everything else is
// complete.
struct StartStep {
  StepId id;
  int attempt = 0;
  std::optional<std::string> script;
  std::string working_dir;
  std::map<std::string, Value> values;
  bool carries_on = false; // onError: continue
  std::string stdout_path; // PlanStep's, empty = none
  std::string stderr_path;
  bool skipped = false; // its `when` is false: only note exit code 0, for later steps to read
};

// Stop a running step: TERM, then KILL after the coordinator's grace period. A StepExited follows.
struct StopStep {
  StepId id;
  int attempt = 0;
};

// Empty what the task owns, for the next attempt. A StepReset follows.
struct ResetStep {
  StepId id;
  int attempt = 0; // the attempt to come
};

// The step's task is over: its agent may end.
struct ReleaseStep {
  StepId id;
};

// Write a record to the journal.
struct Write {
  Record record;
};

// The run is over; the last action.
struct Finish {
  Outcome outcome;
};

} // namespace action

using Action = std::variant<action::StartStep, action::StopStep, action::ResetStep,
                            action::ReleaseStep, action::Write, action::Finish>;

// Decides everything about a run: order, `when`, result substitution, retries, timeouts, onError,
// maxParallel, failFast, finally, cancellation, skips and their reasons. A pure state machine: no
// I/O and no clock; the same events give the same actions. Rules and their sources:
// docs/design/engine.md.
//
// Not thread-safe; one engine belongs to one loop. The plan must outlive the engine.
class Engine {
public:
  explicit Engine(const Plan& plan);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // Take one event at time `now` (milliseconds of any monotonic clock, never going back) and return
  // what is to be done. Deadlines that `now` has passed are handled first. Events that no longer
  // mean anything (a late exit of an older attempt, anything after Finish) return nothing.
  std::vector<Action> handle(const Event& event, Millis now);

  // Return the time of the earliest deadline; handle(Tick) is due then. Nothing = no deadline.
  std::optional<Millis> next_deadline() const;

  // Return the steps whose containers are wanted soon and were not named before: those of tasks
  // that run, and of the next `ahead` tasks in plan order that have not begun. For launchers that
  // start containers on demand.
  std::vector<StepId> wanted(std::size_t ahead);

  bool finished() const;

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace taskgroup
