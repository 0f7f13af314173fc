// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/timestamp.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

// What a CustomRun of a TaskGroup says about itself (docs/commands.md, "What the status holds"),
// decoded to what is shown. Pure.
namespace taskgroup::cluster {

struct StepView {
  std::string name;
  std::string container;
  std::string state; // empty: nothing heard; Running, Terminated
  std::optional<int> exit_code;
  std::string reason;
  std::string message;
  std::optional<kube::WallTime> started;
  std::optional<kube::WallTime> finished;
  std::string paused; // a breakpoint holds it: BeforeStep, OnFailure
};

struct TaskView {
  std::string name;
  std::string state; // Pending, Running, Succeeded, Failed, Skipped, Cancelled
  std::string reason;
  std::string message;
  bool is_finally = false;
  int attempts = 0;
  std::optional<kube::WallTime> started;
  std::optional<kube::WallTime> finished;
  std::vector<StepView> steps;
  std::vector<StepView> sidecars;

  bool done() const { return state != "Pending" && state != "Running"; }
};

// The pod of one attempt.
struct AttemptView {
  std::string pod; // empty: it never had one
  std::string pod_uid;
  std::string reason; // of its condition
  std::string message;
};

struct RunView {
  std::string name;
  std::string namespace_name;
  std::string uid;
  std::string group;         // name of the TaskGroup; empty: it is embedded
  std::string pipeline_run;  // that controls it; empty: made by hand
  std::string pipeline_task; // of the Pipeline
  std::string created;       // as the server wrote it: sorts by time

  // Pending: nobody works on it yet, or it waits for its pod; Running; Cancelling: asked to end;
  // Succeeded, Failed, Cancelled.
  std::string state;
  std::string reason; // of the condition; empty: no controller has answered
  std::string message;
  std::optional<kube::WallTime> started;
  std::optional<kube::WallTime> finished;

  std::vector<AttemptView> attempts; // the last one is the one at hand; never empty
  int attempts_allowed = 1;
  std::vector<TaskView> tasks; // of the attempt at hand, in plan order
  nlohmann::json raw_tasks = nlohmann::json::array();
  std::vector<std::pair<std::string, std::string>> results;

  bool done() const { return state == "Succeeded" || state == "Failed" || state == "Cancelled"; }
  const AttemptView& attempt() const { return attempts.back(); }
};

// Decode a CustomRun; nothing if it asks for another kind than a TaskGroup. What is absent or of
// another type is empty.
std::optional<RunView> run_view_of(const nlohmann::json& custom_run);

// Return what a CustomRun asks for, such as "Wait (wait.example.dev/v1)".
std::string asked_kind_of(const nlohmann::json& custom_run);

// Return the run as `taskgroup status -o json` prints it (docs/commands.md).
nlohmann::ordered_json document_of(const RunView& run);

} // namespace taskgroup::cluster
