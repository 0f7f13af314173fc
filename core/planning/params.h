// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/plan.h>

#include "core/planning/scope.h"
#include "core/planning/substitute.h"

#include <map>
#include <string>
#include <vector>

namespace taskgroup {

// Put the values of the group's params into `scope`: what the request passes, as data, and
// defaults. Reports missing and mistyped values, missing keys, values outside an enum, and defaults
// that refer to themselves. Returns false if a param is left without a value: what refers to it
// means nothing then.
bool bind_group_params(const GroupSpec& group, const RunRequest& request, ParamScope& scope,
                       Diagnostics& diagnostics);

// Warn about params of the request that the group does not declare and that nothing refers to: a
// PipelineRun may pass them, but on a command line they are a slip of the pen.
void warn_unused_params(const GroupSpec& group, const RunRequest& request, const ParamScope& scope,
                        Diagnostics& diagnostics);

// Put the values of a Task's params into `scope`: what the PipelineTask passes, its variables
// replaced by `group`, what the combination of its matrix does, and defaults. Reports the same as
// bind_group_params(). Return the checks that are left because a value is late.
std::vector<PlanParamCheck> bind_task_params(const PipelineTask& task, const TaskSpec& spec,
                                             const std::map<std::string, DraftValue>& matrix,
                                             const Substitution& group, ParamScope& scope,
                                             Diagnostics& diagnostics);

// Put the values of a StepAction's params into `scope`: what the step passes, its variables
// replaced by `task`, and defaults. The declared type says what a step's result that is passed is
// meant to be (replacementsFromStepResults()).
void bind_step_params(const Step& step, const Substitution& task, ParamScope& scope);

} // namespace taskgroup
