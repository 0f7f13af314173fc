// SPDX-License-Identifier: Apache-2.0
#include "core/planning/antichain.h"

#include "core/planning/flow.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <numeric>
#include <utility>

namespace taskgroup {
namespace {

using After = std::vector<std::vector<std::size_t>>;

// Dilworth's theorem with weights: the heaviest antichain weighs as much as the fewest chains that
// cover each task as often as it weighs. Each unit of flow joins two of those chains: it leaves a
// task on the left, passes through any number of later ones, and ends at a task on the right.
Antichain unlimited_antichain(const After& after, const std::vector<std::int64_t>& weights) {
  const auto left = [](std::size_t task) { return 2 + 2 * task; };
  const auto right = [](std::size_t task) { return 3 + 2 * task; };
  FlowNetwork network(2 + 2 * weights.size());
  for (std::size_t task = 0; task < weights.size(); ++task) {
    network.add_edge(0, left(task), weights[task]);
    network.add_edge(right(task), 1, weights[task]);
    network.add_edge(right(task), left(task), FlowNetwork::unlimited);
    for (const std::size_t predecessor : after[task])
      network.add_edge(left(predecessor), right(task), FlowNetwork::unlimited);
  }
  network.maximise();
  const std::vector<bool> reached = network.source_side();
  Antichain result;
  for (std::size_t task = 0; task < weights.size(); ++task) {
    if (reached[left(task)] && !reached[right(task)] && weights[task] > 0) {
      result.weight += weights[task];
      result.tasks.push_back(task);
    }
  }
  return result;
}

// Finds the heaviest antichain of a bounded length by branch and bound. (The problem is NP-hard,
// but graphs of tasks are small and harmless.)
class BoundedSearch {
public:
  BoundedSearch(const After& after, const std::vector<std::int64_t>& weights, std::size_t at_most,
                std::int64_t upper_bound)
      : m_weights(weights),
        m_at_most(at_most),
        m_upper_bound(upper_bound),
        m_earlier(weights.size(), Bits((weights.size() + bits_per_word - 1) / bits_per_word)) {
    for (std::size_t task = 0; task < after.size(); ++task) {
      for (const std::size_t predecessor : after[task]) {
        m_earlier[task][predecessor / bits_per_word] |= std::uint64_t{1}
                                                        << (predecessor % bits_per_word);
        for (std::size_t word = 0; word < m_earlier[task].size(); ++word)
          m_earlier[task][word] |= m_earlier[predecessor][word];
      }
    }
  }

  // Return the heaviest one; the upper bound if the search takes too long.
  Antichain run() {
    std::vector<std::size_t> tasks(m_weights.size());
    std::iota(tasks.begin(), tasks.end(), std::size_t{0});
    std::stable_sort(tasks.begin(), tasks.end(),
                     [this](std::size_t a, std::size_t b) { return m_weights[a] > m_weights[b]; });
    search(tasks, 0);
    if (m_steps_left == 0)
      return {.weight = m_upper_bound, .tasks = {}, .exact = false};
    std::sort(m_best.tasks.begin(), m_best.tasks.end());
    return m_best;
  }

private:
  static constexpr std::size_t bits_per_word = 64;
  using Bits = std::vector<std::uint64_t>;

  bool related(std::size_t a, std::size_t b) const {
    const auto [low, high] = std::minmax(a, b);
    return (m_earlier[high][low / bits_per_word] >> (low % bits_per_word) & 1U) != 0;
  }

  // `tasks` may all be added, one by one; heaviest first.
  void search(const std::vector<std::size_t>& tasks, std::int64_t weight) {
    if (weight > m_best.weight)
      m_best = {.weight = weight, .tasks = m_chosen};
    const std::size_t room = m_at_most - m_chosen.size();
    std::int64_t bound = weight;
    for (std::size_t i = 0; i < std::min(room, tasks.size()); ++i)
      bound += m_weights[tasks[i]];
    for (std::size_t i = 0; room > 0 && i < tasks.size(); ++i) {
      if (bound <= m_best.weight || m_best.weight == m_upper_bound || m_steps_left == 0)
        return;
      std::vector<std::size_t> rest;
      for (std::size_t j = i + 1; j < tasks.size(); ++j) {
        if (!related(tasks[i], tasks[j]))
          rest.push_back(tasks[j]);
      }
      m_steps_left -= std::min(m_steps_left, tasks.size() - i);
      m_chosen.push_back(tasks[i]);
      search(rest, weight + m_weights[tasks[i]]);
      m_chosen.pop_back();
      // Without tasks[i], the next one outside the bound's window comes in.
      bound -= m_weights[tasks[i]];
      if (i + room < tasks.size())
        bound += m_weights[tasks[i + room]];
    }
  }

  const std::vector<std::int64_t>& m_weights;
  std::size_t m_at_most;
  std::int64_t m_upper_bound;
  std::vector<Bits> m_earlier; // [task]: everything it waits for, directly or not
  Antichain m_best;
  std::vector<std::size_t> m_chosen;
  std::size_t m_steps_left = 2'000'000; // some milliseconds
};

} // namespace

Antichain heaviest_antichain(const std::vector<std::vector<std::size_t>>& after,
                             const std::vector<std::int64_t>& weights, std::size_t at_most) {
  Antichain unlimited = unlimited_antichain(after, weights);
  if (at_most == 0 || unlimited.tasks.size() <= at_most)
    return unlimited;
  std::vector<std::int64_t> largest = weights;
  std::sort(largest.begin(), largest.end(), std::greater<>());
  largest.resize(std::min(at_most, largest.size()));
  const std::int64_t upper_bound =
      std::min(unlimited.weight, std::accumulate(largest.begin(), largest.end(), std::int64_t{0}));
  return BoundedSearch(after, weights, at_most, upper_bound).run();
}

} // namespace taskgroup
