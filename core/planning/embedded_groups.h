// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/catalog.h>
#include <taskgroup/node.h>

#include "core/planning/object_reader.h"

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

} // namespace taskgroup
