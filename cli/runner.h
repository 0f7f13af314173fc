// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include "cli/failure.h"
#include "cli/launcher.h"
#include "cli/mask.h"
#include "cli/run_folder.h"
#include "cli/status_sink.h"

#include <tl/expected.hpp>

namespace taskgroup {

// Blocks SIGINT and SIGTERM for the whole process and delivers them through a descriptor, so that a
// signal is an event among others. Make it before anything is started.
class InterruptSignals {
public:
  InterruptSignals();
  ~InterruptSignals();
  InterruptSignals(const InterruptSignals&) = delete;
  InterruptSignals& operator=(const InterruptSignals&) = delete;

  int fd() const { return m_fd; }

  // Return the next signal that has arrived, or 0. Never blocks.
  int take() const;

private:
  int m_fd = -1;
};

// Follow one run from its first container to its last line of output: start what the coordinator
// announces, show the journal and the steps' output, cancel on the first SIGINT or SIGTERM, kill
// everything on the second. Return the run's exit code. Blocks; belongs to one thread.
tl::expected<ExitCode, Failure> run_to_the_end(const Plan& plan, const RunFolder& folder,
                                               Launcher& launcher, StatusSink& sink,
                                               const Mask& mask, InterruptSignals& signals);

} // namespace taskgroup
