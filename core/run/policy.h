// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <optional>
#include <string>

namespace taskgroup {

// What a task or a step does about failure and time: its onError and timeout, with the values of
// late ones put in. `lookup` knows what they refer to once the task may start; what is missing or
// no good counts as not written.

// Return whether onError is `continue`.
bool carries_on(const PlanTask& task, const Lookup& lookup);
bool carries_on(const PlanStep& step, const Lookup& lookup);

// Return the timeout; nothing = none.
std::optional<Millis> timeout_of(const PlanTask& task, const Lookup& lookup);
std::optional<Millis> timeout_of(const PlanStep& step, const Lookup& lookup);

// Say which late onError or timeout is none, and why; empty = both are good.
std::string policy_problem(const PlanTask& task, const Lookup& lookup);
std::string policy_problem(const PlanStep& step, const Lookup& lookup);

} // namespace taskgroup
