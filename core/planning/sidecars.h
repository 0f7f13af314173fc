// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/plan.h>

#include "core/planning/steps.h"
#include "core/planning/substitute.h"

namespace taskgroup {

// Plan a Task's sidecars into `planned.sidecars`: as steps, but without stepTemplate and stock's
// implicit volumes (taskrun-semantics.md 7). `steps` is the context of the Task's steps.
void plan_sidecars(const TaskSpec& spec, const StepContext& steps, bool from_start,
                   const Substitution& substitution, PlanTask& planned);

// Keep tasks apart whose sidecars declare one port and that might overlap: the later one in the
// plan gets the earlier one into its `ordered_after`. Finally tasks are left alone: validate()
// refuses those that clash.
void order_by_ports(Plan& plan);

} // namespace taskgroup
