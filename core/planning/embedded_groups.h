// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/catalog.h>
#include <taskgroup/node.h>

#include "core/planning/object_reader.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace taskgroup {

// A task of a Pipeline that is a TaskGroup.
struct EmbeddedGroup {
  Runnable runnable;
  std::optional<Located> group_ref; // it only names the TaskGroup: `runnable.group` is still empty
};

// Say whether the spec of a Pipeline holds tasks that are TaskGroups.
bool holds_groups(const Node& pipeline_spec);

// Read the TaskGroups of a Pipeline's spec and what the Pipeline passes to each. `run` has the
// params and workspaces of the PipelineRun, if it is one's. Tasks of other kinds belong to Tekton
// and are not looked at.
std::vector<EmbeddedGroup> decode_embedded_groups(const ObjectReader& pipeline_spec,
                                                  const RunRequest& run);

// A task of somebody's Pipeline that is a TaskGroup, where the Pipeline itself is Tekton's to
// check.
struct GroupTask {
  std::optional<GroupSpec> group; // embedded, and whole enough to be checked as such
  Located group_ref;              // of taskRef; without text: the group is embedded

  RunRequest request;                // params whose values are certain; no workspaces
  std::set<std::string> open_params; // passed too, with values that only the run will know
};

// Find the tasks of a Pipeline that say that they are of our API group, also in Pipelines inside
// it. Reports what is wrong within their `taskSpec` and `taskRef`, and nothing else: all other
// fields, and all other tasks, are none of ours. `path` is the spec's. `run` is the spec of the
// PipelineRun that holds the Pipeline: its params are certain; null: defaults may be overridden.
std::vector<GroupTask> find_group_tasks(const Node& pipeline_spec, const std::string& path,
                                        const Node* run, ApiVersion version,
                                        Diagnostics& diagnostics);

} // namespace taskgroup
