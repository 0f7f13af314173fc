// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/custom_run.h"
#include "controller/decide.h"

namespace taskgroup {

// How long after the end of its run a pod may still run before something is done about it
// (design.md 5).
inline constexpr std::int64_t foreign_patience = 10'000;
inline constexpr std::int64_t end_patience = 30'000;

// Return what makes a pod end that has had nothing left to do since that time: a wait, a patch, or
// nothing where all is done. Pure.
Next end_pod(const Json& pod, std::int64_t since, std::int64_t now, const std::string& agent_image);

// Return the next thing to do about a pod of this run that is not the one its current attempt
// works with, or whose run is done: nothing, a wait, a patch or a deletion. Pods that have ended
// are kept for their logs. Pure.
Next clean_up(const CustomRun& run, const Json& pod, std::int64_t now,
              const std::string& agent_image);

} // namespace taskgroup
