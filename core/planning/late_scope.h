// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>

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

  // `specs` holds the Tasks by the names of the group's tasks; `left_out` the tasks that this run
  // does without (`--task`): they end as tasks that were never started, with state None and no
  // results. Both must outlive the scope.
  LateScope(For whom, const std::map<std::string, const TaskSpec*>& specs,
            const std::set<std::string>& left_out)
      : m_for(whom), m_specs(specs), m_left_out(left_out) {}

  Meaning find(std::string_view written) const override;

private:
  For m_for;
  const std::map<std::string, const TaskSpec*>& m_specs;
  const std::set<std::string>& m_left_out;
};

} // namespace taskgroup
