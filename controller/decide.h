// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/custom_run.h"
#include "controller/pod_builder.h"
#include "controller/progress.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// What a run needs next, as a pure function of what is known about it: at most one write. The shell
// around it (reconciler.h) reads, writes, and asks again with what it has learnt; so a crash
// between any two writes is just another start (design.md 5).
namespace taskgroup {

// What became of planning an attempt.
struct Preparation {
  // Everything that has to exist before the pod, in order, then the pod itself.
  std::vector<std::pair<kube::Resource, Json>> objects;
  Json pod;
  RequestTotals requests;            // of the pod
  std::vector<std::string> warnings; // legal, but likely wrong

  // Why there is no pod to be made; empty: there is.
  std::string reason;
  std::string message;
};

// What is known of a pod's journal.
struct PodJournal {
  Progress progress;
  std::string error;        // it cannot be understood (JournalReader::error)
  bool read_to_end = false; // nothing more will come: read after the coordinator had ended
  bool unreadable = false;  // the end cannot be read, now or later: the node is gone
};

// What is known of the pod of the run's current attempt.
struct PodKnowledge {
  bool confirmed = false;  // `pod` is what the API server said in this pass, not the cache
  std::optional<Json> pod; // nothing: there is none
};

// The world as one run sees it.
struct World {
  CustomRun run;
  bool run_confirmed = false; // read or written in this pass, not taken from the cache
  std::int64_t now = 0;       // milliseconds since the epoch
  PodKnowledge pod;           // by the recorded name, else by pod_name_of()
  PodJournal journal;
  std::optional<Preparation> preparation;
  std::optional<bool>
      finally_wanted; // false: the owning PipelineRun is Cancelled, not merely stopped
  std::string agent_image;
  std::int64_t last_write = 0; // of this run's status, by this process; 0: none
};

// An event for people (events.k8s.io), about the run.
struct RunEvent {
  bool warning = false;
  std::string reason;
  std::string note;
};

namespace next {

// Nothing to do until something changes.
struct Nothing {};

// Nothing to do before this time, unless something changes.
struct Wait {
  std::int64_t until = 0;
};

// Reads, whose answers go into the World.
struct ReadRun {};
struct ReadPod {};
struct ReadOwner {}; // finally_wanted
struct ReadJournal {};
struct Prepare {};

// Writes.
struct WriteStatus {
  Json status;
  std::vector<RunEvent> events; // once it is written
};
struct CreateObject {
  kube::Resource resource;
  Json object;
};
struct CreatePod {
  Json pod;
};
struct PatchPod {
  Json patch; // JSON patch
  std::vector<RunEvent> events;
};
struct DeletePod {
  std::string name;
  std::string uid;
};

} // namespace next

using Next = std::variant<next::Nothing, next::Wait, next::ReadRun, next::ReadPod, next::ReadOwner,
                          next::ReadJournal, next::Prepare, next::WriteStatus, next::CreateObject,
                          next::CreatePod, next::PatchPod, next::DeletePod>;

// Annotation of a pod whose run is not done before the pod itself is ("Pod"): a quota counts it, or
// a claim can be used by one pod only (design.md 4).
inline constexpr const char* done_annotation = "taskgroup.dev/done-with";

// How long live states wait for company before they are written (design.md 5).
inline constexpr std::int64_t live_status_interval = 2'000;

// How long states must have been the same to be written, within another interval.
inline constexpr std::int64_t live_status_settling = 700;

// How often a pod in which no step was started may be replaced within one attempt (design.md 4).
inline constexpr int max_pod_replacements = 3;

// Return the next thing to do. Pure: the same world gives the same answer.
Next decide(const World& world);

} // namespace taskgroup
