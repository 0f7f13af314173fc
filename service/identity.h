// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace taskgroup {

// Return who this process is in a Lease. In a pod its name (the environment's POD_NAME): a
// container that is started again has the Lease still, and need not wait until it expires.
// Elsewhere the host's name and a random part, for two processes may share a host.
std::string process_identity();

} // namespace taskgroup
