// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/cluster/cluster.h"
#include "cli/commands.h"
#include "cli/status_sink.h"

namespace taskgroup::cluster {

// What the commands do, with a cluster that a test may have in memory. What is asked for goes to
// standard output, everything else to standard error. Each blocks; they return the exit code of the
// program: where they follow a run to its end, that is the run's own outcome.

// Print the state of the runs that flags.run means, or of all in the namespace where it is empty.
// With `watch` again whenever it has changed, until the end: on a terminal in place, otherwise a
// line for each change and the whole at last.
ExitCode show_status(const Cluster& cluster, const StatusFlags& flags,
                     const TerminalTraits& terminal);

// Print what the steps have written. Of runs that are done, in plan order; with `follow` as it
// comes, with the tasks' states between, over all attempts until the end.
ExitCode show_logs(const Cluster& cluster, const LogsFlags& flags, const TerminalTraits& terminal);

// Ask for the end of a run, as Tekton does: spec.status RunCancelled. What has ended stays ended.
ExitCode cancel(const Cluster& cluster, const CancelFlags& flags);

} // namespace taskgroup::cluster
