// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/text.h>
#include <taskgroup/value.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// Durations of the running part are whole milliseconds; Tekton's own are never finer in practice.
using Millis = std::chrono::milliseconds;

// The version written into plans, wire messages and journals. A reader refuses any other, so that a
// release can say which ones it still reads.
inline constexpr int plan_version = 1;

// One `when` expression: `input` in or not in `values` (taskrun-semantics.md 9.2).
struct PlanWhen {
  Text input;
  bool negated = false;     // operator `notin`
  std::vector<Text> values; // `$(…[*])` expands
};

// One environment variable, in the order in which a later one wins.
struct PlanEnv {
  std::string name;
  Text value;
  std::string value_from;   // instead of `value`: Kubernetes' EnvVarSource as JSON
  bool of_template = false; // of the task's own podTemplate: wins over another podTemplate's
};

// A volume of the run. `empty` is made for the run and ends with it; `bound` comes from outside and
// is named by the launcher's own terms in `source`: Kubernetes' VolumeSource as JSON in a pod;
// without a cluster a folder, or the JSON of what given_volume() makes (given_objects.h).
struct PlanVolume {
  enum class Kind { empty, bound };
  std::string name; // unique in the plan, a DNS label
  Kind kind = Kind::empty;
  std::string source;     // bound only
  bool read_only = false; // bound only: no mount of it is writable
  bool memory = false;    // empty only: emptyDir.medium Memory
  std::string size_limit; // empty only: a Kubernetes quantity, or empty
};

// Where a step sees a volume, or a folder inside it.
struct PlanMount {
  std::string volume;   // a PlanVolume's name
  std::string path;     // absolute, in the step's container
  std::string sub_path; // relative folder of the volume, made on demand; empty = the whole
  bool read_only = false;
};

// A result that a task or a step declares.
struct PlanResult {
  std::string name;
  ValueType type = ValueType::string;
  std::vector<std::string> keys; // of an object: the keys that must be there
  // Of a task: the step's result (Part::whole) that becomes it, instead of a file of its own. Where
  // the step did not produce it, a file of the result's name counts.
  std::optional<Reference> value;
};

// One step: one container, one agent.
struct PlanStep {
  enum class OnError { stop_and_fail, carry_on };

  std::string name;      // `unnamed-<i>` if the author gave none
  std::string container; // `step-<task>-<step>`, at most 63 characters, unique in the plan

  // What the agent runs: `command` then `args`; or `script`, written to a file and followed by
  // `args`.
  std::vector<Text> command;
  std::vector<Text> args;
  std::optional<Text> script; // with a shebang line, always
  std::vector<PlanEnv> env;
  Text working_dir; // empty = the container's own; relative = below /workspace

  OnError on_error = OnError::stop_and_fail;
  std::optional<Millis> timeout; // limits the command's own run; nothing = none

  // Instead of the two where they are known only when the step's turn comes. A text that is then
  // no such value fails the task before the step starts.
  std::optional<Text> late_on_error;
  std::optional<Text> late_timeout;
  // Looked at when the step's turn comes: if it is false the step is skipped, which is no failure.
  std::vector<PlanWhen> when;
  std::vector<PlanResult> results; // files in /tekton/steps/step-<name>/results

  // Breakpoints: somebody decides how to go on, before the step runs or after it has failed. A
  // failed step of which the second holds does not keep later ones from running.
  bool pause_before = false;
  bool pause_on_failure = false;

  // Files that get a copy of stdout and stderr, appended to, folders made; both may be one. Empty =
  // none.
  Text stdout_path;
  Text stderr_path;

  // For whoever makes the container.
  std::string image;
  std::vector<PlanMount> mounts;
  // More fields of Kubernetes' Container, as the author wrote them: a JSON object with resources,
  // securityContext, imagePullPolicy, envFrom; empty = none. `host` does not look at it.
  std::string container_fields;
};

// What an agent does at one point of a sidecar's life: Kubernetes' handler of a probe or a hook.
struct PlanHandler {
  enum class Kind { exec, http_get, tcp_socket, sleep };
  Kind kind = Kind::exec;
  std::vector<std::string> command; // exec: run beside the sidecar, in its container
  std::string host;                 // http_get, tcp_socket: an IP address; empty = this machine
  int port = 0;                     // likewise
  std::string path;                 // http_get
  std::vector<std::string> headers; // http_get: `Name: value`
  Millis duration{0};               // sleep
};

// Kubernetes' Probe, its defaults put in.
struct PlanProbe {
  PlanHandler handler;
  Millis initial_delay{0};
  Millis period{10'000};
  Millis timeout{1'000};
  int success_threshold = 1;
  int failure_threshold = 3;
  std::optional<Millis> grace; // between TERM and KILL where this probe ends the sidecar
};

// What the agent of a sidecar sees to beside running it, as kubelet would (taskrun-semantics.md 7).
struct PlanCare {
  std::optional<PlanProbe> startup;
  std::optional<PlanProbe> readiness;
  std::optional<PlanProbe> liveness;
  std::optional<PlanHandler> post_start;
  std::optional<PlanHandler> pre_stop;
  Millis grace{30'000}; // between TERM and KILL, preStop included
};

// A sidecar: a container with an agent like a step's, that is started when its task starts, is
// ready before the first step begins and is stopped after the last one. on_error and timeout of the
// step are not used; `container` is `sidecar-<task>-<name>`.
struct PlanSidecar : PlanStep {
  PlanCare care;
  std::vector<int> ports; // those declared: tasks that share one do not overlap

  // `run.sidecars: fromStart`: a container without an agent, which runs from the pod's start;
  // whoever made the pod tells the coordinator when it is ready and stops it after its task.
  bool from_start = false;
};

// A param whose value is late and whose values are limited by an `enum`.
struct PlanParamCheck {
  std::string param;
  Text value;
  std::vector<std::string> allowed;
};

// One task of the group.
struct PlanTask {
  enum class OnError { stop_and_fail, carry_on };

  std::string name;
  bool is_finally = false;

  // Indices into Plan::tasks, all smaller than this task's own. `after` holds every predecessor
  // (runAfter and result references); finally tasks have none.
  std::vector<std::size_t> after;

  // Indices of more tasks that must be done before this one starts, whatever became of them: they
  // declare a port that this one declares too, and all share one network. None of finally tasks.
  std::vector<std::size_t> ordered_after;

  std::vector<PlanWhen> when;

  // Every reference of params, `when` and the embedded task to another task: the task cannot start
  // without the results among them, even where a value is not used in the end (taskrun-semantics.md
  // 3.3, 9.2). With PlanParts::run this is also how the engine knows which late values, statuses
  // and reasons too, the steps' command, args and env use; context.task.retry-count goes without
  // saying.
  std::vector<Reference> needs;
  std::vector<PlanParamCheck> checks;

  int retries = 0;
  std::optional<Millis> timeout; // per attempt, from when its first step may start
  OnError on_error = OnError::stop_and_fail;

  // Instead of the two where they are known only when the task may start; see PlanStep.
  std::optional<Text> late_timeout;
  std::optional<Text> late_on_error;

  std::vector<PlanStep> steps; // never empty
  std::vector<PlanSidecar> sidecars;
  std::vector<PlanResult> results;

  // Folders that are emptied between attempts, as paths in the steps' containers: what belongs to
  // the task alone. Mounts below them are not entered.
  std::vector<std::string> emptied;
};

// A result of the group.
struct PlanGroupResult {
  std::string name;
  // A string, the elements of an array or the fields of an object, as the author wrote them. A
  // string that is one whole-array or whole-object reference becomes that type.
  ValueType type = ValueType::string;
  std::vector<std::string> keys; // of an object; parallel to `values`
  std::vector<Text> values;
};

// A param of a matrix whose values come while the group runs.
struct PlanMatrixParam {
  std::string name;
  std::vector<Text> values; // `$(…[*])` expands; of an include and a default there is one
};

// One explicit combination of such a matrix.
struct PlanMatrixInclude {
  std::vector<PlanMatrixParam> params;
};

// A task of the author's that a matrix fans out (taskrun-semantics.md 10). Each combination is a
// task of the plan, an instance; they stand one behind the other and differ in nothing but their
// params. To other tasks they are one: `tasks.<task>.…` means them all.
struct PlanMatrix {
  std::string task;      // the name that the author gave
  std::size_t first = 0; // index of the first instance in Plan::tasks
  std::size_t count = 1; // of the instances

  // Where something is late: the engine makes the combinations when the task's turn comes, and
  // `$(matrix.<param>)` in the instances stands for their parts. Instances without a combination
  // are left out; more combinations than instances fail the task. All empty: nothing is late.
  std::vector<PlanMatrixParam> params;
  std::vector<PlanMatrixInclude> include;
  std::vector<PlanMatrixParam> defaults; // of the Task, for params that a combination lacks

  bool is_late() const { return !params.empty() || !include.empty(); }
};

// Everything needed to run a group: made by the planner, read by engine, coordinator and launchers.
// A value; no references into the documents it came from.
struct Plan {
  int version = plan_version;
  std::string group; // the run's name
  std::string nonce; // of the markers in this run; [0-9a-f]+

  std::vector<PlanTask> tasks;      // topological order; finally tasks last
  std::vector<PlanMatrix> matrices; // by `first`
  std::vector<PlanVolume> volumes;
  std::vector<PlanGroupResult> results;

  // Limits; nothing = none. `whole` counts from the run's begin, `tasks` as well, `finally_` from
  // when finally begins (taskrun-semantics.md 9.5).
  std::optional<Millis> whole;
  std::optional<Millis> tasks_timeout;
  std::optional<Millis> finally_timeout;

  int max_parallel = 0; // 0 = no limit
  bool fail_fast = false;

  // The podTemplate of the group and its tasks as JSON, without volumes; empty = none. As above.
  std::string pod_template;

  // Options of the launcher that asked for this plan.
  bool launch_on_demand = false; // the journal announces the containers to be started (design.md 7)
  bool report_task_results = false; // the journal's last record carries every task's results
};

// Return all tasks that must be done before this one starts, each once, in order.
std::vector<std::size_t> predecessors_of(const PlanTask& task);

// Return how many containers a task has, and one of them: its steps come first, then its sidecars.
inline std::size_t container_count(const PlanTask& task) {
  return task.steps.size() + task.sidecars.size();
}
inline const PlanStep& container_at(const PlanTask& task, std::size_t index) {
  return index < task.steps.size() ? task.steps[index] : task.sidecars[index - task.steps.size()];
}

// Names a container of the plan: container_at(Plan::tasks[task], step).
struct StepId {
  std::size_t task = 0;
  std::size_t step = 0; // from PlanTask::steps.size() on: a sidecar
  friend bool operator==(const StepId&, const StepId&) = default;
  friend auto operator<=>(const StepId&, const StepId&) = default;
};

// Tell whether a container of a task is a sidecar without an agent.
inline bool is_from_start(const PlanTask& task, std::size_t index) {
  return index >= task.steps.size() && task.sidecars[index - task.steps.size()].from_start;
}

// Return the containers with agents in the order of their numbers, which sockets and `launch`
// records use: the steps of all tasks, then the sidecars of all tasks.
std::vector<StepId> container_order(const Plan& plan);

// Return the matrix that a task of the plan is an instance of, or nullptr.
const PlanMatrix* matrix_of(const Plan& plan, std::size_t task);

// Say whether nobody knows before the group runs if there will be such a task: an instance of a
// late matrix, except the first.
bool is_provisional(const Plan& plan, std::size_t task);

// Return the name that the author gave to a task of the plan: of an instance, its matrix'.
const std::string& author_name(const Plan& plan, std::size_t task);

// The parts of a plan that to_json writes: `run` is what engine and coordinator need, without
// volumes, images, args, env and mounts, which a pod already has in its containers.
enum class PlanParts { all, run };

// Write a plan as JSON text (UTF-8, one line).
std::string to_json(const Plan& plan, PlanParts parts = PlanParts::all);

// Read a plan back. The error names the field. Refuses other versions, indices out of range and
// edges that do not point backwards.
tl::expected<Plan, std::string> plan_from_json(std::string_view text);

// The same of what an agent needs to know of a sidecar.
std::string to_json(const PlanCare& care);
tl::expected<PlanCare, std::string> care_from_json(std::string_view text);

} // namespace taskgroup
