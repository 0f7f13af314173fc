// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>
#include <taskgroup/quantity.h>

#include "core/planning/raw_json.h"
#include "core/planning/task_run_specs.h"
#include "core/planning/validation.h"

#include <algorithm>

namespace taskgroup::validation {
namespace {

using Containers = std::vector<TaskRunSpec::Container>;

void check_quantities(const RawValue& resources, Diagnostics& diagnostics) {
  for (const char* part : {"requests", "limits"}) {
    const Node* quantities = resources.node.find(part);
    for (std::size_t i = 0; quantities != nullptr && i < quantities->size(); ++i) {
      const Node& value = quantities->children()[i];
      const std::string text = value.is_string() ? value.text() : value.to_json();
      if (!is_quantity(text))
        diagnostics.add_error(
            value.where(fmt::format("{}.{}.{}", resources.path, part, quantities->keys()[i].name)),
            fmt::format("found \"{}\", expected a quantity such as \"500m\" or \"2Gi\"",
                        text.substr(0, 40)));
    }
  }
}

// Names that the Task does not have would be dropped silently otherwise.
void check_containers(const Containers& containers, std::string_view what,
                      const std::vector<std::string_view>* names, Diagnostics& diagnostics) {
  check_unique(containers, what, diagnostics);
  for (const TaskRunSpec::Container& container : containers) {
    check_quantities(container.resources, diagnostics);
    const std::string& name = container.name.text;
    if (names == nullptr || name.empty()
        || std::find(names->begin(), names->end(), name) != names->end())
      continue;
    diagnostics.add_error(container.name.where, fmt::format("the Task has no {} \"{}\"{}", what,
                                                            name, did_you_mean(name, *names)));
  }
}

void check_spec(const GroupView& group, const TaskRunSpec& spec, Diagnostics& diagnostics) {
  if (spec.task.text.empty())
    return; // reported by whoever read it
  const TaskView* task = group.task(spec.task.text);
  if (task == nullptr) {
    std::vector<std::string_view> names = group.task_names(false);
    for (const std::string_view name : group.task_names(true))
      names.push_back(name);
    diagnostics.add_error(spec.task.where, fmt::format("there is no task \"{}\"{}", spec.task.text,
                                                       did_you_mean(spec.task.text, names)));
  }
  std::vector<std::string_view> steps;
  std::vector<std::string_view> sidecars;
  const TaskSpec* known = task != nullptr ? task->spec : nullptr;
  if (known != nullptr) {
    for (const Step& step : known->steps)
      steps.push_back(step.name.text);
    for (const Sidecar& sidecar : known->sidecars)
      sidecars.push_back(sidecar.name.text);
  }
  check_containers(spec.steps, "step", known != nullptr ? &steps : nullptr, diagnostics);
  check_containers(spec.sidecars, "sidecar", known != nullptr ? &sidecars : nullptr, diagnostics);
  if (!spec.resources)
    return;
  check_quantities(spec.resources, diagnostics);
  if (std::any_of(spec.steps.begin(), spec.steps.end(),
                  [](const auto& step) { return static_cast<bool>(step.resources); }))
    diagnostics.add_error(spec.resources.node.where(spec.resources.path),
                          "given beside stepSpecs, as Tekton refuses it too; give the resources of "
                          "the whole task, or those of its steps");
}

// What a step asks for once everything is put over it.
std::string fields_of(const GroupView& group, const TaskView& task, const Step& step) {
  std::string fields;
  const auto add = [&](const StepCommon& common) {
    if (common.raw_resources)
      fields = merge_json(fields, json_object("resources", plain_json(common.raw_resources)));
  };
  if (group.group().run.step_template)
    add(*group.group().run.step_template);
  if (task.spec->step_template)
    add(*task.spec->step_template);
  add(step);
  const TaskRunSpec* spec = find_task_run_spec(group.group().run, task.task->name.text);
  return spec == nullptr
             ? fields
             : with_step_resources(*spec, step.name.text, task.spec->steps.size(), fields);
}

} // namespace

void check_task_run_specs(const GroupView& group, Diagnostics& diagnostics) {
  std::vector<std::string_view> seen;
  for (const TaskRunSpec& spec : group.group().run.task_run_specs) {
    if (std::find(seen.begin(), seen.end(), spec.task.text) != seen.end())
      diagnostics.add_error(spec.task.where,
                            fmt::format("there is another item for the task \"{}\"; "
                                        "put all of it into one",
                                        spec.task.text));
    seen.push_back(spec.task.text);
    check_spec(group, spec, diagnostics);
  }
  for (const TaskView& task : group.tasks()) {
    if (task.spec == nullptr)
      continue;
    for (const Step& step : task.spec->steps) {
      if (const std::string resource = resource_over_limit(fields_of(group, task, step));
          !resource.empty())
        diagnostics.add_error(
            step.where, fmt::format("requests more {} than its limit allows, once stepTemplate and "
                                    "what the run says are put in; lower the request",
                                    resource));
    }
  }
}

} // namespace taskgroup::validation
