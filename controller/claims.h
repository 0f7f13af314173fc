// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>

#include <nlohmann/json.hpp>

#include <vector>

namespace taskgroup {

// Make the claims of a run's volumeClaimTemplates, as stock does for a PipelineRun
// (pkg/reconciler/volumeclaim/pvchandler.go): named `<template's name or pvc>-<hash of workspace
// and owner's UID>`, owned by the run, and so the same for all its attempts. The request's bindings
// are changed into bindings of these claims; it can be planned for a pod then. `owner` is
// PodRequest::owner. Create those that are not there before the pod.
std::vector<nlohmann::json> make_claims(RunRequest& request, const nlohmann::json& owner);

} // namespace taskgroup
