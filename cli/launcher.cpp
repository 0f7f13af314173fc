// SPDX-License-Identifier: Apache-2.0
#include "cli/launcher.h"

namespace taskgroup {

std::vector<Container> containers_of(const Plan& plan) {
  std::vector<Container> containers;
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    for (std::size_t step = 0; step < plan.tasks[task].steps.size(); ++step) {
      containers.push_back({containers.size(), task, step});
    }
  }
  return containers;
}

} // namespace taskgroup
