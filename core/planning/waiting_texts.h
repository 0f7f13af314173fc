// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>

#include "core/planning/group_view.h"
#include "core/planning/matrix.h"

#include <algorithm>
#include <variant>
#include <vector>

namespace taskgroup::validation {

// Call visit(text) for every text of a task that makes it wait for another's result
// (pipeline_types.go, Deps).
template <typename Visit>
void each_waiting_text(const TaskView& view, Visit visit) {
  const PipelineTask& task = *view.task;
  const auto visit_value = [&](const ParamValue& value) {
    if (const auto* text = std::get_if<Located>(&value.data))
      visit(*text);
    else if (const auto* items = std::get_if<std::vector<Located>>(&value.data))
      std::for_each(items->begin(), items->end(), visit);
    else
      for (const auto& [key, field] : std::get<2>(value.data))
        visit(field);
  };
  for (const Param& param : task.params)
    visit_value(param.value);
  each_matrix_param(task, [&](const Param& param) { visit_value(param.value); });
  for (const WhenExpression& when : task.when) {
    visit(when.input);
    std::for_each(when.values.begin(), when.values.end(), visit);
  }
  visit(task.timeout);
  visit(task.on_error);
  if (!view.embedded || view.spec == nullptr)
    return;
  for (const ParamSpec& param : view.spec->params)
    if (param.default_value)
      visit_value(*param.default_value);
  const auto visit_common = [&](const StepCommon& step) {
    for (const auto* list : {&step.command, &step.args})
      if (*list)
        std::for_each((*list)->begin(), (*list)->end(), visit);
    for (const EnvVar& env : step.env)
      visit(env.value);
    visit(step.working_dir);
  };
  if (view.spec->step_template)
    visit_common(*view.spec->step_template);
  for (const Step& step : view.spec->steps) {
    visit_common(step);
    if (step.script)
      visit(*step.script);
    visit(step.timeout);
    visit(step.on_error);
    for (const WhenExpression& when : step.when) {
      visit(when.input);
      std::for_each(when.values.begin(), when.values.end(), visit);
    }
    visit(step.stdout_path);
    visit(step.stderr_path);
  }
  for (const Sidecar& sidecar : view.spec->sidecars) {
    visit_common(sidecar);
    if (sidecar.script)
      visit(*sidecar.script);
  }
}

} // namespace taskgroup::validation
