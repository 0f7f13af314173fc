// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace taskgroup {

// Predecessors of each node, as indices.
using Edges = std::vector<std::vector<std::size_t>>;

// Return the nodes so that each stands behind its predecessors and, beyond that, in their own
// order: of those that may come next, the first. Nothing if there is a cycle.
std::optional<std::vector<std::size_t>> topological_order(const Edges& after);

// Mark `roots` and everything they need, directly or not.
std::vector<bool> closure(const Edges& after, const std::vector<std::size_t>& roots);

} // namespace taskgroup
