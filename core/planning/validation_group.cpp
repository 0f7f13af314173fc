// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include "core/planning/reference_check.h"
#include "core/planning/validation.h"

#include <algorithm>
#include <array>

namespace taskgroup::validation {
namespace {

using Level = ReferenceCheck::Level;
using Whole = FieldRule::Whole;

void check_task_names(const GroupView& group, Diagnostics& diagnostics) {
  std::map<std::string_view, const PipelineTask*> seen;
  for (const TaskView& view : group.tasks()) {
    const Located& name = view.task->name;
    if (name.text.empty())
      continue; // reported by whoever read it
    if (!is_dns_label(name.text))
      diagnostics.add_error(name.where, fmt::format("found \"{}\", expected {}",
                                                    name.text.substr(0, 80), dns_label_rule));
    const auto [first, inserted] = seen.try_emplace(name.text, view.task);
    if (!inserted)
      diagnostics.add_error(name.where, fmt::format("there is another task \"{}\"{}", name.text,
                                                    in_line(first->second->name.where.line)));
  }
}

void check_policies(const TaskView& view, const ReferenceCheck& references,
                    Diagnostics& diagnostics) {
  const PipelineTask& task = *view.task;
  constexpr std::array<std::string_view, 2> outcomes = {"continue", "stopAndFail"};
  if (task.retries < 0) {
    Where where = task.where;
    where.path += ".retries";
    diagnostics.add_error(where, fmt::format("found {}, expected 0 or more", task.retries));
  }
  const std::string& on_error = task.on_error.text;
  references.text(task.timeout, {.field = "a timeout"});
  references.text(task.on_error, {.field = "onError"});
  check_one_of(task.on_error, outcomes, diagnostics);
  if (on_error == "continue" && task.retries > 0)
    diagnostics.add_error(
        task.on_error.where,
        "onError continue and retries exclude each other, as in Tekton; leave one "
        "out");
}

void check_bindings(const GroupView& group, const TaskView& view, const ReferenceCheck& references,
                    Diagnostics& diagnostics) {
  check_unique(view.task->workspaces, "workspace", diagnostics);
  for (const WorkspacePipelineTaskBinding& binding : view.task->workspaces) {
    references.text(binding.sub_path, {.field = "a subPath", .late = false});
    const Located& wanted = binding.workspace.text.empty() ? binding.name : binding.workspace;
    if (!wanted.text.empty() && group.workspace(wanted.text) == nullptr)
      diagnostics.add_error(wanted.where,
                            fmt::format("the group declares no workspace \"{}\"{}", wanted.text,
                                        did_you_mean(wanted.text, group.workspace_names())));
  }
}

bool uses_a_result(const ParamValue& value) {
  const auto is_result = [](const Located& text) {
    const auto variables = find_variables(text.text);
    return std::any_of(variables.begin(), variables.end(), [](const Variable& variable) {
      const VariableName name = parse_variable_name(variable.name);
      return name.parts.size() >= 4 && (name.parts[0] == "tasks" || name.parts[0] == "finally")
             && name.parts[2] == "results";
    });
  };
  if (const auto* text = std::get_if<Located>(&value.data))
    return is_result(*text);
  if (const auto* items = std::get_if<std::vector<Located>>(&value.data))
    return std::any_of(items->begin(), items->end(), is_result);
  const auto& fields = std::get<2>(value.data);
  return std::any_of(fields.begin(), fields.end(),
                     [&](const auto& field) { return is_result(field.second); });
}

void check_results(const GroupView& group, Diagnostics& diagnostics) {
  const ReferenceCheck references(group, Level::group_result, diagnostics);
  check_unique(group.group().results, "result", diagnostics);
  for (const GroupResult& result : group.group().results) {
    references.value(result.value, {.field = "a result"});
    if (!uses_a_result(result.value))
      diagnostics.add_error(result.value.where,
                            fmt::format("the result \"{}\" uses no task's result; expected "
                                        "$(tasks.<task>.results.<result>) in it",
                                        result.name.text));
  }
}

} // namespace

void check_group(const GroupView& group, Diagnostics& diagnostics) {
  const GroupSpec& spec = group.group();
  check_task_names(group, diagnostics);
  check_param_specs(spec.params, NameFormat::any, diagnostics);
  const ReferenceCheck of_group(group, Level::group, diagnostics);
  for (const ParamSpec& param : spec.params)
    if (param.default_value)
      of_group.value(*param.default_value,
                     {.field = "a default", .late = false, .of_default = spec.of_one_task});
  check_unique(spec.workspaces, "workspace", diagnostics);
  for (const GroupWorkspace& workspace : spec.workspaces)
    if (!workspace.size_limit.text.empty() && !is_quantity(workspace.size_limit.text))
      diagnostics.add_error(workspace.size_limit.where,
                            fmt::format("found \"{}\", expected a quantity such as \"2Gi\"",
                                        workspace.size_limit.text.substr(0, 40)));
  for (const TaskView& view : group.tasks()) {
    const ReferenceCheck references(group, view, Level::pipeline_task, diagnostics);
    check_when(view.task->when, references, false, diagnostics);
    check_policies(view, references, diagnostics);
    check_bindings(group, view, references, diagnostics);
    if (view.task->task_ref)
      references.text(*view.task->task_ref, {.field = "a Task's name", .late = false});
  }
  check_results(group, diagnostics);
}

namespace {

// The agent runs on Linux only.
void refuse_windows(const RawValue& pod_template, Diagnostics& diagnostics) {
  const Node* selector = pod_template ? pod_template.node.find("nodeSelector") : nullptr;
  const Node* system = selector != nullptr ? selector->find("kubernetes.io/os") : nullptr;
  if (system != nullptr && system->text() == "windows")
    diagnostics.add_error(
        system->where(pod_template.path + ".nodeSelector[\"kubernetes.io/os\"]"),
        "found \"windows\", but the steps of a group run on Linux; run the task outside the group, "
        "as a task of its own");
}

} // namespace

void check_run(const GroupView& group, Diagnostics& diagnostics) {
  refuse_windows(group.group().run.pod_template, diagnostics);
  for (const TaskRunSpec& spec : group.group().run.task_run_specs)
    refuse_windows(spec.pod_template, diagnostics);
  const auto& step = group.group().run.step_template;
  if (!step)
    return;
  const ReferenceCheck references(group, Level::group, diagnostics);
  references.text(step->image, {.field = "an image", .late = false});
  const FieldRule element{
      .field = "an element", .whole = Whole::element, .late = false, .strict = false};
  for (const auto* list : {&step->command, &step->args})
    if (*list)
      references.texts(**list, element);
  const FieldRule text{.field = "a stepTemplate of the run", .late = false, .strict = false};
  for (const EnvVar& env : step->env) {
    check_env_name(env.name, diagnostics);
    references.text(env.value, text);
  }
  check_one_of(step->image_pull_policy, pull_policies, diagnostics);
  references.text(step->working_dir, text);
  for (const VolumeMount& mount : step->volume_mounts)
    diagnostics.add_error(mount.where, "volumes belong to Tasks; mount them in the Task's own "
                                       "stepTemplate, or use a workspace");
  for (const auto* quantities : {&step->resources.requests, &step->resources.limits})
    for (const auto& [name, value] : *quantities)
      if (!is_quantity(value.text))
        diagnostics.add_error(value.where,
                              fmt::format("found \"{}\", expected a quantity such as \"500m\" or "
                                          "\"2Gi\"",
                                          value.text.substr(0, 40)));
}

} // namespace taskgroup::validation
