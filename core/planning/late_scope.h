// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>

#include "core/planning/matrix.h"
#include "core/planning/scope.h"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace taskgroup {

// Knows the variables that get their value while the group runs: results of its tasks and, for
// finally tasks, their states.
class LateScope : public Scope {
public:
  enum class For { tasks, finally, group_results };

  // `group` is who runs; `specs` holds the Tasks by the names of its tasks; `matrices` those of its
  // matrices that are drafted; `left_out` the tasks that this run does without (`--task`): they end
  // as tasks that were never started, with state None and no results. All must outlive the scope.
  LateScope(For whom, const GroupSpec& group, const std::map<std::string, const TaskSpec*>& specs,
            const std::map<std::string, MatrixDraft>& matrices,
            const std::set<std::string>& left_out)
      : m_for(whom), m_group(group), m_specs(specs), m_matrices(matrices), m_left_out(left_out) {}

  Meaning find(std::string_view written) const override;

private:
  Meaning find_length(Reference reference) const;
  bool is_matrixed(const std::string& task) const;

  For m_for;
  const GroupSpec& m_group;
  const std::map<std::string, const TaskSpec*>& m_specs;
  const std::map<std::string, MatrixDraft>& m_matrices;
  const std::set<std::string>& m_left_out;
};

// Knows the results of steps by their notation; validate() has seen to it that the steps come
// before.
class StepResultScope : public Scope {
public:
  Meaning find(std::string_view written) const override;
};

} // namespace taskgroup
