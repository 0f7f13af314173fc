// SPDX-License-Identifier: Apache-2.0
#include "cli/duration_text.h"

#include <fmt/format.h>

namespace taskgroup {

std::string duration_text(std::chrono::milliseconds duration) {
  const auto milliseconds = duration.count();
  if (milliseconds < 10) {
    return fmt::format("{}ms", milliseconds);
  }
  if (milliseconds < 60'000) {
    return fmt::format("{:.{}f}s", static_cast<double>(milliseconds) / 1000.0,
                       milliseconds < 1000 ? 2 : 1);
  }
  const auto seconds = milliseconds / 1000;
  if (seconds < 3600) {
    return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  }
  return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

} // namespace taskgroup
