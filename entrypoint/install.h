// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <tl/expected.hpp>

#include <string>

namespace taskgroup {

// Copy this very program to `folder`/taskgroup-agent with mode 0555, in one step: whoever looks
// sees a whole program or none. Whose it is does not matter, nor does the umask.
tl::expected<void, std::string> install_to(const std::string& folder);

// Wait until a whole program is in `folder`, at most `limit`. The error says what did not happen.
tl::expected<void, std::string> wait_for_install(const std::string& folder, Millis limit);

} // namespace taskgroup
