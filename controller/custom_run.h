// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/kube_api.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

using Json = nlohmann::json;

// What a TaskGroup calls itself (contract.md 14, point 1: compared exactly).
inline constexpr std::string_view api_version = "taskgroup.dev/v1alpha1";
inline constexpr std::string_view group_kind = "TaskGroup";

// The two kinds of object by which Tekton asks for a custom task. Legacy `Run` differs in the names
// of a few fields and reasons only (contract.md 0).
enum class RunKind { custom_run, legacy_run };

// The API server's name of a kind of run.
const kube::Resource& resource_of(RunKind kind);

// A CustomRun or Run, decoded to what is used. `object` is the whole as it was read.
struct CustomRun {
  RunKind kind = RunKind::custom_run;
  Json object;

  kube::ObjectKey key;
  std::string uid;
  std::int64_t generation = 0;
  std::string resource_version;
  bool deleted = false;     // has a deletionTimestamp
  std::string pipeline_run; // name of the PipelineRun that controls it; empty: made by hand

  // customRef, or customSpec.
  bool by_reference = false;
  std::string ref_name;
  std::string resolver;

  std::string spec_status; // "RunCancelled", or anything
  std::string status_message;
  std::string service_account; // never empty: "default"
  std::string timeout;         // as written; empty: unset
  std::int64_t retries = 0;

  // Of the status.
  std::string succeeded; // of the condition: "", "Unknown", "True", "False"
  std::string reason;
  std::int64_t started = 0;      // startTime, milliseconds since the epoch; 0: unset
  std::size_t attempts_over = 0; // len(retriesStatus): the number of this attempt
  Json extra = Json::object();   // extraFields; null is read as {}

  bool done() const { return succeeded == "True" || succeeded == "False"; }
  bool cancelled() const { return spec_status == "RunCancelled"; }

  // The recorded pod of this attempt; empty: none.
  std::string pod_name() const;
  std::string pod_uid() const;

  // How often the pod of this attempt was replaced before any step was started.
  int pod_replacements() const;
};

// Decode a CustomRun or Run that asks for a TaskGroup; nothing if it asks for something else. A
// field of a wrong type (the schema forbids it) is read as absent.
std::optional<CustomRun> custom_run_of(const Json& object);

// Tell whether a CustomRun or Run that asks for a TaskGroup is over, as CustomRun::done() does, but
// without decoding it. Nothing if it asks for something else.
std::optional<bool> is_done(const Json& object);

// Why a spec can never be run.
struct SpecError {
  std::string_view reason; // one of run_reason
  std::string message;     // names the field and the way out; empty: nothing is wrong
};

// Look for what can never be run whatever the group says: negative timeout or retries, no name, a
// resolver (contract.md 14: 2, 3, 28).
SpecError spec_error(const CustomRun& run);

// Return the time limit of an attempt; nothing: none (contract.md 14: 25, design.md 3). The timeout
// must be valid (spec_error).
std::optional<std::int64_t> timeout_of(const CustomRun& run);

// Return the name of the pod of the run's current attempt. It holds five hex digits of the run's
// UID, so that a run made again under the same name never meets the pod of the old one.
std::string pod_name_of(const CustomRun& run);

} // namespace taskgroup
