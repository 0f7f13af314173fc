// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace taskgroup {

// One task of a drawing.
struct DrawnTask {
  std::string name;
  bool is_finally = false;
  std::vector<std::size_t> after; // indices of direct predecessors, all smaller than its own
  std::vector<std::string> notes; // such as "when", "retries 2"
};

// A group's graph, tasks in an order in which they could run, finally tasks last.
struct Drawing {
  std::string name;
  std::vector<DrawnTask> tasks;
};

// Draw for a terminal: a line per task, a rail per task that others wait for.
//
//     ●         clone
//     ├─●       lint
//     └─│─●     build
//       └─┴─●   package
std::string draw_text(const Drawing& drawing);

// Write a Mermaid flowchart.
std::string draw_mermaid(const Drawing& drawing);

// Write a Graphviz graph.
std::string draw_dot(const Drawing& drawing);

} // namespace taskgroup
