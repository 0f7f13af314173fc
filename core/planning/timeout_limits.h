// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>

namespace taskgroup {

// Report limits of `tasks` and `finally` that do not fit into the limit of the whole, as Tekton
// does for a PipelineRun (pipelinerun_validation.go): each must be at most the whole, and their sum
// too; "0" is no limit and does not fit into one. Empty texts and durations that cannot be read are
// passed over.
void check_timeouts(const Located& whole, const Located& tasks, const Located& finally,
                    Diagnostics& diagnostics);

} // namespace taskgroup
