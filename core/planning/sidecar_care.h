// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/plan.h>

#include <vector>

namespace taskgroup {

// Read a sidecar's probes and hooks, as its agent runs them: Kubernetes' defaults put in, ports by
// name replaced. Adds an error for each that an agent cannot run (grpc, https, another host by
// name), which says what to do instead. Variables are not replaced in them, as in stock
// (pkg/container/container_replacements.go).
PlanCare care_of(const Sidecar& sidecar, Diagnostics& diagnostics);

// Return the TCP ports that a sidecar declares, each once.
std::vector<int> ports_of(const Sidecar& sidecar);

} // namespace taskgroup
