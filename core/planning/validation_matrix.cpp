// SPDX-License-Identifier: Apache-2.0
#include "core/planning/matrix.h"
#include "core/planning/reference_check.h"
#include "core/planning/validation.h"
#include "core/run/combinations.h"

#include <algorithm>

namespace taskgroup::validation {
namespace {

// What a matrix passes is a string, whatever stands in it.
void check_declared(const TaskView& view, const Param& param, Diagnostics& diagnostics) {
  if (view.spec == nullptr)
    return;
  for (const ParamSpec& declared : view.spec->params) {
    if (declared.name.text == param.name.text && declared.type != ValueType::string)
      diagnostics.add_error(param.name.where,
                            fmt::format("a matrix passes strings, and the param \"{}\" of the Task "
                                        "is an {}",
                                        param.name.text, to_string(declared.type)));
  }
}

void check_not_passed(const PipelineTask& task, const Param& param, Diagnostics& diagnostics) {
  const bool is_passed =
      std::any_of(task.params.begin(), task.params.end(),
                  [&](const Param& other) { return other.name.text == param.name.text; });
  if (is_passed && !param.name.text.empty())
    diagnostics.add_error(param.name.where,
                          fmt::format("the param \"{}\" is passed by the task's params as well; "
                                      "leave one out",
                                      param.name.text));
}

// Count the combinations if all is written out.
void check_count(const GroupView& group, const PipelineTask& task, Diagnostics& diagnostics) {
  const int limit = group.group().run.max_combinations;
  const std::size_t most = limit > 0 ? static_cast<std::size_t>(limit) : max_matrix_combinations;
  MatrixValues values;
  for (const Param& param : task.matrix->params) {
    const auto* items = std::get_if<std::vector<Located>>(&param.value.data);
    if (items == nullptr)
      return;
    auto& texts = values.params.emplace_back(param.name.text, std::vector<std::string>()).second;
    for (const Located& item : *items) {
      if (has_variables(item.text))
        return;
      texts.push_back(item.text);
    }
  }
  for (const MatrixInclude& include : task.matrix->include) {
    Combination& combination = values.include.emplace_back();
    for (const Param& param : include.params) {
      const auto* text = std::get_if<Located>(&param.value.data);
      if (text == nullptr || has_variables(text->text))
        return;
      combination.emplace(param.name.text, text->text);
    }
  }
  if (!fan_out(values, most))
    diagnostics.add_error(task.matrix->where,
                          fmt::format("the matrix has more than {} combinations; make its arrays "
                                      "shorter",
                                      most));
}

} // namespace

void check_matrix(const GroupView& group, const TaskView& view, Diagnostics& diagnostics) {
  const PipelineTask& task = *view.task;
  if (!task.matrix)
    return;
  const ReferenceCheck references(group, view, ReferenceCheck::Level::pipeline_task, diagnostics);
  check_unique(task.matrix->params, "param of the matrix", diagnostics);
  for (const Param& param : task.matrix->params) {
    const auto type = references.value(param.value, {.field = "a value"});
    if (type && *type != ValueType::array)
      diagnostics.add_error(param.value.where,
                            fmt::format("found {} {}, expected a list: a task is started for each "
                                        "of its elements; a single value goes into the task's "
                                        "params",
                                        *type == ValueType::string ? "a" : "an", to_string(*type)));
  }
  for (const MatrixInclude& include : task.matrix->include) {
    check_unique(include.params, "param of the include", diagnostics);
    for (const Param& param : include.params) {
      const auto type = references.value(param.value, {.field = "a value"});
      if (type && *type != ValueType::string)
        diagnostics.add_error(param.value.where,
                              fmt::format("found an {}, expected a string: an include is one "
                                          "combination",
                                          to_string(*type)));
    }
  }
  each_matrix_param(task, [&](const Param& param) {
    check_declared(view, param, diagnostics);
    check_not_passed(task, param, diagnostics);
  });
  check_count(group, task, diagnostics);
}

} // namespace taskgroup::validation
