// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/run/run.h"

#include <string>

namespace taskgroup {

// What is to become of a task that has not begun.
struct Decision {
  enum class Kind { wait, start, skip, fail, leave_out };
  Kind kind = Kind::wait;
  std::string reason; // of skip and fail
  std::string message;
};

// (leave_out is for instances of a matrix: matrix_moves.cpp.)
//
// Decide about a pending task, in the order of upstream's skip() and IsFinallySkipped()
// (pkg/reconciler/pipelinerun/resources/pipelinerunresolution.go). `start` leaves maxParallel to
// the caller. Finally tasks wait until Run::finally_began.
Decision decide(const Run& run, std::size_t task);

} // namespace taskgroup
