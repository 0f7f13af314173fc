// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <vector>

namespace taskgroup {

// An object that must be there, or kubelet cannot start a pod's containers.
struct PodReference {
  std::string kind; // ConfigMap, Secret, PersistentVolumeClaim
  std::string name;
  bool optional = false;      // everywhere it is used
  std::set<std::string> keys; // of a ConfigMap or Secret: those that are named and not optional
  std::string used_by;        // for a message: `volume "ws-source"`, `container "step-a-b"`
};

// Return what a pod refers to, each object once, in the order of the pod. A pod's ConfigMap of the
// same name, which holds our plan, is left out.
std::vector<PodReference> references_of(const nlohmann::json& pod);

} // namespace taskgroup
