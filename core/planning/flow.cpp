// SPDX-License-Identifier: Apache-2.0
#include "core/planning/flow.h"

#include <algorithm>
#include <utility>

namespace taskgroup {
namespace {

constexpr std::size_t source = 0;
constexpr std::size_t sink = 1;
constexpr std::size_t unreachable = std::numeric_limits<std::size_t>::max();

} // namespace

void FlowNetwork::add_edge(std::size_t from, std::size_t to, std::int64_t capacity) {
  m_edges[from].push_back({to, m_edges[to].size(), capacity});
  m_edges[to].push_back({from, m_edges[from].size() - 1, 0});
}

std::vector<std::size_t> FlowNetwork::distances() const {
  std::vector<std::size_t> result(m_edges.size(), unreachable);
  std::vector<std::size_t> queue{source};
  result[source] = 0;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::size_t node = queue[i];
    for (const Edge& edge : m_edges[node]) {
      if (edge.capacity > 0 && result[edge.to] == unreachable) {
        result[edge.to] = result[node] + 1;
        queue.push_back(edge.to);
      }
    }
  }
  return result;
}

// Push a blocking flow along edges that lead away from the source. Without recursion: a chain of
// tasks may be long.
std::int64_t FlowNetwork::block(std::vector<std::size_t>& distance) {
  std::vector<std::size_t> next(m_edges.size());
  std::vector<std::pair<std::size_t, std::size_t>> path; // node, index of the edge taken
  std::int64_t total = 0;
  std::size_t node = source;
  while (true) {
    if (node == sink) {
      std::int64_t push = unlimited;
      for (const auto& [from, index] : path)
        push = std::min(push, m_edges[from][index].capacity);
      total += push;
      std::size_t keep = path.size();
      for (std::size_t i = path.size(); i > 0; --i) {
        Edge& edge = m_edges[path[i - 1].first][path[i - 1].second];
        edge.capacity -= push;
        m_edges[edge.to][edge.reverse].capacity += push;
        if (edge.capacity == 0)
          keep = i - 1;
      }
      node = path[keep].first;
      path.resize(keep);
      continue;
    }
    bool advanced = false;
    for (std::size_t& i = next[node]; i < m_edges[node].size(); ++i) {
      const Edge& edge = m_edges[node][i];
      if (edge.capacity > 0 && distance[edge.to] == distance[node] + 1) {
        path.emplace_back(node, i);
        node = edge.to;
        advanced = true;
        break;
      }
    }
    if (advanced)
      continue;
    if (path.empty())
      return total;
    distance[node] = unreachable;
    node = path.back().first;
    path.pop_back();
  }
}

std::int64_t FlowNetwork::maximise() {
  std::int64_t total = 0;
  for (std::vector<std::size_t> distance = distances(); distance[sink] != unreachable;
       distance = distances())
    total += block(distance);
  return total;
}

std::vector<bool> FlowNetwork::source_side() const {
  std::vector<bool> result;
  for (const std::size_t distance : distances())
    result.push_back(distance != unreachable);
  return result;
}

} // namespace taskgroup
