// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/failure.h"

#include <tl/expected.hpp>

#include <string>

namespace taskgroup {

// Return the absolute path of the taskgroup-agent program: TASKGROUP_AGENT if that is set, else
// beside this program, else in ../libexec/taskgroup. The failure's exit code is 3.
tl::expected<std::string, Failure> find_agent_program();

} // namespace taskgroup
