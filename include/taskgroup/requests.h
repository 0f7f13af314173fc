// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <tl/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What the containers of a pod ask for (design.md 4, "Requests for cpu and memory"): the pod asks
// for what can run at one time, the peak, and not for the sum of all its containers.
namespace taskgroup {

// An amount of a resource: thousandths of a core, or bytes.
using Amount = std::int64_t;

// What a namespace rules on one resource: its LimitRanges together.
struct RequestRange {
  std::optional<Amount> min;             // of a container: the highest
  std::optional<Amount> default_request; // of a container that says nothing: the lowest
  std::optional<Amount> pod_min;         // of a pod: the highest
  bool has_ratio = false;                // a maxLimitRequestRatio: requests cannot be lowered
};

struct RequestRules {
  RequestRange cpu;
  RequestRange memory;
};

// One container's share of a resource; nothing where it is not named.
struct SizedContainer {
  std::optional<Amount> asked; // by the author; a limit, or a LimitRange's default, stands in
  std::optional<Amount> given; // in the pod
  std::optional<Amount> limit; // as written
};

// How a resource is shared out.
enum class Sharing {
  peak,        // request × peak ÷ sum
  sum,         // as written: the group says so
  ratio,       // as written: a LimitRange has a maxLimitRequestRatio
  pod_minimum, // as written: the peak is less than a LimitRange wants of a pod
};

// One resource over a whole plan.
struct SizedResource {
  std::vector<SizedContainer> containers; // in the order of sized_order()
  Amount sum = 0;                         // of all that is asked
  Amount peak = 0;                        // asked for at one time at most
  Amount given = 0;                       // of all that is given: the peak, and some rounding
  Amount limits_sum = 0;
  Amount limits_peak = 0; // reached at one time at most
  std::size_t without_request = 0;
  std::size_t without_limit = 0;
  // The tasks that reach the peak, as indices of the plan; empty where there is nothing to reach,
  // and where the search gave up: `peak` is then no more than an upper bound.
  std::vector<std::size_t> busiest;
  Sharing sharing = Sharing::peak;
};

struct SizedPlan {
  SizedResource cpu;
  SizedResource memory;
};

// Return the containers in the order of SizedResource::containers: container_order(), then the
// sidecars that run from the pod's start, which weigh all the time.
std::vector<StepId> sized_order(const Plan& plan);

// Share out cpu and memory. A task weighs its largest step and its sidecars; of the tasks, those
// that may run at once count, at most `max_parallel` of them; finally tasks run together, after the
// others. Nothing falls below a LimitRange's min, and nothing that was asked for drops to zero. The
// error names the container and the quantity that cannot be read.
tl::expected<SizedPlan, std::string> size_requests(const Plan& plan, bool plain_sum,
                                                   const RequestRules& rules = {});

} // namespace taskgroup
