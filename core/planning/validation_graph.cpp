// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include "core/planning/reference_check.h"
#include "core/planning/validation.h"
#include "core/planning/waiting_texts.h"

#include <algorithm>

namespace taskgroup::validation {
namespace {

// Finds cycles by walking along the edges; each cycle is reported once, at its first task.
class CycleSearch {
public:
  CycleSearch(Edges after, const GroupView& group, Diagnostics& diagnostics)
      : m_after(std::move(after)),
        m_group(group),
        m_diagnostics(diagnostics),
        m_state(m_after.size()) {}

  void run() {
    for (std::size_t node = 0; node < m_after.size(); ++node)
      if (m_state[node] == State::unseen)
        walk(node);
  }

private:
  enum class State { unseen, on_path, done };
  struct Frame {
    std::size_t node = 0;
    std::size_t next = 0; // edge to look at
  };

  // Not recursive: a chain may have thousands of tasks.
  void walk(std::size_t root) {
    std::vector<Frame> path{{root, 0}};
    m_state[root] = State::on_path;
    while (!path.empty()) {
      Frame& frame = path.back();
      if (frame.next == m_after[frame.node].size()) {
        m_state[frame.node] = State::done;
        path.pop_back();
        continue;
      }
      const std::size_t next = m_after[frame.node][frame.next++];
      if (m_state[next] == State::on_path)
        report(path, next);
      else if (m_state[next] == State::unseen) {
        m_state[next] = State::on_path;
        path.push_back({next, 0});
      }
    }
  }

  void report(const std::vector<Frame>& path, std::size_t begin) {
    std::vector<std::size_t> cycle;
    auto at =
        std::find_if(path.begin(), path.end(), [&](const Frame& f) { return f.node == begin; });
    for (; at != path.end(); ++at)
      cycle.push_back(at->node);
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    std::string text;
    for (const std::size_t node : cycle)
      text += name(node) + " -> ";
    text += name(cycle.front());
    m_diagnostics.add_error(
        m_group.tasks()[cycle.front()].task->name.where,
        fmt::format("the tasks wait for each other in a cycle: {} (each runs after the next)",
                    text));
  }

  const std::string& name(std::size_t node) const { return m_group.tasks()[node].task->name.text; }

  Edges m_after;
  const GroupView& m_group;
  Diagnostics& m_diagnostics;
  std::vector<State> m_state;
};

void check_run_after(const GroupView& group, const TaskView& view, Diagnostics& diagnostics) {
  if (view.is_finally) {
    if (!view.task->run_after.empty())
      diagnostics.add_error(
          view.task->run_after.front().where,
          fmt::format("runAfter is not for finally tasks such as \"{}\", which run "
                      "side by side after all the others; leave it out",
                      view.task->name.text));
    return;
  }
  for (const Located& before : view.task->run_after) {
    const TaskView* found = group.task(before.text);
    if (found == nullptr)
      diagnostics.add_error(before.where,
                            fmt::format("there is no task \"{}\"{}", before.text,
                                        did_you_mean(before.text, group.task_names(false))));
    else if (found->is_finally)
      diagnostics.add_error(
          before.where, fmt::format("\"{}\" is a finally task, and those run last", before.text));
  }
}

} // namespace

Edges order_of_tasks(const GroupView& group) {
  const std::vector<TaskView>& tasks = group.tasks();
  Edges after(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const TaskView& view = tasks[i];
    if (view.is_finally)
      continue;
    std::vector<std::size_t>& edges = after[i];
    const auto add = [&](const std::string& name) {
      if (const TaskView* found = group.task(name); found != nullptr && !found->is_finally)
        edges.push_back(static_cast<std::size_t>(found - tasks.data()));
    };
    for (const Located& before : view.task->run_after)
      add(before.text);
    each_waiting_text(view, [&](const Located& text) {
      for (const std::string& name : tasks_used(group, text.text))
        add(name);
    });
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  }
  return after;
}

void check_graph(const GroupView& group, Diagnostics& diagnostics) {
  for (const TaskView& view : group.tasks())
    check_run_after(group, view, diagnostics);
  CycleSearch(order_of_tasks(group), group, diagnostics).run();
}

} // namespace taskgroup::validation
