// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/plan.h>
#include <taskgroup/planner.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace taskgroup {

// What a container asks for, or several together.
struct Requests {
  std::int64_t cpu = 0;    // thousandths of a core
  std::int64_t memory = 0; // bytes
  friend bool operator==(const Requests&, const Requests&) = default;
};

// The most that steps can ask for at one time, against what they ask for together. A pod made by
// stock rules asks for the sum; ours for the peak (design.md 4).
struct Peak {
  Requests peak;
  Requests sum;
  std::size_t steps_without_cpu = 0;    // steps that ask for no cpu at all
  std::size_t steps_without_memory = 0; // likewise
};

// Compute the peak of a plan: a task weighs its largest step; of the tasks, those that may run at
// once count, at most `max_parallel` of them; finally tasks run together, after the others. A
// request that is missing beside a limit counts as that limit. `group` and `facts` are those that
// the plan was made of. Reports quantities that cannot be read and counts them as absent.
Peak find_peak(const Plan& plan, const GroupSpec& group, const Facts& facts,
               Diagnostics& diagnostics);

// Return the largest total weight of tasks that may run at once: of an antichain of the graph, at
// most `at_most` long (0 = no limit). `after` holds each task's predecessors, all smaller than its
// own index; weights are not negative and their sum fits. Exact without a limit; with one, the
// search gives up on graphs made to defeat it and returns an upper bound.
std::int64_t heaviest_antichain(const std::vector<std::vector<std::size_t>>& after,
                                const std::vector<std::int64_t>& weights, std::size_t at_most = 0);

} // namespace taskgroup
