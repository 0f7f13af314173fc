// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/custom_run.h"
#include "controller/pod_builder.h"
#include "controller/pod_view.h"
#include "controller/progress.h"

#include <cstdint>
#include <string>

// The statuses that are written to a run: whole status objects, ready to replace the old one
// (contract.md 1.2, 5, 6.4). Pure.
namespace taskgroup {

// The API server keeps no object larger than about 1.5 MiB (contract.md 1.2); beyond this many
// bytes of JSON a run is not written.
inline constexpr std::size_t max_run_bytes = 1'500'000;

// How an attempt has ended.
struct Verdict {
  bool succeeded = false;
  std::string reason;
  std::string message;
  bool may_retry = true; // a new pod could do better
};

// Reasons for what was asked from outside; legacy Runs have names of their own (contract.md 0).
std::string cancelled_reason(RunKind kind);
std::string timed_out_reason(RunKind kind);

// Return the status of a run that begins: Unknown, Started.
Json started_status(const CustomRun& run, std::int64_t now);

// Return the run's status with another Unknown reason, and nothing else changed.
Json waiting_status(const CustomRun& run, std::string_view reason, const std::string& message,
                    std::int64_t now);

// Return the status that records the pod of this attempt: Unknown, Running.
Json running_status(const CustomRun& run, const std::string& pod_name, const std::string& pod_uid,
                    std::int64_t now);

// Return the status that lets another pod take the place of one in which no step was started.
Json replaced_status(const CustomRun& run, const std::string& why, std::int64_t now);

// Return what extraFields.tasks holds: states by the journal, with kubelet's reasons merged in
// where a container was lost (OOMKilled, Evicted …). `pod` may be null.
Json tasks_of(const Progress& progress, const Outline& outline, const PodView* pod);

// Return the run's status with the tasks' states: Unknown, Running.
Json live_status(const CustomRun& run, Json tasks, const std::string& message, std::int64_t now);

// Return the final status of a run. `results` are the group's. If the run would grow too large for
// the API server, it has failed with ResultsTooLarge instead, and the message names the largest
// result.
Json final_status(const CustomRun& run, const Verdict& verdict,
                  const std::map<std::string, Value>& results, const Json& tasks, std::int64_t now);

// Return the status that begins the next attempt: the status so far, as it would have been final,
// goes to retriesStatus.
Json retry_status(const CustomRun& run, const Verdict& verdict,
                  const std::map<std::string, Value>& results, const Json& tasks, std::int64_t now);

} // namespace taskgroup
