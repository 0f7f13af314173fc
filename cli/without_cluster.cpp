// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/failure.h"

namespace taskgroup {

namespace {

ExitCode say_what_is_missing() {
  return fail({ExitCode::prerequisite_missing,
               "error: this program was built without the API client that status, logs and cancel "
               "need. With it:\n"
               "  scripts/setup cluster\n"
               "  cmake --preset release -DTASKGROUP_CLUSTER=ON\n"
               "  cmake --build --preset release --target taskgroup"});
}

} // namespace

ExitCode status_command(const StatusFlags&) { return say_what_is_missing(); }
ExitCode logs_command(const LogsFlags&) { return say_what_is_missing(); }
ExitCode cancel_command(const CancelFlags&) { return say_what_is_missing(); }

} // namespace taskgroup
