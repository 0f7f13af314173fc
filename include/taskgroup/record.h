// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>
#include <taskgroup/value.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace taskgroup {

// States of a task. `pending` and `running` change; the others are final.
enum class TaskState { pending, running, succeeded, failed, skipped, cancelled };

// States of the group. `running` changes; the others are final.
enum class GroupState { running, succeeded, failed, cancelled };

// Return the name used in journals and by `-o json`: Pending, Running, Succeeded, Failed, Skipped,
// Cancelled.
std::string_view to_string(TaskState state);
std::string_view to_string(GroupState state);

// What is known of a task. Reasons of finished tasks are those of a TaskRun's condition, those of
// skipped ones upstream's fixed strings (taskrun-semantics.md 4.1, 9.2).
struct TaskOutcome {
  TaskState state = TaskState::pending;
  std::string reason;
  std::string message;                  // one sentence for a person; may be empty
  int attempts = 0;                     // executions begun: 0 = never ran, 1 = ran once
  std::map<std::string, Value> results; // also of failed tasks
};

// Reason of a skipped task that is an instance of a matrix for which there is no combination. It is
// nothing that the author asked for: no record tells of it.
inline constexpr std::string_view no_combination = "NoCombination";

// What became of the group. Reasons are those of a PipelineRun's condition: Succeeded, Completed,
// Failed, Cancelled, PipelineRunTimeout, PipelineValidationFailed, CouldntGetPipelineResult.
struct Outcome {
  GroupState state = GroupState::running;
  std::string reason;
  std::string message;            // upstream's `Tasks Completed: 3 (Failed: 1, …), Skipped: 1`
  std::vector<TaskOutcome> tasks; // parallel to Plan::tasks
  std::map<std::string, Value> group_results; // those that could be made
};

// --- Records: the journal's content, and what `-o json` prints ---

namespace record {

// The run has begun.
struct GroupBegan {};

// A task has changed state. `attempt` counts from 0.
struct TaskChanged {
  std::size_t task = 0;
  TaskState state = TaskState::pending;
  std::string reason;
  std::string message;
  int attempt = 0;
};

// An attempt has failed and another one follows (upstream's reason ToBeRetried).
struct TaskRetried {
  std::size_t task = 0;
  int attempt = 0; // the one that failed
  std::string reason;
  std::string message;
};

// A step's process runs, or has ended. terminationReason is upstream's: Completed, Continued,
// Error, TimeoutExceeded, Skipped, Cancelled (taskrun-semantics.md 4.1), or ContainerLost's reason.
struct StepChanged {
  std::size_t task = 0;
  std::size_t step = 0;
  int attempt = 0;
  bool ended = false;
  int exit_code = 0; // -1: none, the step did not run or its exit is not known
  std::string termination_reason;
  std::string message;
};

// A breakpoint holds a step, before it runs or after it has failed. The StepChanged that follows
// ends that.
struct StepPaused {
  std::size_t task = 0;
  std::size_t step = 0;
  int attempt = 0;
  bool before = false;
  int exit_code = 0;   // of one that failed
  std::string message; // why it could not be started
};

// A sidecar's process runs, or has ended: as StepChanged, whose reasons have one more, `Stopped` by
// us, because its task needs it no longer.
struct SidecarChanged {
  std::size_t task = 0;
  std::size_t sidecar = 0; // in PlanTask::sidecars
  int attempt = 0;
  bool ended = false;
  int exit_code = 0; // -1: not known
  std::string termination_reason;
  std::string message;
};

// Finally begins.
struct FinallyBegan {};

// The run is being cancelled or has run out of time.
struct GroupStopping {
  std::string reason;
  std::string message;
};

// The run is over; the last record.
struct GroupEnded {
  Outcome outcome;

  // Sizes in bytes of group results that are too large for the journal; they are not in `outcome`.
  std::map<std::string, std::size_t> omitted;
};

} // namespace record

using Record = std::variant<record::GroupBegan, record::TaskChanged, record::TaskRetried,
                            record::StepChanged, record::StepPaused, record::SidecarChanged,
                            record::FinallyBegan, record::GroupStopping, record::GroupEnded>;

// Return what a breakpoint waited for: BeforeStep or OnFailure.
std::string_view to_string(const record::StepPaused& paused);

// Write a record as one JSON object without line breaks, always valid UTF-8. `number` counts the
// journal's lines from 1; `time` is milliseconds since the Unix epoch. The schema is a contract:
// docs/journal.md.
std::string to_json(const Record& record, const Plan& plan, std::uint64_t number,
                    std::int64_t time);

} // namespace taskgroup
