// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/plan.h>

namespace taskgroup {

// Set the plan's three limits. The request's win over the group's; the whole is 60 minutes where
// nobody says; with it and one of the others set, the third is the difference; "0" is no limit
// (pkg/apis/pipeline/v1/pipelinerun_types.go:114-157, pipelinerun_defaults.go:56-61).
void plan_timeouts(const GroupSpec& group, const RunRequest& request, Plan& plan,
                   Diagnostics& diagnostics);

} // namespace taskgroup
