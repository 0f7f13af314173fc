// SPDX-License-Identifier: Apache-2.0
#include "controller/time_text.h"

#include "kube/timestamp.h"

#include <chrono>

namespace taskgroup {

using std::chrono::milliseconds;

std::string time_text(std::int64_t millis) {
  return kube::to_rfc3339(kube::WallTime(milliseconds(millis)));
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  const auto time = kube::from_rfc3339(text);
  if (!time)
    return std::nullopt;
  return std::chrono::floor<milliseconds>(time->time_since_epoch()).count();
}

} // namespace taskgroup
