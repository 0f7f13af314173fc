// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/run/run.h"

#include <map>
#include <string>

namespace taskgroup {

// What a task's result files amount to.
struct TaskResults {
  std::map<std::string, Value> values; // those that are as declared
  std::string problem;                 // not empty: some are not, in upstream's words
};

// Read a task's result files, and those of its steps that become its results, as declared. Files
// nobody declared mean nothing, files that are not there are left out (taskrun-semantics.md 3.3).
TaskResults read_results(const std::vector<PlanResult>& declared, const TaskRun& task);

} // namespace taskgroup
