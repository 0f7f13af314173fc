// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/planner.h>

#include <set>
#include <string>
#include <utility>

namespace taskgroup {

std::vector<MissingObject> needs(const GroupSpec& group, const Facts& facts) {
  if (group.pipeline_ref && !facts.pipelines.contains(group.pipeline_ref->text))
    return {{"Pipeline", group.pipeline_ref->text, group.pipeline_ref->where}};

  const GroupSpec& spec = group.pipeline_ref ? facts.pipelines.at(group.pipeline_ref->text) : group;
  std::vector<MissingObject> result;
  std::set<std::pair<std::string, std::string>> seen;
  const auto miss = [&](const char* kind, const Located& name) {
    if (seen.emplace(kind, name.text).second)
      result.push_back({kind, name.text, name.where});
  };
  const auto miss_actions = [&](const TaskSpec& task) {
    for (const Step& step : task.steps) {
      if (step.ref && !facts.step_actions.contains(step.ref->text))
        miss("StepAction", *step.ref);
    }
  };
  for (const auto* tasks : {&spec.tasks, &spec.finally}) {
    for (const PipelineTask& task : *tasks) {
      if (task.task_spec)
        miss_actions(*task.task_spec);
      // A name with variables in it is known when resolve_task_names() has seen the request.
      if (!task.task_ref || task.task_ref->text.find("$(") != std::string::npos)
        continue;
      if (const auto known = facts.tasks.find(task.task_ref->text); known != facts.tasks.end())
        miss_actions(known->second);
      else
        miss("Task", *task.task_ref);
    }
  }
  return result;
}

GroupSpec resolve_pipeline_ref(const GroupSpec& group, const Facts& facts) {
  if (!group.pipeline_ref)
    return group;
  GroupSpec result = facts.pipelines.at(group.pipeline_ref->text);
  result.run = group.run;
  return result;
}

} // namespace taskgroup
