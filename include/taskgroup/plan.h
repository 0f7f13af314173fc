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
  std::string value_from; // instead of `value`: Kubernetes' EnvVarSource as JSON
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

  // For whoever makes the container.
  std::string image;
  std::vector<PlanMount> mounts;
  // More fields of Kubernetes' Container, as the author wrote them: a JSON object with resources,
  // securityContext, imagePullPolicy, envFrom; empty = none. `host` does not look at it.
  std::string container_fields;
};

// A result that a task declares.
struct PlanResult {
  std::string name;
  ValueType type = ValueType::string;
  std::vector<std::string> keys; // of an object: the keys that must be there
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

// Everything needed to run a group: made by the planner, read by engine, coordinator and launchers.
// A value; no references into the documents it came from.
struct Plan {
  int version = plan_version;
  std::string group; // the run's name
  std::string nonce; // of the markers in this run; [0-9a-f]+

  std::vector<PlanTask> tasks; // topological order; finally tasks last
  std::vector<PlanVolume> volumes;
  std::vector<PlanGroupResult> results;

  // Limits; nothing = none. `whole` counts from the run's begin, `tasks` as well, `finally_` from
  // when finally begins (taskrun-semantics.md 9.5).
  std::optional<Millis> whole;
  std::optional<Millis> tasks_timeout;
  std::optional<Millis> finally_timeout;

  int max_parallel = 0; // 0 = no limit
  bool fail_fast = false;

  // The group's `run.podTemplate` as JSON, without its volumes; empty = none. As above.
  std::string pod_template;

  // Options of the launcher that asked for this plan.
  bool launch_on_demand = false; // the journal announces the containers to be started (design.md 7)
  bool report_task_results = false; // the journal's last record carries every task's results
};

// The parts of a plan that to_json writes: `run` is what engine and coordinator need, without
// volumes, images, args, env and mounts, which a pod already has in its containers.
enum class PlanParts { all, run };

// Write a plan as JSON text (UTF-8, one line).
std::string to_json(const Plan& plan, PlanParts parts = PlanParts::all);

// Read a plan back. The error names the field. Refuses other versions, indices out of range and
// edges that do not point backwards.
tl::expected<Plan, std::string> plan_from_json(std::string_view text);

} // namespace taskgroup
