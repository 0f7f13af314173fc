// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/planner.h>

#include <set>
#include <string>

namespace taskgroup {

// Check what a run passes to a group, as far as it can be known before anything runs: all that
// plan() would find if the facts have what the group refers to, else the params alone (missing,
// mistyped, outside an enum). `open` names params that are passed as well, with values that nobody
// knows yet; then, too, it is the params alone. The group must have passed validate(), and the
// request need not have claims for its volumeClaimTemplates.
void check_request(const GroupSpec& group, const RunRequest& request,
                   const std::set<std::string>& open, const Facts& facts, Diagnostics& diagnostics);

} // namespace taskgroup
