// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/planner.h>

#include <optional>

// StepActions take the place of what a step would say itself (taskrun-semantics.md 15;
// pkg/reconciler/taskrun/resources/taskspec.go, resolveStepRef()). They are put in before anything
// else looks at the steps.
namespace taskgroup {

// A group and facts in which steps have what their StepActions say, as far as those are in the
// facts. Other steps keep their `ref`.
struct ResolvedSteps {
  GroupSpec group;
  Facts facts;
};

// Return nothing if no step refers to a StepAction.
std::optional<ResolvedSteps> resolve_step_actions(const GroupSpec& group, const Facts& facts);

// Return whether the StepAction of a step is not at hand: what it says is not known.
inline bool is_unresolved(const Step& step) { return step.ref && !step.action_params; }

} // namespace taskgroup
