// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/host/sandbox.h"

#include <optional>
#include <string>

namespace taskgroup::host {

// Looks for what makes a sandbox impossible for this caller on this machine, without trying one.
// Returns a message that names the cause and the way out.
std::optional<std::string> find_obstacle();

// Tells whether no user namespace stands between the caller and the machine.
bool is_in_first_user_namespace();

// Makes an error of what the kernel refused, with the most probable cause and the way out.
StartError explain_refusal(const std::string& refused);

} // namespace taskgroup::host
