// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace taskgroup {

// A network in which the largest flow from node 0 to node 1 is sought (Dinic's algorithm).
class FlowNetwork {
public:
  static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max() / 4;

  explicit FlowNetwork(std::size_t nodes) : m_edges(nodes) {}

  void add_edge(std::size_t from, std::size_t to, std::int64_t capacity);

  // Push as much as possible; return how much that was. The sum of the capacities out of node 0
  // must be below `unlimited`.
  std::int64_t maximise();

  // After maximise(): the nodes on node 0's side of a smallest cut.
  std::vector<bool> source_side() const;

private:
  struct Edge {
    std::size_t to;
    std::size_t reverse; // index in m_edges[to]
    std::int64_t capacity;
  };

  std::vector<std::size_t> distances() const;
  std::int64_t block(std::vector<std::size_t>& distance);

  std::vector<std::vector<Edge>> m_edges;
};

} // namespace taskgroup
