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
  std::set<std::string> seen;
  for (const auto* tasks : {&spec.tasks, &spec.finally}) {
    for (const PipelineTask& task : *tasks) {
      // A name with variables in it is known when resolve_task_names() has seen the request.
      if (!task.task_ref || task.task_ref->text.find("$(") != std::string::npos)
        continue;
      const std::string& name = task.task_ref->text;
      if (!facts.tasks.contains(name) && seen.insert(name).second)
        result.push_back({"Task", name, task.task_ref->where});
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
