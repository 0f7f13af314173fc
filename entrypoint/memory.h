// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace taskgroup {

// Return how many processes of this container the kernel has killed for want of memory, from the
// container's cgroup at `cgroups` (/sys/fs/cgroup), of version 2 or 1. 0 where nothing tells.
std::uint64_t kills_for_memory(const std::string& cgroups);

} // namespace taskgroup
