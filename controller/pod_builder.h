// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/plan.h>
#include <taskgroup/planner.h>

#include "controller/pod_resources.h"
#include "controller/trace_context.h"

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace taskgroup {

// How the agent gets into the pod's containers (design.md 4).
enum class InstallMode {
  post_start, // the coordinator copies it, its hook holds kubelet back until then
  init        // an init container copies it
};

// What this installation of the controller puts into every pod.
struct PodSettings {
  std::string image;                           // of the agent, by digest
  std::vector<std::string> image_pull_secrets; // names, besides those of the service account
  // Requests and limits of the coordinator, and of the init container that installs the agent.
  nlohmann::json coordinator_resources = {{"requests", {{"cpu", "10m"}, {"memory", "32Mi"}}}};
};

// One attempt of a run, for which a pod is made.
struct PodRequest {
  std::string name; // the pod's
  std::string namespace_name;
  nlohmann::json owner; // {apiVersion, kind, name, uid} of the CustomRun or Run
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::string service_account;
  std::optional<std::chrono::seconds> active_deadline; // nothing: MaxInt32
  std::string affinity_assistant;                      // value of Tekton's annotation; empty: none
  // The podTemplate of the owning PipelineRun: what the group's own `run.podTemplate`, which is in
  // the plan, goes over. Null: none.
  nlohmann::json pod_template;
  // imagePullSecrets of the service account, by name: a pod that names others gets those no longer
  // from the API server. Needed only with PodSettings::image_pull_secrets.
  std::vector<std::string> account_pull_secrets;
  // With `init`, always so: how a pod is replaced in which no step was ever started. Otherwise the
  // group's `run.agentInstall` decides, and `auto` means `init` under a runtimeClassName.
  InstallMode install = InstallMode::post_start;
  TraceContext trace;             // for the steps' environment
  nlohmann::json limit_ranges;    // items of the namespace's LimitRanges; null: none
  nlohmann::json resource_quotas; // items of its ResourceQuotas; null: none
};

// Everything that makes a pod of a plan. `config_map` is not null where the plan is too large for
// the pod's env: it must be created before the pod, owned like it.
struct BuiltPod {
  nlohmann::json pod;
  nlohmann::json config_map;
  RequestTotals requests;
};

// Build the pod of one attempt (design.md 4, docs/design/pod.md). Pure: the same input gives the
// same text. The plan must have been made with PlanOptions::pod, of this `group` and these `facts`.
// The error is one sentence that says what to do.
tl::expected<BuiltPod, std::string> build_pod(const Plan& plan, const GroupSpec& group,
                                              const Facts& facts, const PodRequest& request,
                                              const PodSettings& settings);

// --- What a pod of ours says about itself ---

// Names of labels and annotations on the pod.
inline constexpr const char* control_annotation = "taskgroup.dev/control";
inline constexpr const char* outline_annotation = "taskgroup.dev/outline";
inline constexpr const char* resources_annotation = "taskgroup.dev/resources"; // for people

// Labels that every pod and ConfigMap of ours has, beside those of the request.
inline constexpr const char* managed_by_label = "app.kubernetes.io/managed-by";
inline constexpr const char* managed_by = "taskgroup-controller";
inline constexpr const char* run_label = "taskgroup.dev/run"; // label_of_run() of the owner's name

// Return the value of `run_label` for a run of this name: a name that is too long for a label is
// cut and gets a hash.
std::string label_of_run(const std::string& name);

// Name of the coordinator's container; the first one.
inline constexpr const char* coordinator_container = "coordinator";

// What the controller must know of a plan while its pod runs, whatever has become of the spec
// since: written by build_pod into the pod's `outline_annotation`.
struct Outline {
  struct Step {
    std::string name;
    std::string container;
    bool from_start = false; // a sidecar without an agent
  };
  struct Task {
    std::string name;
    bool is_finally = false;
    std::vector<Step> steps;
    std::vector<Step> sidecars;
    std::vector<std::size_t> after; // indices of the tasks that it waits for, with `has_order`
  };
  int version = plan_version;
  // Each task starts as soon as those in `after` are done, and finally tasks once all others are.
  // Not where maxParallel may hold a task back, where there are too many edges for an annotation,
  // and in pods of earlier releases: for figures, not for decisions.
  bool has_order = false;
  std::vector<Task> tasks;
  std::vector<std::string> results; // names of the group's results
  std::optional<Millis> finally_timeout;
};

// Return the containers of a task, sidecars last.
std::vector<Outline::Step> containers_of(const Outline::Task& task);

// Read the outline of a pod of ours. The error names the annotation and what is wrong with it.
tl::expected<Outline, std::string> outline_of(const nlohmann::json& pod);

} // namespace taskgroup
