// SPDX-License-Identifier: Apache-2.0
#include "core/planning/sidecar_care.h"
#include "core/planning/validation.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace taskgroup::validation {
namespace {

// What an agent runs must be known to it; kubelet asks the image.
void check_command(const Sidecar& sidecar, const Facts& facts, Diagnostics& diagnostics) {
  if (!sidecar.script && !sidecar.command && !facts.images.contains(sidecar.image.text))
    diagnostics.add_error(
        sidecar.where,
        "missing script or command, which are needed to start a sidecar with its Task and to stop "
        "it after; add the command that its image runs, or set `run.sidecars: fromStart`");
}

struct Listener {
  std::size_t task = 0; // in GroupView::tasks()
  const Located* port = nullptr;
};

// Tasks with one port get an order (order_by_ports()). Where none can be had they are refused.
void check_ports(const GroupView& group, Diagnostics& diagnostics) {
  const RunSpec& run = group.group().run;
  if (run.max_parallel == 1 && !run.sidecars_from_start)
    return;
  std::map<std::string, std::vector<Listener>> listeners;
  for (std::size_t i = 0; i < group.tasks().size(); ++i) {
    const TaskView& task = group.tasks()[i];
    if (task.spec == nullptr)
      continue;
    std::set<std::string> own;
    for (const Sidecar& sidecar : task.spec->sidecars)
      for (const Located& port : sidecar.ports)
        if (own.insert(port.text).second)
          listeners[port.text].push_back({i, &port});
  }
  for (const auto& [port, of_port] : listeners)
    for (std::size_t i = 1; i < of_port.size(); ++i) {
      const TaskView& task = group.tasks()[of_port[i].task];
      const auto end = of_port.begin() + static_cast<std::ptrdiff_t>(i);
      const auto other = std::find_if(of_port.begin(), end, [&](const Listener& one) {
        return run.sidecars_from_start || (task.is_finally && group.tasks()[one.task].is_finally);
      });
      if (other == end)
        continue;
      diagnostics.add_error(
          of_port[i].port->where,
          fmt::format("the sidecars of the tasks \"{}\" and \"{}\" declare port {}, and {}; give "
                      "them different ports{}",
                      group.tasks()[other->task].task->name.text, task.task->name.text, port,
                      run.sidecars_from_start
                          ? "with `run.sidecars: fromStart` both run from the start of the one pod"
                          : "finally tasks run at the same time in the one pod",
                      run.sidecars_from_start ? "" : ", or set `run.maxParallel: 1`"));
    }
}

} // namespace

void check_sidecars(const GroupView& group, const Facts& facts, Diagnostics& diagnostics) {
  if (!group.group().run.sidecars_from_start) {
    std::set<const TaskSpec*> seen;
    for (const TaskView& task : group.tasks()) {
      if (task.spec == nullptr || !seen.insert(task.spec).second)
        continue;
      for (const Sidecar& sidecar : task.spec->sidecars) {
        check_command(sidecar, facts, diagnostics);
        care_of(sidecar, diagnostics);
      }
    }
  }
  check_ports(group, diagnostics);
}

} // namespace taskgroup::validation
