// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/given_objects.h>
#include <taskgroup/plan.h>

#include "core/planning/names.h"
#include "core/planning/substitute.h"
#include "core/planning/workspaces.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup {

// A volumeMount with its variables replaced.
struct UserMount {
  std::string volume; // as the author names it
  std::string path;
  std::string sub_path;
  bool read_only = false;
  Where where;
};

// Replace the variables of volumeMounts.
std::vector<UserMount> resolve_mounts(const std::vector<VolumeMount>& mounts,
                                      const Substitution& substitution);

// Names of volumes as an author writes them -> the plan's: those of `run.podTemplate`.
using SharedVolumes = std::map<std::string, std::string>;

// Return the volumes of a podTemplate by the names that the author gives them; the plan's names are
// still to be made. Without a cluster, with `given`, what they are made of must be there.
std::vector<std::pair<std::string, PlanVolume>> template_volumes(const RawValue& pod_template,
                                                                 const Substitution& substitution,
                                                                 const GivenObjects* given);

// The volumes that belong to one task alone, and what its steps mount: in stock's layout, at
// stock's paths (taskrun-semantics.md 1.1, design.md 4).
class TaskVolumes {
public:
  // Add the task's volumes to `volumes`; `index` is its place in the group. `shared` are volumes
  // that all tasks may mount by their names. With `given`, what volumes are made of must be there.
  TaskVolumes(std::size_t index, const TaskSpec& spec, std::vector<TaskWorkspace> workspaces,
              const SharedVolumes& shared, const Substitution& substitution, NamePool& volume_names,
              std::vector<PlanVolume>& volumes, const GivenObjects* given = nullptr);

  // Return what a step mounts, parents before children: its own volumeMounts, its workspaces, and
  // stock's implicit volumes where nothing else is mounted. Without these, for a sidecar, its own
  // mount wins over that of a workspace at the same path.
  std::vector<PlanMount> mounts_of(const Step& step, const std::vector<UserMount>& user_mounts,
                                   const Substitution& substitution,
                                   bool with_implicit = true) const;

  const std::vector<TaskWorkspace>& workspaces() const { return m_workspaces; }

  // Return the paths at which every one of these steps has a writable volume of the task's own:
  // what is emptied between attempts.
  std::vector<std::string> emptied(const std::vector<PlanStep>& steps) const;

private:
  std::vector<TaskWorkspace> m_workspaces;
  std::vector<PlanMount> m_implicit;
  std::map<std::string, std::string> m_own; // the author's name of a volume -> the plan's
  std::set<std::string> m_emptied;          // those of the plan's that go with the task
};

} // namespace taskgroup
