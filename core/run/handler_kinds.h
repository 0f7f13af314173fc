// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

namespace taskgroup {

// The names of PlanHandler::Kind in plans, in its order: Kubernetes'.
inline constexpr std::array<std::string_view, 4> handler_kinds = {"exec", "httpGet", "tcpSocket",
                                                                  "sleep"};

} // namespace taskgroup
