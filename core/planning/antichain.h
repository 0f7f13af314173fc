// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace taskgroup {

// Tasks of which none waits for another.
struct Antichain {
  std::int64_t weight = 0;
  std::vector<std::size_t> tasks; // ascending, without those of weight 0
  bool exact = true;              // not so: `weight` is an upper bound, and `tasks` is empty
};

// Return the heaviest of the tasks that may run at once: an antichain of the graph, at most
// `at_most` long (0 = no limit). `after` holds each task's predecessors, all smaller than its own
// index; weights are not negative and their sum fits. Exact without a limit; with one, the search
// gives up on graphs made to defeat it and returns an upper bound.
Antichain heaviest_antichain(const std::vector<std::vector<std::size_t>>& after,
                             const std::vector<std::int64_t>& weights, std::size_t at_most = 0);

} // namespace taskgroup
