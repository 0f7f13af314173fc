// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/container_recipe.h"
#include "cli/containers/dialect.h"
#include "cli/launcher.h"
#include "cli/run_folder.h"

#include <tl/expected.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// What the launcher of a container engine needs to know besides the plan.
struct ContainerOptions {
  std::string agent;                            // absolute path of the taskgroup-agent program
  bool keep = false;                            // leave what the containers wrote
  std::function<void(std::string_view)> notice; // says something while the run goes on
};

// Runs steps in their own images by podman or docker (docs/design/containers.md). The coordinator
// runs on this machine; when it ends, so does every agent, and with its agent every container,
// which its engine then removes. `dialect`, `plan` and `folder` must outlive the launcher.
tl::expected<std::unique_ptr<Launcher>, Failure>
make_container_launcher(const containers::Dialect& dialect, const Plan& plan,
                        const RunFolder& folder, ContainerOptions options);

// Return the command line that runs a container, on its own for tests. `image` is an image's id and
// `flags` come from containers::container_flags().
containers::Command container_command(const containers::Dialect& dialect, const RunFolder& folder,
                                      const ContainerRecipe& recipe, const std::string& image,
                                      const containers::Command& flags);

// Remove the containers of runs that are over, whatever ended them: those whose run's folder nobody
// holds any more. What cannot be removed is left to the next run.
void remove_dead_containers(const containers::Dialect& dialect);

} // namespace taskgroup
