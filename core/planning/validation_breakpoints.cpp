// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include "core/planning/steps.h"
#include "core/planning/validation.h"

#include <algorithm>
#include <set>

namespace taskgroup::validation {
namespace {

// Stock passes over steps that the Task does not have.
void check_steps(const Breakpoints& breakpoints, const TaskSpec* task, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (std::size_t i = 0; task != nullptr && i < task->steps.size(); ++i)
    names.push_back(step_name(task->steps[i], i));
  std::set<std::string_view> seen;
  for (const Located& step : breakpoints.before_steps) {
    if (step.text.empty())
      diagnostics.add_error(step.where, "empty; give the name of a step");
    else if (!seen.insert(step.text).second)
      diagnostics.add_error(step.where, fmt::format("the step \"{}\" is there already; Tekton "
                                                    "refuses it, too",
                                                    step.text));
    else if (task != nullptr && std::find(names.begin(), names.end(), step.text) == names.end())
      diagnostics.add_error(step.where, fmt::format("the Task has no step \"{}\"{}", step.text,
                                                    did_you_mean(step.text, names)));
  }
}

} // namespace

void check_breakpoints(const GroupView& group, Diagnostics& diagnostics) {
  std::set<std::string_view> seen;
  for (const Breakpoints& breakpoints : group.group().run.breakpoints) {
    const Located& name = breakpoints.task;
    if (name.text.empty())
      continue; // reported by whoever read it
    if (!seen.insert(name.text).second)
      diagnostics.add_error(name.where, fmt::format("there is another item for the task \"{}\"; "
                                                    "put all of it into one",
                                                    name.text));
    const TaskView* const task = group.task(name.text);
    if (task == nullptr) {
      std::vector<std::string_view> names = group.task_names(false);
      for (const std::string_view one : group.task_names(true))
        names.push_back(one);
      diagnostics.add_error(name.where, fmt::format("there is no task \"{}\"{}", name.text,
                                                    did_you_mean(name.text, names)));
    }
    check_steps(breakpoints, task != nullptr ? task->spec : nullptr, diagnostics);
  }
}

} // namespace taskgroup::validation
