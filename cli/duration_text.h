// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace taskgroup {

// Write a duration for people: "0.3s", "12.4s", "3m05s", "1h02m".
std::string duration_text(std::chrono::milliseconds duration);

} // namespace taskgroup
