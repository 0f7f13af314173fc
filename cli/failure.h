// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/exit_code.h"

#include <string>

namespace taskgroup {

// Why a command ends early: what to print on standard error (whole lines, no final line break) and
// the exit code.
struct Failure {
  ExitCode code = ExitCode::internal;
  std::string message;
};

// Print a failure on standard error and return its exit code.
ExitCode fail(const Failure& failure);

} // namespace taskgroup
