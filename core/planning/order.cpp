// SPDX-License-Identifier: Apache-2.0
#include "core/planning/order.h"

#include <functional>
#include <queue>

namespace taskgroup {

std::optional<std::vector<std::size_t>> topological_order(const Edges& after) {
  std::vector<std::vector<std::size_t>> before(after.size());
  std::vector<std::size_t> open(after.size());
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t node = 0; node < after.size(); ++node) {
    open[node] = after[node].size();
    for (const std::size_t predecessor : after[node])
      before[predecessor].push_back(node);
    if (open[node] == 0)
      ready.push(node);
  }
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t node = ready.top();
    ready.pop();
    order.push_back(node);
    for (const std::size_t successor : before[node]) {
      if (--open[successor] == 0)
        ready.push(successor);
    }
  }
  if (order.size() != after.size())
    return std::nullopt;
  return order;
}

std::vector<bool> closure(const Edges& after, const std::vector<std::size_t>& roots) {
  std::vector<bool> result(after.size());
  std::vector<std::size_t> open = roots;
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    if (result[node])
      continue;
    result[node] = true;
    open.insert(open.end(), after[node].begin(), after[node].end());
  }
  return result;
}

} // namespace taskgroup
