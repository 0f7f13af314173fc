// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/plan.h>

#include "core/planning/names.h"

#include <cstddef>
#include <vector>

namespace taskgroup {

// Set the breakpoints of the author's task in its plan, and give each step that may be held a
// volume of its own at /tekton/debug; `index` is the task's place in the group.
void plan_breakpoints(const RunSpec& run, const PipelineTask& task, std::size_t index,
                      NamePool& volume_names, PlanTask& planned, std::vector<PlanVolume>& volumes);

} // namespace taskgroup
