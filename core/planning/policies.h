// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/plan.h>

#include "core/planning/substitute.h"

namespace taskgroup {

// Put onError and timeout of a task or step into the plan: the value if it is known, else the text
// that will become it. Values that are none are errors. A task's `timeout` is its own, or the one
// that the run gives it.
void plan_policies(const PipelineTask& task, const Located& timeout,
                   const Substitution& substitution, PlanTask& planned);
void plan_policies(const Step& step, const Substitution& substitution, PlanStep& planned);

} // namespace taskgroup
