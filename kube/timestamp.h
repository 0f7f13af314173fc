// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup::kube {

using WallTime = std::chrono::system_clock::time_point;

// Write a time as metav1.Time does: RFC 3339 in UTC, whole seconds ("2026-01-31T08:00:00Z").
std::string to_rfc3339(WallTime time);

// Write a time as metav1.MicroTime does: with six digits after the second. Leases and Events use
// it.
std::string to_rfc3339_micro(WallTime time);

// Read either form, and any other number of digits; digits beyond microseconds are dropped. An
// offset other than Z is honoured. Nothing if the text is no such time.
std::optional<WallTime> from_rfc3339(std::string_view text);

} // namespace taskgroup::kube
