// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include "core/planning/matrix.h"
#include "core/planning/reference_check.h"
#include "core/planning/validation.h"

#include <algorithm>

namespace taskgroup::validation {
namespace {

template <typename Items>
auto find_named(const Items& items, const std::string& name) {
  const auto found = std::find_if(items.begin(), items.end(),
                                  [&](const auto& item) { return item.name.text == name; });
  return found == items.end() ? nullptr : &*found;
}

std::string with_article(ValueType type) {
  return fmt::format("{} {}", type == ValueType::string ? "a" : "an", to_string(type));
}

// A value that needs no run to be known.
bool is_plain(const Located& text) { return !has_variables(text.text); }

void check_value(const ParamSpec& declared, const Param& param, std::optional<ValueType> type,
                 Diagnostics& diagnostics) {
  if (type && *type != declared.type) {
    diagnostics.add_error(param.value.where,
                          fmt::format("the param \"{}\" of the Task is {}, found {}",
                                      param.name.text, with_article(declared.type),
                                      with_article(*type)));
    return;
  }
  if (const auto* text = std::get_if<Located>(&param.value.data)) {
    std::vector<std::string_view> allowed;
    for (const Located& value : declared.allowed)
      allowed.push_back(value.text);
    if (!allowed.empty() && is_plain(*text)
        && std::find(allowed.begin(), allowed.end(), text->text) == allowed.end())
      diagnostics.add_error(
          text->where, fmt::format("\"{}\" is not in the enum of the param \"{}\" of the Task{}",
                                   text->text, param.name.text, did_you_mean(text->text, allowed)));
  }
  if (const auto* fields = std::get_if<2>(&param.value.data)) {
    // A default fills in the keys that are not passed.
    const auto* defaults =
        declared.default_value ? std::get_if<2>(&declared.default_value->data) : nullptr;
    const auto has_key = [](const auto& list, const std::string& key) {
      return std::any_of(list.begin(), list.end(), [&](const auto& f) { return f.first == key; });
    };
    for (const std::string& key : declared.keys)
      if (!has_key(*fields, key) && (defaults == nullptr || !has_key(*defaults, key)))
        diagnostics.add_error(
            param.value.where,
            fmt::format("the param \"{}\" of the Task needs the key \"{}\"", param.name.text, key));
  }
}

void check_params(const GroupView& group, const TaskView& view, Diagnostics& diagnostics) {
  const ReferenceCheck references(group, view, ReferenceCheck::Level::pipeline_task, diagnostics);
  check_unique(view.task->params, "param", diagnostics);
  for (const Param& param : view.task->params) {
    const auto type = references.value(param.value, {.field = "a value", .passed_on = true});
    if (view.spec == nullptr)
      continue;
    // More params than the Task declares may be passed, as in Tekton.
    if (const ParamSpec* declared = find_named(view.spec->params, param.name.text))
      check_value(*declared, param, type, diagnostics);
  }
  if (view.spec == nullptr)
    return;
  std::vector<std::string_view> passed;
  for (const Param& param : view.task->params)
    passed.push_back(param.name.text);
  each_matrix_param(*view.task, [&](const Param& param) { passed.push_back(param.name.text); });
  for (const ParamSpec& declared : view.spec->params) {
    const std::string& name = declared.name.text;
    if (name.empty() || declared.default_value
        || std::find(passed.begin(), passed.end(), name) != passed.end())
      continue;
    const ParamSpec* of_group = view.embedded ? group.param(name) : nullptr;
    if (of_group == nullptr)
      diagnostics.add_error(view.task->where,
                            fmt::format("the param \"{}\" of the Task has no default and is not "
                                        "passed{}",
                                        name, did_you_mean(name, passed)));
    else if (of_group->type != declared.type)
      diagnostics.add_error(declared.where,
                            fmt::format("the param \"{}\" is {} here and {} in the group", name,
                                        with_article(declared.type), with_article(of_group->type)));
  }
}

void check_workspaces(const GroupView& group, const TaskView& view, Diagnostics& diagnostics) {
  if (view.spec == nullptr)
    return;
  std::vector<std::string_view> known;
  for (const WorkspaceDeclaration& workspace : view.spec->workspaces)
    known.push_back(workspace.name.text);
  for (const WorkspacePipelineTaskBinding& binding : view.task->workspaces)
    if (!binding.name.text.empty() && !view.embedded
        && std::find(known.begin(), known.end(), binding.name.text) == known.end())
      diagnostics.add_error(binding.name.where,
                            fmt::format("the Task declares no workspace \"{}\"{}",
                                        binding.name.text, did_you_mean(binding.name.text, known)));
  for (const WorkspaceDeclaration& declared : view.spec->workspaces) {
    if (declared.optional || declared.name.text.empty())
      continue;
    const auto* binding = find_named(view.task->workspaces, declared.name.text);
    if (binding == nullptr) {
      if (view.embedded && group.workspace(declared.name.text) != nullptr)
        continue; // propagated
      std::vector<std::string_view> bound;
      for (const WorkspacePipelineTaskBinding& other : view.task->workspaces)
        bound.push_back(other.name.text);
      diagnostics.add_error(
          view.task->where,
          fmt::format("the workspace \"{}\" of the Task is not bound; bind it under "
                      "the task's `workspaces`{}",
                      declared.name.text, did_you_mean(declared.name.text, bound)));
      continue;
    }
    const std::string& source =
        binding->workspace.text.empty() ? binding->name.text : binding->workspace.text;
    if (const GroupWorkspace* of_group = group.workspace(source);
        of_group != nullptr && of_group->optional)
      diagnostics.add_error(
          binding->where, fmt::format("the workspace \"{}\" of the group is optional, but the Task "
                                      "needs it as \"{}\"; make both optional or neither",
                                      source, declared.name.text));
  }
}

} // namespace

void check_passing(const GroupView& group, const TaskView& task, Diagnostics& diagnostics) {
  check_params(group, task, diagnostics);
  check_matrix(group, task, diagnostics);
  check_workspaces(group, task, diagnostics);
}

} // namespace taskgroup::validation
