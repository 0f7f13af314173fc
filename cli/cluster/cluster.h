// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/commands.h"
#include "cli/failure.h"
#include "kube/clock.h"
#include "kube/cluster_config.h"
#include "kube/kube_api.h"

#include <tl/expected.hpp>

#include <memory>
#include <string>

namespace taskgroup::cluster {

using Json = nlohmann::json;

// Tekton's kinds that the commands read.
inline const kube::Resource custom_runs{
    .group = "tekton.dev", .version = "v1beta1", .plural = "customruns"};
inline const kube::Resource pipeline_runs{
    .group = "tekton.dev", .version = "v1", .plural = "pipelineruns"};

// The cluster that a command speaks to, and the namespace it looks in.
struct Cluster {
  std::shared_ptr<kube::KubeApi> api;
  std::shared_ptr<kube::Clock> clock;
  std::string namespace_name;
  std::string server; // its address, for messages
};

// Find the cluster as kubectl does (kube/cluster_config.h) and prepare to speak to it; nothing is
// sent yet.
tl::expected<Cluster, Failure> connect(const ClusterFlags& flags,
                                       const kube::Environment& environment);

// A call that failed, as a sentence tells of it: "get customruns.tekton.dev in namespace "ci"".
struct Call {
  std::string verb; // as RBAC names it
  kube::Resource resource;
  std::string subresource; // "log"; empty: none
};

// Say what went wrong with a call and what to do: no answer, no login, a right that is missing. A
// missing object is the caller's to explain.
Failure failure_of(const kube::ApiError& error, const Call& call, const Cluster& cluster);

} // namespace taskgroup::cluster
