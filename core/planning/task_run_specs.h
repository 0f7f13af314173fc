// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/plan.h>

#include "core/planning/substitute.h"

#include <string>
#include <vector>

// What a run says of one task alone, on its way into the plan (taskrun-semantics.md 9.5, 13, 14).
namespace taskgroup {

// Return what the run says of a task; null: nothing.
const TaskRunSpec* find_task_run_spec(const RunSpec& run, const std::string& task);

// Put a TaskRunSpec's resources over those that a step has in its container fields: stepSpecs field
// by field; computeResources in place of all, with the requests divided by the number of the Task's
// steps, rounded down, and the limits whole (pkg/pod/pod.go:205-214, tasklevel.go). Return the new
// fields. Where computeResources has no requests, and the step neither, its limits are divided.
std::string with_step_resources(const TaskRunSpec& spec, const std::string& step, std::size_t steps,
                                const std::string& container_fields);

// The same for a sidecar: sidecarSpecs only.
std::string with_sidecar_resources(const TaskRunSpec& spec, const std::string& sidecar,
                                   const std::string& container_fields);

// Return the first resource of which a container requests more than its limit; "" where there is
// none, or a quantity cannot be read.
std::string resource_over_limit(const std::string& container_fields);

// A podTemplate in two parts.
struct TaskPodTemplate {
  // JSON of what holds for the whole pod, whichever task says it; empty: nothing. Its
  // securityContext lacks what a container can have.
  std::string of_pod;
  std::string security_context;     // JSON of what goes under each container's own; empty: nothing
  std::vector<PlanEnv> env;         // wins over each container's own
  std::vector<std::string> secured; // the fields of security_context
};

// Replace the variables of a task's podTemplate, but for its volumes, and take it apart.
TaskPodTemplate take_apart(const RawValue& pod_template, const Substitution& substitution);

// Put a task's podTemplate into one of its containers.
void apply(const TaskPodTemplate& pod_template, std::vector<PlanEnv>& env,
           std::string& container_fields);

// One task's podTemplate, for merging; null: it has none.
struct TemplateOfTask {
  std::string task;
  const TaskPodTemplate* parts = nullptr;
  RawValue written;
};

// Return the podTemplate of the pod in which all tasks run, as JSON: `group` under those of the
// tasks. nodeSelectors are put together, and so are tolerations, imagePullSecrets and hostAliases;
// of affinity and topologySpreadConstraints one is taken; all else must be the same for all tasks
// (taskrun-semantics.md 14). Report by field what contradicts.
std::string merge_task_pod_templates(const std::string& group,
                                     const std::vector<TemplateOfTask>& tasks,
                                     Diagnostics& diagnostics);

} // namespace taskgroup
