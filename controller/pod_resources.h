// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
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
  // `resources` of each container, in the order of sized_order().
  std::vector<nlohmann::json> steps;
  nlohmann::json coordinator;
  nlohmann::json pod; // `spec.resources`; null: none
  RequestTotals totals;
  // By resource: {asked, peak, given, coordinator, how, busiest: [tasks]}, for people.
  nlohmann::json explanation = nlohmann::json::object();
};

// Compute the resources of the containers. cpu and memory are shared out by size_requests() under
// the LimitRanges of the namespace, of which the strictest counts; a LimitRange's default for
// ephemeral-storage is divided by a task's steps, and all else stays as written. The coordinator
// gets limits where a quota counts them, and stays within a LimitRange. With RequestMode::pod the
// pod itself asks for what its containers are given, and where each has a limit of a resource, is
// limited to what can be reached at one time; of memory not where a volume is in memory. The error
// names the container and the quantity that cannot be read.
tl::expected<PodResources, std::string> pod_resources(const Plan& plan, RequestMode mode,
                                                      const nlohmann::json& coordinator,
                                                      const NamespaceRules& rules);

} // namespace taskgroup
