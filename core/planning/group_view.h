// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/planner.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// A task of a group with the Task it runs.
struct TaskView {
  const PipelineTask* task = nullptr;
  const TaskSpec* spec = nullptr; // null: not among the facts
  bool embedded = false;          // sees the group's params, workspaces and results
  bool is_finally = false;
};

// A group by names, for validation. Refers to the group and the facts, which must outlive it. Of
// several things of one name the first counts; the others are errors.
class GroupView {
public:
  GroupView(const GroupSpec& group, const Facts& facts);
  GroupView(const GroupView&) = delete;
  GroupView& operator=(const GroupView&) = delete;

  const GroupSpec& group() const { return m_group; }

  // Tell whether images are looked up later (Facts::images_come).
  bool images_come() const { return m_images_come; }

  // The tasks, those of `finally` last.
  const std::vector<TaskView>& tasks() const { return m_tasks; }

  const ParamSpec* param(std::string_view name) const;
  const GroupWorkspace* workspace(std::string_view name) const;
  const TaskView* task(std::string_view name) const;

  std::vector<std::string_view> param_names() const;
  std::vector<std::string_view> workspace_names() const;
  std::vector<std::string_view> task_names(bool is_finally) const;

private:
  const GroupSpec& m_group;
  bool m_images_come;
  std::vector<TaskView> m_tasks;
  std::map<std::string_view, const ParamSpec*> m_params;
  std::map<std::string_view, const GroupWorkspace*> m_workspaces;
  std::map<std::string_view, const TaskView*> m_by_name;
};

} // namespace taskgroup
