// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace taskgroup {

// What a namespace rules: the items of its LimitRanges and ResourceQuotas; null: none.
struct NamespaceRules {
  nlohmann::json limit_ranges;
  nlohmann::json resource_quotas;
};

// Requests for cpu and memory of all containers of a pod together: as they were written, and as the
// pod has them. The coordinator's are in both.
struct RequestTotals {
  std::int64_t sum_millicores = 0;
  std::int64_t peak_millicores = 0;
  std::int64_t sum_bytes = 0;
  std::int64_t peak_bytes = 0;
};

// What a pod asks for (design.md 4, "Requests for cpu and memory").
struct PodResources {
  // `resources` of each container, in the order of the plan's steps. Those of sidecars stay as they
  // are written.
  std::vector<nlohmann::json> steps;
  nlohmann::json coordinator;
  RequestTotals totals;
};

// Compute the resources of the containers. cpu and memory are scaled by the peak ÷ the sum of the
// group, unless `plain_sum` or a LimitRange's maxLimitRequestRatio forbid it, and raised to its
// min; everything else stays as written. A request that is missing beside a limit, or that a
// LimitRange would fill in, counts as that. The coordinator gets limits where a quota counts them,
// and stays within a LimitRange. The error names the container and the quantity that cannot be
// read.
tl::expected<PodResources, std::string> pod_resources(const Plan& plan, bool plain_sum,
                                                      const nlohmann::json& coordinator,
                                                      const NamespaceRules& rules);

} // namespace taskgroup
