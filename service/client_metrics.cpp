// SPDX-License-Identifier: Apache-2.0
#include "service/client_metrics.h"

#include <chrono>

namespace taskgroup::metrics {

std::function<void(const kube::HttpCall&)> add_client_metrics(Registry& registry) {
  Counter requests =
      registry.counter({"rest_client_requests_total",
                        "Requests to the API server. Code is the answer's HTTP status, or <error> "
                        "where none came whole.",
                        {"code", "method"}});
  Histogram duration =
      registry.histogram({"rest_client_request_duration_seconds",
                          "Time until an answer of the API server was whole. Watches and logs, "
                          "which last as long as they do, are not in it.",
                          {"verb"}},
                         call_bounds());
  return [requests, duration](const kube::HttpCall& call) mutable {
    requests.add({call.status == 0 ? "<error>" : std::to_string(call.status), call.method});
    if (!call.is_stream)
      duration.observe({call.method}, std::chrono::duration<double>(call.duration).count());
  };
}

std::function<void(bool)> add_leader_metric(Registry& registry, const std::string& lease) {
  Gauge gauge = registry.gauge({"leader_election_master_status",
                                "1 while this process leads, 0 while it stands by. The name is "
                                "the Lease's.",
                                {"name"}});
  gauge.set({lease}, 0);
  return [gauge, lease](bool leads) mutable { gauge.set({lease}, leads ? 1 : 0); };
}

} // namespace taskgroup::metrics
