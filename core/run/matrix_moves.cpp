// SPDX-License-Identifier: Apache-2.0
#include "core/run/engine_state.h"
#include "core/run/late_values.h"
#include "core/run/matrix.h"
#include "core/run/policy.h"
#include "core/run/reasons.h"

#include <algorithm>
#include <map>
#include <set>

namespace taskgroup {
namespace {

// Far above any matrix that can be run; keeps a product of long arrays from being made.
constexpr std::size_t max_combinations = 4096;

const MatrixRun& run_of(const Run& run, const PlanMatrix& matrix) {
  return run.matrices[static_cast<std::size_t>(&matrix - run.plan.matrices.data())];
}

// Return the combination of an instance of a late matrix, or nullptr.
const Combination* combination_of(const Run& run, std::size_t task) {
  const PlanMatrix* matrix = matrix_of(run.plan, task);
  if (matrix == nullptr || !matrix->is_late()) {
    return nullptr;
  }
  const MatrixRun& made = run_of(run, *matrix);
  const std::size_t instance = task - matrix->first;
  return instance < made.combinations.size() ? &made.combinations[instance] : nullptr;
}

std::optional<std::vector<std::string>> items_of(const PlanMatrixParam& param, LateValues& values) {
  std::vector<std::string> items;
  for (const Text& text : param.values) {
    auto more = text.resolve_items(values.lookup());
    if (!more) {
      return std::nullopt;
    }
    items.insert(items.end(), more->begin(), more->end());
  }
  return items;
}

std::string too_large(const PlanMatrix& matrix, const std::string& found) {
  return "the matrix of task \"" + matrix.task + "\" has " + found
         + " combinations, and there are containers for " + std::to_string(matrix.count)
         + ": let spec.run.matrix.maxCombinations of the group be as large, or make the arrays "
           "that "
           "it gets from other tasks shorter";
}

} // namespace

std::size_t instances_of(const Run& run, const AuthorTask& task) {
  return task.matrix->is_late() ? run_of(run, *task.matrix).combinations.size() : task.count;
}

Value::Array aggregated(const Run& run, const AuthorTask& task, const std::string& result) {
  std::map<std::string, std::string> by_name; // by the number at the name's end
  for (std::size_t i = 0; i < task.count; ++i) {
    const auto& results = run.tasks[task.first + i].outcome.results;
    if (const auto found = results.find(result); found != results.end()) {
      const Value& value = found->second;
      by_name.emplace(std::to_string(i),
                      value.type() == ValueType::string ? value.text() : std::string());
    }
  }
  Value::Array items;
  for (auto& [name, item] : by_name) {
    items.push_back(std::move(item));
  }
  return items;
}

std::optional<std::string> matrix_value(const Run& run, std::size_t task,
                                        const std::string& param) {
  const Combination* combination = combination_of(run, task);
  if (combination == nullptr) {
    return std::nullopt;
  }
  if (const auto own = combination->find(param); own != combination->end()) {
    return own->second;
  }
  for (const PlanMatrixParam& fallback : matrix_of(run.plan, task)->defaults) {
    if (fallback.name == param) {
      return fallback.values.front().literal();
    }
  }
  return std::nullopt;
}

std::string missing_matrix_param(const Run& run, std::size_t task) {
  if (combination_of(run, task) == nullptr) {
    return "";
  }
  std::set<std::string> names;
  for (const PlanMatrixInclude& include : matrix_of(run.plan, task)->include) {
    for (const PlanMatrixParam& param : include.params) {
      names.insert(param.name);
    }
  }
  for (const PlanMatrixParam& param : matrix_of(run.plan, task)->params) {
    names.insert(param.name);
  }
  std::string missing;
  for (const std::string& name : names) {
    if (!matrix_value(run, task, name)) {
      missing += (missing.empty() ? "" : " ") + name;
    }
  }
  return missing.empty()
             ? ""
             : "missing values for these params which have no default values: [" + missing + "]";
}

Decision Engine::State::with_matrix(std::size_t task, Decision decision) {
  const PlanMatrix* matrix = matrix_of(run.plan, task);
  if (matrix == nullptr || !matrix->is_late() || decision.kind == Decision::Kind::wait) {
    return decision;
  }
  MatrixRun& made = run.matrices[static_cast<std::size_t>(matrix - run.plan.matrices.data())];
  const bool is_first = task == matrix->first;
  if (decision.kind != Decision::Kind::start) {
    // One task is skipped, whatever it would have been fanned out to.
    const bool speaks = is_first || (made.is_known && combination_of(run, task) != nullptr);
    return speaks ? std::move(decision) : Decision{.kind = Decision::Kind::leave_out};
  }
  if (!made.is_known) {
    made.is_known = true;
    make_combinations(*matrix, made);
  }
  if (combination_of(run, task) != nullptr) {
    return decision;
  }
  if (!is_first) {
    return {.kind = Decision::Kind::leave_out};
  }
  if (!made.problem.empty()) {
    return {.kind = Decision::Kind::fail,
            .reason = std::string(task_reason::matrix_too_large),
            .message = made.problem};
  }
  return {.kind = Decision::Kind::skip, .reason = std::string(skip_reason::empty_matrix)};
}

void Engine::State::make_combinations(const PlanMatrix& matrix, MatrixRun& made) const {
  LateValues late(run);
  MatrixValues values;
  for (const PlanMatrixParam& param : matrix.params) {
    // What `needs` names is there, so everything resolves.
    values.params.emplace_back(param.name, items_of(param, late).value_or(Value::Array()));
  }
  for (const PlanMatrixInclude& include : matrix.include) {
    Combination combination;
    for (const PlanMatrixParam& param : include.params) {
      if (auto text = param.values.front().resolve(late.lookup())) {
        combination.insert_or_assign(param.name, std::move(*text));
      }
    }
    values.include.push_back(std::move(combination));
  }
  auto combinations = fan_out(values, max_combinations);
  if (!combinations || combinations->size() > matrix.count) {
    made.problem =
        too_large(matrix, combinations ? std::to_string(combinations->size())
                                       : "more than " + std::to_string(max_combinations));
    return;
  }
  made.combinations = std::move(*combinations);
}

void Engine::State::leave_out(std::size_t task) {
  TaskRun& it = run.tasks[task];
  it.absent = true;
  it.outcome.state = TaskState::skipped;
  it.outcome.reason = no_combination;
  release(task);
  const PlanTask& plan = plan_of(task);
  LateValues values(run);
  if (!plan.is_finally && !carries_on(plan, values.lookup())) {
    stop_if_failed(task);
  }
}

} // namespace taskgroup
