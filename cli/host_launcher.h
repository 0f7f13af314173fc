// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/host/sandbox.h"
#include "cli/launcher.h"
#include "cli/run_folder.h"
#include "cli/volume_folders.h"

#include <memory>

namespace taskgroup {

// What the host launcher needs to know besides the plan.
struct HostOptions {
  std::string agent;     // absolute path of the taskgroup-agent program
  std::string path;      // PATH of the steps
  std::string directory; // absolute: where steps without a workingDir start
  bool keep = false;     // leave what the containers wrote
  bool one_user = false; // the caller is not root: containers know no user but their root
};

// Runs steps on the host itself, in namespaces over its root (design.md 7). `plan` and `folder`
// must outlive the launcher. The failure's exit code is 3 where the machine forbids namespaces.
tl::expected<std::unique_ptr<Launcher>, Failure>
make_host_launcher(const Plan& plan, const RunFolder& folder, const HostOptions& options);

// Return what is bound, executed and set for a container: the launcher's translation of a plan's
// step, on its own for tests.
host::ContainerSpec host_container(const Plan& plan, const RunFolder& folder,
                                   const VolumeFolders& volumes, const HostOptions& options,
                                   const Container& container);

} // namespace taskgroup
