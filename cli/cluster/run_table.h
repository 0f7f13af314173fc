// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/cluster/run_view.h"

#include <string>
#include <vector>

namespace taskgroup::cluster {

// Draw one run: what it is and how it stands, its tasks and steps in plan order, its results, and
// for a failed one what to type next. `now` is for what still runs. Lines, each with its break.
std::string draw_run(const RunView& run, kube::WallTime now, bool colour);

// Draw a list of runs, one a line.
std::string draw_list(const std::vector<RunView>& runs, kube::WallTime now, bool colour);

} // namespace taskgroup::cluster
