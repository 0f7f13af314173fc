// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <optional>
#include <vector>

namespace taskgroup {

// Return whether all expressions are true, as upstream's AllowsExecution; nothing if none is false
// but one refers to a result that is missing (taskrun-semantics.md 9.2).
std::optional<bool> when_allows(const std::vector<PlanWhen>& expressions, const Lookup& lookup);

} // namespace taskgroup
