// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include "cli/failure.h"

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include <string>
#include <vector>

// What a command must know of a TaskGroup's pod. Pure.
namespace taskgroup::cluster {

// The container whose log is the journal (docs/journal.md).
inline constexpr const char* coordinator = "coordinator";

// Return tasks, steps and their containers, in plan order, as the pod's annotation
// taskgroup.dev/outline tells: a Plan with nothing but names. `run` is what it is called by. The
// failure says that this is no pod of a TaskGroup.
tl::expected<Plan, Failure> shape_of(const nlohmann::json& pod, const std::string& run);

// Keep these tasks only; none: all. The failure names the one that is not there and what is near.
tl::expected<Plan, Failure> only_tasks(Plan shape, const std::vector<std::string>& tasks);

enum class ContainerState { waiting, running, terminated };

// Return what kubelet says of a container; `waiting` if it says nothing.
ContainerState container_state(const nlohmann::json& pod, const std::string& container);

// Return why the pod has not begun, for people; empty: nothing is known to stand in its way.
std::string obstacle_of(const nlohmann::json& pod);

} // namespace taskgroup::cluster
