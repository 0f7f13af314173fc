// SPDX-License-Identifier: Apache-2.0
#include "service/identity.h"

#include <fmt/format.h>

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <random>

namespace taskgroup {

std::string process_identity() {
  if (const char* pod = std::getenv("POD_NAME"); pod != nullptr && *pod != '\0')
    return pod;
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0)
    host[0] = '\0';
  return fmt::format("{}_{:08x}", host.data(), std::random_device()());
}

} // namespace taskgroup
