// SPDX-License-Identifier: Apache-2.0
#include "core/planning/group_view.h"

namespace taskgroup {
namespace {

template <typename Map>
auto value_or_null(const Map& map, std::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second;
}

template <typename Map>
std::vector<std::string_view> keys_of(const Map& map) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : map)
    keys.push_back(key);
  return keys;
}

} // namespace

GroupView::GroupView(const GroupSpec& group, const Facts& facts)
    : m_group(group), m_images_come(facts.images_come) {
  for (const ParamSpec& param : group.params)
    m_params.try_emplace(param.name.text, &param);
  for (const GroupWorkspace& workspace : group.workspaces)
    m_workspaces.try_emplace(workspace.name.text, &workspace);
  m_tasks.reserve(group.tasks.size() + group.finally.size()); // m_by_name points into it
  for (const auto* list : {&group.tasks, &group.finally})
    for (const PipelineTask& task : *list) {
      TaskView view{&task, nullptr, task.task_spec.has_value(), list == &group.finally};
      if (task.task_spec)
        view.spec = &*task.task_spec;
      else if (task.task_ref)
        if (const auto found = facts.tasks.find(task.task_ref->text); found != facts.tasks.end())
          view.spec = &found->second;
      m_tasks.push_back(view);
      m_by_name.try_emplace(task.name.text, &m_tasks.back());
    }
}

const ParamSpec* GroupView::param(std::string_view name) const {
  return value_or_null(m_params, name);
}

const GroupWorkspace* GroupView::workspace(std::string_view name) const {
  return value_or_null(m_workspaces, name);
}

const TaskView* GroupView::task(std::string_view name) const {
  return value_or_null(m_by_name, name);
}

std::vector<std::string_view> GroupView::param_names() const { return keys_of(m_params); }

std::vector<std::string_view> GroupView::workspace_names() const { return keys_of(m_workspaces); }

std::vector<std::string_view> GroupView::task_names(bool is_finally) const {
  std::vector<std::string_view> names;
  for (const TaskView& task : m_tasks)
    if (task.is_finally == is_finally)
      names.push_back(task.task->name.text);
  return names;
}

} // namespace taskgroup
