// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include "cli/host/sandbox.h"
#include "cli/launcher.h"
#include "cli/run_folder.h"
#include "cli/volume_folders.h"

#include <tl/expected.hpp>

#include <map>
#include <string>
#include <vector>

namespace taskgroup {

// What a container is made of, whoever makes it.
struct ContainerRecipe {
  std::string name;                       // unique in the run
  std::string image;                      // as the author wrote it
  std::vector<std::string> argv;          // the agent, as mounted, and what it is to run
  std::map<std::string, std::string> env; // the plan's own; an image's comes below it
  std::vector<host::Mount> mounts;        // volumes, the agent and its socket
  std::string fields;                     // PlanStep::container_fields
};

// Return the recipe of a container. `$(NAME)` in env, command and args is expanded as kubelet does
// it; late values stay markers for the agent. `agent` is the program's path on this machine.
ContainerRecipe recipe_of(const Plan& plan, const RunFolder& folder, const VolumeFolders& volumes,
                          const std::string& agent, const Container& container);

// Make the folders on this machine that a container's mounts need: its task's own volumes, subPaths
// and the folder of its socket. The error names the path.
tl::expected<void, std::string> prepare_for(const Plan& plan, const RunFolder& folder,
                                            VolumeFolders& volumes, const Container& container);

} // namespace taskgroup
