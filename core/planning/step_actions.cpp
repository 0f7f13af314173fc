// SPDX-License-Identifier: Apache-2.0
#include "core/planning/step_actions.h"

#include <algorithm>
#include <utility>

namespace taskgroup {
namespace {

bool has_refs(const TaskSpec& task) {
  return std::any_of(task.steps.begin(), task.steps.end(),
                     [](const Step& step) { return step.ref.has_value(); });
}

bool has_refs(const std::vector<PipelineTask>& tasks) {
  return std::any_of(tasks.begin(), tasks.end(), [](const PipelineTask& task) {
    return task.task_spec && has_refs(*task.task_spec);
  });
}

void put_in(const StepAction& action, Step& step) {
  step.image = action.step.image;
  step.command = action.step.command;
  step.args = action.step.args;
  step.script = action.step.script;
  step.env = action.step.env;
  step.working_dir = action.step.working_dir;
  step.volume_mounts = action.step.volume_mounts;
  step.security_context = action.step.security_context;
  step.results = action.step.results;
  step.action_params = action.params;
}

void put_in(const std::map<std::string, StepAction>& actions, TaskSpec& task) {
  for (Step& step : task.steps) {
    if (!step.ref)
      continue;
    if (const auto action = actions.find(step.ref->text); action != actions.end())
      put_in(action->second, step);
  }
}

} // namespace

std::optional<ResolvedSteps> resolve_step_actions(const GroupSpec& group, const Facts& facts) {
  const bool any = has_refs(group.tasks) || has_refs(group.finally)
                   || std::any_of(facts.tasks.begin(), facts.tasks.end(),
                                  [](const auto& task) { return has_refs(task.second); });
  if (!any)
    return std::nullopt;
  ResolvedSteps resolved{group, facts};
  for (auto* tasks : {&resolved.group.tasks, &resolved.group.finally}) {
    for (PipelineTask& task : *tasks) {
      if (task.task_spec)
        put_in(facts.step_actions, *task.task_spec);
    }
  }
  for (auto& [name, task] : resolved.facts.tasks)
    put_in(facts.step_actions, task);
  return resolved;
}

} // namespace taskgroup
