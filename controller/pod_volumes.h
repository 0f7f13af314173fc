// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace taskgroup {

// The volumes of a pod: the plan's, one for each source, and ours.
class PodVolumes {
public:
  // Add the plan's volumes. Bound ones name their source as JSON. Two of the same claim are one
  // volume of the pod: some drivers cannot mount a claim twice.
  explicit PodVolumes(const Plan& plan);

  // Add a volume of the pod's own, without its name: `{"emptyDir": {}}`.
  void add(const std::string& name, nlohmann::json source);

  // Add volumes of a podTemplate that no plan knows; those whose names are taken are left out.
  void add_unnamed(const nlohmann::json& volumes);

  // Return a container's `volumeMounts` for what a step mounts.
  nlohmann::json mounts_of(const PlanStep& step) const;

  // Return the pod's `volumes`.
  const nlohmann::json& list() const { return m_list; }

private:
  nlohmann::json m_list = nlohmann::json::array();
  std::map<std::string, std::string> m_names; // the plan's -> the pod's
};

} // namespace taskgroup
