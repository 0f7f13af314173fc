// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/plan.h>
#include <taskgroup/planner.h>

#include "core/planning/names.h"
#include "core/planning/scope.h"
#include "core/planning/steps.h"
#include "core/planning/task_run_specs.h"
#include "core/planning/workspaces.h"

#include <map>
#include <string>
#include <vector>

namespace taskgroup {

// What all tasks of a group have in common while they are planned.
struct GroupContext {
  const RunRequest& request;
  const Facts& facts;
  const ParamScope& params;
  const NameScope& names; // contexts and workspaces of the group
  const RunWorkspaces& workspaces;
  const DraftCommon& step_template; // `run.stepTemplate`, the group's variables replaced
  NamePool& containers;
  NamePool& volume_names;
  const SharedVolumes& volumes; // of `run.podTemplate`
  const RunSpec& run;
  bool pod = false;                 // PlanOptions::pod
  bool commands_later = false;      // StepContext::commands_later
  bool sidecars_from_start = false; // `run.sidecars: fromStart`, in a pod
};

// A task of the group that is being planned, or an instance of one with a matrix. `planned.after`
// is left empty.
struct TaskDraft {
  const PipelineTask* source = nullptr;
  const TaskSpec* spec = nullptr;
  const PlanMatrix* matrix = nullptr; // that it is an instance of
  std::map<std::string, DraftValue> combination;
  PlanTask planned;
  std::vector<PlanVolume> volumes;
  TaskPodTemplate pod_template; // of the run's TaskRunSpec for it
  Diagnostics diagnostics;
};

// Plan one task: `draft.source`, `draft.spec`, the combination and the planned name are set, the
// rest is filled in. `late` knows the
// variables whose values come while the group runs; `index` is the task's place in the group.
void plan_task(const GroupContext& context, const Scope& late, std::size_t index, TaskDraft& draft);

// Replace the variables in the name of a task's Task and find it; nullptr and an error if it is not
// in the facts.
const TaskSpec* find_task_spec(const PipelineTask& task, const Facts& facts,
                               const Substitution& substitution);

} // namespace taskgroup
