// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/given_objects.h>
#include <taskgroup/plan.h>
#include <taskgroup/planner.h>

#include "core/planning/names.h"
#include "core/planning/scope.h"
#include "core/planning/substitute.h"

#include <map>
#include <string>
#include <vector>

namespace taskgroup {

// What a workspace of the group is in this run.
struct RunWorkspace {
  bool bound = false;   // false: optional, and nobody binds it
  std::string volume;   // the plan's
  std::string sub_path; // of the binding
  bool read_only = false;
  std::string claim; // name of a PersistentVolumeClaim
};

using RunWorkspaces = std::map<std::string, RunWorkspace>;

// Decide what the group's workspaces are: the request's bindings; for a required one that nobody
// binds a volume of the run (design.md 3). Without a cluster, what is bound must be a folder or
// among `given`. Adds the volumes to `volumes` and each workspace's
// `workspaces.<name>.bound` to `names`. Bindings of workspaces that the group does not declare
// count too: embedded tasks see them, as in a PipelineRun.
RunWorkspaces bind_group_workspaces(const GroupSpec& group, const RunRequest& request,
                                    const PlanOptions& options, const GivenObjects& given,
                                    const Substitution& substitution, NamePool& volume_names,
                                    std::vector<PlanVolume>& volumes, NameScope& names);

// What a workspace is for one task.
struct TaskWorkspace {
  std::string name;
  bool bound = false;
  std::string path; // where it is mounted unless a step says otherwise
  std::string volume;
  std::string sub_path;
  bool read_only = false;
  bool isolated = false; // only steps that ask for it get it (pkg/workspace/apply.go:114-220)
};

// Decide what a task's workspaces are and add their variables to `names`. `propagate` is for
// embedded tasks: they get the group's workspaces that their texts name or that they declare,
// without binding them (pkg/reconciler/pipelinerun/pipelinerun.go:1624-1652). `group` replaces
// variables in the bindings, `task` in the declarations.
std::vector<TaskWorkspace> bind_task_workspaces(const PipelineTask& pipeline_task,
                                                const TaskSpec& spec,
                                                const RunWorkspaces& run_workspaces, bool propagate,
                                                const Substitution& group, const Substitution& task,
                                                NameScope& names);

// Return an absolute path without `.`, `..`, doubled and trailing slashes: what Kubernetes makes of
// a mountPath (a relative one hangs below `/`).
std::string clean_path(std::string_view path);

} // namespace taskgroup
