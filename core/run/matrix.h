// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/run/run.h"

#include <optional>
#include <string>
#include <string_view>

// What becomes of a matrix while the group runs (taskrun-semantics.md 10).
namespace taskgroup {

// Count the instances of an author's task that is a matrix; 0 as long as they are not known.
std::size_t instances_of(const Run& run, const AuthorTask& task);

// Return a result of all instances that have it, in the order of their names as texts: as in stock
// `-10` comes before `-2` (createResultsCacheMatrixedTaskRuns). An instance's result that is no
// string counts as an empty text.
Value::Array aggregated(const Run& run, const AuthorTask& task, const std::string& result);

// Return the value that a param of a late matrix has for an instance: the combination's, or else
// the Task's default. Nothing if there is neither.
std::optional<std::string> matrix_value(const Run& run, std::size_t task, const std::string& param);

// Say which param of a late matrix has no value for an instance; empty if all have one.
std::string missing_matrix_param(const Run& run, std::size_t task);

} // namespace taskgroup
