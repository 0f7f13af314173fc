// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>

#include <string>

namespace taskgroup {

// What a TaskRun says about how its Task runs.
struct SingleTask {
  Located name; // of the group's one task
  std::optional<Located> task_ref;
  std::optional<TaskSpec> task_spec;
  int retries = 0;
  Located timeout;
  RunSpec run;
};

// Make the group that runs one Task: it declares `params` and `workspaces`, and passes them all to
// the task.
GroupSpec group_of_one(SingleTask single, std::vector<ParamSpec> params,
                       std::vector<GroupWorkspace> workspaces);

// Return the declaration of a param that is passed without one: such a param is propagated into
// embedded Tasks (taskrun-semantics.md 5).
ParamSpec declare(const Param& param);

// Add declarations of the params and workspaces that a run passes and nobody has declared.
void declare_propagated(const RunRequest& run, std::vector<ParamSpec>& params,
                        std::vector<GroupWorkspace>& workspaces);

// Return the workspaces that the group of one Task has.
std::vector<GroupWorkspace> workspaces_of(const TaskSpec& task);

} // namespace taskgroup
