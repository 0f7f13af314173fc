// SPDX-License-Identifier: Apache-2.0
#include "core/planning/group_of_one.h"

#include <fmt/format.h>

#include <algorithm>

namespace taskgroup {
namespace {

template <typename Item>
bool has_name(const std::vector<Item>& items, const std::string& name) {
  return std::any_of(items.begin(), items.end(),
                     [&](const Item& item) { return item.name.text == name; });
}

// Both kinds of quotes are allowed in a variable's name, and a name may have dots.
std::string reference_to(const ParamSpec& param) {
  return fmt::format("$(params[\"{}\"]{})", param.name.text,
                     param.type == ValueType::string ? "" : "[*]");
}

} // namespace

ParamSpec declare(const Param& param) {
  ParamSpec spec;
  spec.where = param.where;
  spec.name = param.name;
  spec.type = param.value.type();
  if (const auto* fields = std::get_if<2>(&param.value.data))
    for (const auto& [key, text] : *fields)
      spec.keys.push_back(key);
  return spec;
}

void declare_propagated(const RunRequest& run, std::vector<ParamSpec>& params,
                        std::vector<GroupWorkspace>& workspaces) {
  for (const Param& param : run.params)
    if (!has_name(params, param.name.text))
      params.push_back(declare(param));
  for (const WorkspaceBinding& binding : run.workspaces)
    if (!has_name(workspaces, binding.name.text))
      workspaces.push_back({.where = binding.where, .name = binding.name});
}

std::vector<GroupWorkspace> workspaces_of(const TaskSpec& task) {
  std::vector<GroupWorkspace> workspaces;
  for (const WorkspaceDeclaration& workspace : task.workspaces)
    workspaces.push_back(
        {.where = workspace.where, .name = workspace.name, .optional = workspace.optional});
  return workspaces;
}

GroupSpec group_of_one(SingleTask single, std::vector<ParamSpec> params,
                       std::vector<GroupWorkspace> workspaces) {
  GroupSpec group;
  PipelineTask task;
  task.where = single.name.where;
  task.name = std::move(single.name);
  task.retries = single.retries;
  task.timeout = std::move(single.timeout);
  for (const ParamSpec& param : params) {
    // Propagation is enough for what an embedded Task does not declare.
    if (single.task_spec && !has_name(single.task_spec->params, param.name.text))
      continue;
    task.params.push_back(
        {param.where, param.name, {param.where, Located{reference_to(param), param.name.where}}});
  }
  for (const GroupWorkspace& workspace : workspaces) {
    if (single.task_spec && !has_name(single.task_spec->workspaces, workspace.name.text))
      continue;
    task.workspaces.push_back({.where = workspace.where, .name = workspace.name});
  }
  task.task_ref = std::move(single.task_ref);
  task.task_spec = std::move(single.task_spec);
  group.of_one_task = true;
  group.where = task.where;
  group.params = std::move(params);
  group.workspaces = std::move(workspaces);
  group.run = std::move(single.run);
  group.tasks.push_back(std::move(task));
  return group;
}

} // namespace taskgroup
