// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/planner.h>

#include "core/planning/group_view.h"
#include "core/planning/step_actions.h"
#include "core/planning/validation.h"

#include <fmt/format.h>

namespace taskgroup {

namespace {

// The Tasks' StepActions are not at hand: say what that leaves unchecked.
void skip_actions(const TaskSpec& task, std::vector<std::string>& skipped) {
  for (const Step& step : task.steps)
    if (is_unresolved(step) && !step.ref->text.empty())
      skipped.push_back(
          fmt::format("{}: the StepAction \"{}\" is not at hand, so what the step runs "
                      "and its params are not checked",
                      step.ref->where.path, step.ref->text));
}

void validate_resolved(const GroupSpec& group, const Facts& facts, Diagnostics& diagnostics,
                       std::vector<std::string>& skipped) {
  const GroupView view(group, facts);
  validation::check_group(view, diagnostics);
  validation::check_graph(view, diagnostics);
  validation::check_run(view, diagnostics);
  validation::check_task_run_specs(view, diagnostics);
  validation::check_breakpoints(view, diagnostics);
  for (const TaskView& task : view.tasks()) {
    validation::check_passing(view, task, diagnostics);
    if (task.spec != nullptr) {
      validation::check_task(view, task, diagnostics);
      skip_actions(*task.spec, skipped);
    } else if (task.task->task_ref && !task.task->task_ref->text.empty())
      skipped.push_back(fmt::format("{}: the Task \"{}\" is not at hand, so its params, "
                                    "workspaces, results and steps are not "
                                    "checked",
                                    task.task->task_ref->where.path, task.task->task_ref->text));
  }
  validation::check_sidecars(view, facts, diagnostics);
  validation::check_doubts(view, diagnostics);
}

} // namespace

void validate(const GroupSpec& group, const Facts& facts, Diagnostics& diagnostics,
              std::vector<std::string>& skipped) {
  if (group.pipeline_ref) {
    const auto found = facts.pipelines.find(group.pipeline_ref->text);
    if (found == facts.pipelines.end()) {
      skipped.push_back(
          fmt::format("{}: the Pipeline \"{}\" is not at hand, so nothing of it is checked",
                      group.pipeline_ref->where.path, group.pipeline_ref->text));
      return;
    }
    GroupSpec resolved = found->second;
    resolved.run = group.run;
    resolved.pipeline_ref.reset();
    validate(resolved, facts, diagnostics, skipped);
    return;
  }
  if (const auto resolved = resolve_step_actions(group, facts)) {
    validate_resolved(resolved->group, resolved->facts, diagnostics, skipped);
    return;
  }
  validate_resolved(group, facts, diagnostics, skipped);
}

} // namespace taskgroup
