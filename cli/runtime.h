// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/containers/dialect.h"
#include "cli/failure.h"

#include <tl/expected.hpp>

#include <memory>
#include <string>
#include <vector>

namespace taskgroup {

// What runs the steps on this machine.
struct Runtime {
  std::unique_ptr<containers::Dialect> engine; // none: the host itself
  std::vector<std::string> remarks;            // why not another one, one sentence each

  std::string name() const { return engine ? engine->program() : "host"; }
};

// Return the runtime that `--runtime` means: "podman" or "docker", which must work; "host"; "auto":
// podman or docker, whichever is there and works, else the host. Each is tried, with "auto" for at
// most 2 seconds; `folder` is one that may be made for that. The failure's exit code is 3.
tl::expected<Runtime, Failure> choose_runtime(const std::string& wanted, const std::string& folder);

} // namespace taskgroup
