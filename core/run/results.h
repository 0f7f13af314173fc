// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <map>
#include <string>

namespace taskgroup {

// What a task's result files amount to.
struct TaskResults {
  std::map<std::string, Value> values; // those that are as declared
  std::string problem;                 // not empty: some are not, in upstream's words
};

// Read result files as declared. Files nobody declared mean nothing, files that are not there are
// left out (taskrun-semantics.md 3.3).
TaskResults read_results(const std::vector<PlanResult>& declared,
                         const std::map<std::string, std::string>& files);

} // namespace taskgroup
