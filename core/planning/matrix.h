// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/plan.h>

#include "core/planning/draft.h"
#include "core/planning/substitute.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// A task's `matrix` (taskrun-semantics.md 10, docs/matrix.md of Tekton).
namespace taskgroup {

// The most combinations of a matrix, as in stock (default-max-matrix-combinations-count), and the
// instances that are planned for one whose arrays come from other tasks, where the group's
// `run.matrix.maxCombinations` gives no other number. The second is small because each instance has
// containers of its own, used or not.
inline constexpr std::size_t max_matrix_combinations = 256;
inline constexpr std::size_t default_late_combinations = 10;

// Say whether a task has a matrix with something in it.
bool is_matrixed(const PipelineTask& task);

// Say whether the matrix gives a value to a param.
bool matrix_passes(const PipelineTask& task, std::string_view param);

// Call visit(param) for every param of a matrix, those of its includes last.
template <typename Visit>
void each_matrix_param(const PipelineTask& task, Visit visit) {
  if (!task.matrix)
    return;
  std::for_each(task.matrix->params.begin(), task.matrix->params.end(), visit);
  for (const MatrixInclude& include : task.matrix->include)
    std::for_each(include.params.begin(), include.params.end(), visit);
}

// Say whether the matrix uses what is known only while the group runs.
bool has_late_matrix(const PipelineTask& task);

// What a matrix makes of a task.
struct MatrixDraft {
  PlanMatrix planned; // without `first`

  // For each instance, what its combination passes to the Task; of a late matrix references.
  std::vector<std::map<std::string, DraftValue>> instances;
};

// How many combinations a matrix may have.
struct MatrixLimits {
  std::size_t known = max_matrix_combinations;
  std::size_t late = default_late_combinations;

  // Return how many items a late array can have at most; nothing: that is not known.
  std::function<std::optional<std::size_t>(const Reference&)> length_of;
};

// Make the combinations of a matrix; `group` replaces the group's variables. Reports values of
// other types than Tekton takes, and too many combinations. There is at least one instance: where
// an array is empty the engine skips it.
MatrixDraft draft_matrix(const PipelineTask& task, const TaskSpec& spec, const Substitution& group,
                         const MatrixLimits& limits);

} // namespace taskgroup
