// SPDX-License-Identifier: Apache-2.0
#include "cli/launcher.h"

namespace taskgroup {

std::vector<Container> containers_of(const Plan& plan) {
  std::vector<Container> containers;
  for (const StepId id : container_order(plan)) {
    containers.push_back({containers.size(), id.task, id.step});
  }
  return containers;
}

} // namespace taskgroup
