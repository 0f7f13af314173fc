// SPDX-License-Identifier: Apache-2.0
#include "core/planning/matrix.h"
#include "core/planning/reference_check.h"
#include "core/planning/validation.h"
#include "core/run/combinations.h"

#include <algorithm>
#include <optional>

namespace taskgroup::validation {
namespace {

// Measured: a pod of so many still starts within seconds (e2e/cluster/tests/limits_test.py).
constexpr std::size_t many_containers = 60;

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

// Return the combinations of the matrix if all is written out; nothing if not, or if they are too
// many.
std::optional<MatrixValues> written_out(const PipelineTask& task) {
  MatrixValues values;
  for (const Param& param : task.matrix->params) {
    const auto* items = std::get_if<std::vector<Located>>(&param.value.data);
    if (items == nullptr)
      return std::nullopt;
    auto& texts = values.params.emplace_back(param.name.text, std::vector<std::string>()).second;
    for (const Located& item : *items) {
      if (has_variables(item.text))
        return std::nullopt;
      texts.push_back(item.text);
    }
  }
  for (const MatrixInclude& include : task.matrix->include) {
    Combination& combination = values.include.emplace_back();
    for (const Param& param : include.params) {
      const auto* text = std::get_if<Located>(&param.value.data);
      if (text == nullptr || has_variables(text->text))
        return std::nullopt;
      combination.emplace(param.name.text, text->text);
    }
  }
  return values;
}

std::size_t most_combinations(const GroupView& group, std::size_t otherwise) {
  const int limit = group.group().run.max_combinations;
  return limit > 0 ? static_cast<std::size_t>(limit) : otherwise;
}

void check_count(const GroupView& group, const PipelineTask& task, Diagnostics& diagnostics) {
  const std::size_t most = most_combinations(group, max_matrix_combinations);
  const std::optional<MatrixValues> values = written_out(task);
  if (values && !fan_out(*values, most))
    diagnostics.add_error(task.matrix->where,
                          fmt::format("the matrix has more than {} combinations; make its arrays "
                                      "shorter",
                                      most));
}

// Return how many instances of a task are planned, as far as the text alone shows it.
std::size_t instances_of(const GroupView& group, const PipelineTask& task) {
  if (!is_matrixed(task))
    return 1;
  if (has_late_matrix(task))
    return most_combinations(group, default_late_combinations);
  const std::optional<MatrixValues> values = written_out(task);
  const auto combinations = values ? fan_out(*values, max_matrix_combinations) : std::nullopt;
  return combinations ? std::max<std::size_t>(combinations->size(), 1) : 1;
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

void check_containers(const GroupView& group, Diagnostics& diagnostics) {
  std::size_t all = 0;
  std::size_t largest = 0;
  const PipelineTask* largest_task = nullptr;
  for (const TaskView& view : group.tasks()) {
    if (view.spec == nullptr)
      continue;
    const std::size_t own =
        (view.spec->steps.size() + view.spec->sidecars.size()) * instances_of(group, *view.task);
    all += own;
    if (own > largest) {
      largest = own;
      largest_task = view.task;
    }
  }
  if (all > many_containers)
    diagnostics.add_warning(
        largest_task->where,
        fmt::format("the pod has {} containers, {} of them for this task; kubelet starts them one "
                    "after the other, and their specs share one object of 1.5 MB at most, so that "
                    "more than about {} are slow to start or refused; make several groups of this "
                    "one{}",
                    all, largest, many_containers,
                    is_matrixed(*largest_task)
                        ? ", shorten the matrix, or lower `run.matrix.maxCombinations`"
                        : ""));
}

} // namespace taskgroup::validation
