// SPDX-License-Identifier: Apache-2.0
#include "core/planning/breakpoints.h"

#include <fmt/format.h>

#include <algorithm>

namespace taskgroup {

void plan_breakpoints(const RunSpec& run, const PipelineTask& task, std::size_t index,
                      NamePool& volume_names, PlanTask& planned, std::vector<PlanVolume>& volumes) {
  const auto found = std::find_if(
      run.breakpoints.begin(), run.breakpoints.end(),
      [&](const Breakpoints& candidate) { return candidate.task.text == task.name.text; });
  if (found == run.breakpoints.end())
    return;
  for (std::size_t i = 0; i < planned.steps.size(); ++i) {
    PlanStep& step = planned.steps[i];
    step.pause_on_failure = found->on_failure;
    step.pause_before =
        std::any_of(found->before_steps.begin(), found->before_steps.end(),
                    [&](const Located& before) { return before.text == step.name; });
    if (!step.pause_on_failure && !step.pause_before)
      continue;
    PlanVolume volume;
    volume.name = volume_names.make(fmt::format("t{}-debug-{}", index, i),
                                    fmt::format("{}/debug/{}", index, i));
    // Nothing can be mounted below it: /tekton is Tekton's own.
    step.mounts.push_back({.volume = volume.name, .path = "/tekton/debug"});
    volumes.push_back(std::move(volume));
  }
}

} // namespace taskgroup
