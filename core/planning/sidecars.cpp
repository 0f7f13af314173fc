// SPDX-License-Identifier: Apache-2.0
#include "core/planning/sidecars.h"

#include "core/planning/raw_json.h"
#include "core/planning/sidecar_care.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace taskgroup {
namespace {

// Return what only kubelet does for a sidecar: its ports and, where no agent does it, its probes
// and hooks.
std::string fields_for_kubelet(const Sidecar& sidecar, bool from_start) {
  std::string result;
  const auto add = [&](const char* key, const RawValue& value) {
    if (value)
      result = merge_json(result, json_object(key, plain_json(value)));
  };
  add("ports", sidecar.raw_ports);
  if (from_start) {
    add("startupProbe", sidecar.startup_probe);
    add("readinessProbe", sidecar.readiness_probe);
    add("livenessProbe", sidecar.liveness_probe);
    add("lifecycle", sidecar.lifecycle);
  }
  return result;
}

std::set<int> ports_of(const PlanTask& task) {
  std::set<int> ports;
  for (const PlanSidecar& sidecar : task.sidecars)
    ports.insert(sidecar.ports.begin(), sidecar.ports.end());
  return ports;
}

bool share_one(const std::set<int>& a, const std::set<int>& b) {
  return std::any_of(a.begin(), a.end(), [&](int port) { return b.contains(port); });
}

} // namespace

void plan_sidecars(const TaskSpec& spec, const StepContext& steps, bool from_start,
                   const Substitution& substitution, PlanTask& planned) {
  const DraftCommon no_template;
  const StepContext context{steps.task,
                            no_template,
                            steps.volumes,
                            steps.facts,
                            steps.containers,
                            steps.pod,
                            steps.commands_later || from_start,
                            true};
  for (std::size_t i = 0; i < spec.sidecars.size(); ++i) {
    const Sidecar& sidecar = spec.sidecars[i];
    PlanSidecar result;
    static_cast<PlanStep&>(result) = plan_step(sidecar, i, context, substitution);
    result.from_start = from_start;
    result.ports = ports_of(sidecar);
    if (!from_start)
      result.care = care_of(sidecar, substitution.diagnostics());
    if (steps.pod)
      result.container_fields =
          merge_json(result.container_fields, fields_for_kubelet(sidecar, from_start));
    planned.sidecars.push_back(std::move(result));
  }
}

void order_by_ports(Plan& plan) {
  if (plan.max_parallel == 1)
    return;
  std::vector<std::set<int>> ports;
  std::vector<std::set<std::size_t>> before; // of each task, all that are done when it starts
  for (std::size_t i = 0; i < plan.tasks.size() && !plan.tasks[i].is_finally; ++i) {
    PlanTask& task = plan.tasks[i];
    ports.push_back(ports_of(task));
    std::set<std::size_t>& all = before.emplace_back();
    const auto add = [&](std::size_t earlier) {
      all.insert(earlier);
      all.insert(before[earlier].begin(), before[earlier].end());
    };
    std::for_each(task.after.begin(), task.after.end(), add);
    for (std::size_t earlier = i; earlier-- > 0;) {
      if (!all.contains(earlier) && share_one(ports[earlier], ports[i])) {
        task.ordered_after.insert(task.ordered_after.begin(), earlier);
        add(earlier);
      }
    }
  }
}

} // namespace taskgroup
