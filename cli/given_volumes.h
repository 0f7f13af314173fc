// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/given_objects.h>
#include <taskgroup/plan.h>

#include "cli/run_folder.h"

#include <tl/expected.hpp>

#include <string>

namespace taskgroup {

// Make a plan runnable without a cluster: what comes from ConfigMaps, Secrets and claims becomes
// variables, and folders in memory or, for claims, on the disk. Before the run's own folders are
// made; the planner has seen to it that all is there. The error names the path.
tl::expected<void, std::string> make_given(Plan& plan, const GivenObjects& given,
                                           const RunFolder& folder);

} // namespace taskgroup
