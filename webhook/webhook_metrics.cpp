// SPDX-License-Identifier: Apache-2.0
#include "webhook/webhook_metrics.h"

#include "webhook/admission_handler.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

namespace {

constexpr std::array<std::string_view, 5> kinds{"TaskGroup", "CustomRun", "Run", "Pipeline",
                                                "PipelineRun"};

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string decision_of(const Reviewed& reviewed) {
  return reviewed.body.empty() ? "malformed" : reviewed.allowed ? "allowed" : "denied";
}

} // namespace

WebhookMetrics::WebhookMetrics(metrics::Registry& registry)
    : m_requests(registry.counter({"controller_runtime_webhook_requests_total",
                                   "Requests by path and HTTP status of the answer.",
                                   {"webhook", "code"}})),
      m_latency(registry.histogram({"controller_runtime_webhook_latency_seconds",
                                    "Time from a request's last byte to its answer.",
                                    {"webhook"}},
                                   metrics::call_bounds())),
      m_in_flight(registry.gauge({"controller_runtime_webhook_requests_in_flight",
                                  "Requests that are being answered.",
                                  {"webhook"}})),
      m_reviews(registry.counter(
          {"taskgroup_webhook_reviews_total",
           "Reviews by the object's kind and decision: allowed, denied or malformed.",
           {"kind", "decision"}})),
      m_refused(registry.counter(
          {"taskgroup_webhook_refused_connections_total",
           "Connections that were closed with no request on them answered: handshake (no TLS that "
           "is spoken here), handshake_timeout, request_timeout, answer_timeout (too slow), "
           "too_many (a slow one gave way to a new one) or no_certificate.",
           {"reason"}})),
      m_expiry(registry.gauge({"taskgroup_webhook_certificate_expiry_timestamp_seconds",
                               "When the certificate that is served expires, in seconds since the "
                               "Unix epoch.",
                               {}})),
      m_reloads(registry.counter({"taskgroup_webhook_certificate_reloads_total",
                                  "Times that another certificate was taken: result success or "
                                  "error.",
                                  {"result"}})) {
  // From the start, so that rate() sees the first of each.
  m_requests.add({admission_path, "200"}, 0);
  m_in_flight.set({admission_path}, 0);
  for (const auto kind : kinds) {
    for (const char* decision : {"allowed", "denied"})
      m_reviews.add({std::string(kind), decision}, 0);
  }
  for (const auto refusal : all_refusals)
    m_refused.add({std::string(name_of(refusal))}, 0);
  for (const char* result : {"success", "error"})
    m_reloads.add({result}, 0);
}

ServerObserver WebhookMetrics::observer() {
  return {.answered =
              [this](int status, std::optional<std::chrono::nanoseconds> took) {
                m_requests.add({admission_path, std::to_string(status)});
                if (took)
                  m_latency.observe({admission_path}, seconds(*took));
              },
          .refused = [this](Refusal refusal) { m_refused.add({std::string(name_of(refusal))}); },
          .in_hand =
              [this](std::size_t requests) {
                m_in_flight.set({admission_path}, static_cast<double>(requests));
              }};
}

void WebhookMetrics::reviewed(const Reviewed& reviewed) {
  const bool known = std::find(kinds.begin(), kinds.end(), reviewed.kind) != kinds.end();
  m_reviews.add({known ? reviewed.kind : "Other", decision_of(reviewed)});
}

void WebhookMetrics::certificate_taken(kube::WallTime expiry) {
  m_expiry.set({}, seconds(expiry.time_since_epoch()));
  m_reloads.add({"success"});
}

void WebhookMetrics::certificate_refused() { m_reloads.add({"error"}); }

} // namespace taskgroup
