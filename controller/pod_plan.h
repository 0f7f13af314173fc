// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace taskgroup {

// Above so many bytes of base64 a plan travels in a ConfigMap: a pod is one object of at most
// 1.5 MiB, and its containers have their commands too.
inline constexpr std::size_t max_plan_in_env = std::size_t{512} << 10U;

// The bytes of one piece: Linux takes at most 128 KiB for one variable.
inline constexpr std::size_t plan_piece = std::size_t{96} << 10U;

// Pack what the coordinator needs of a plan: gzip, without a time in it.
std::string packed_plan(const Plan& plan);

// Cut base64 into the variables <prefix>0, <prefix>1 … of a container's `env`.
nlohmann::json plan_variables(std::string_view base64, std::string_view prefix);

} // namespace taskgroup
