// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>

#include "cli/failure.h"

#include <tl/expected.hpp>

#include <string>
#include <vector>

namespace taskgroup {

// The flags of the command line that change a run's request.
struct RequestFlags {
  std::vector<std::string> params;     // -p name=value
  std::vector<std::string> workspaces; // -w name=dir, name=secret:PATH, name=configmap:PATH
  std::string timeout;                 // --timeout; empty = not given
};

// Put the flags into a request; they win over what the document says. A param that `declared` has
// as array or object takes JSON. The failure names the flag, what was found and what is expected;
// folders and files must exist.
tl::expected<void, Failure> apply_flags(const RequestFlags& flags,
                                        const std::vector<ParamSpec>& declared,
                                        const std::vector<GroupWorkspace>& workspaces,
                                        RunRequest& request);

} // namespace taskgroup
