// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/run/run.h"

namespace taskgroup {

// Return what became of a run whose tasks are all done: upstream's GetPipelineConditionStatus() and
// ApplyTaskResultsToPipelineResults(), with Cancelled and PipelineRunTimeout before all others.
Outcome outcome_of(const Run& run);

} // namespace taskgroup
