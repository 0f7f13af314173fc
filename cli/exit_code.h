// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace taskgroup {

// What the program's exit code means; a documented contract (README.md).
enum class ExitCode : int {
  success = 0,              // also with skipped tasks and ignored failures
  failed = 1,               // failed or timed out
  bad_input = 2,            // wrong or refused input: nothing was started
  prerequisite_missing = 3, // something the machine must have is not there: nothing was started
  internal = 70,            // a bug in this program
  interrupted = 130,        // cancelled by SIGINT
  terminated = 143          // cancelled by SIGTERM
};

} // namespace taskgroup
