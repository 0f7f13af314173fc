// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/http_kube_api.h"
#include "service/metrics.h"

#include <functional>
#include <string>

// What a client of the API server exports, under client-go's names.
namespace taskgroup::metrics {

// Declare rest_client_*; return what is to be HttpSettings::on_call. One for all connections of a
// program.
std::function<void(const kube::HttpCall&)> add_client_metrics(Registry& registry);

// Declare leader_election_master_status{name} for a Lease of this name; return what to call when
// this process leads (true), or no longer does. Not leading at first.
std::function<void(bool leads)> add_leader_metric(Registry& registry, const std::string& lease);

} // namespace taskgroup::metrics
