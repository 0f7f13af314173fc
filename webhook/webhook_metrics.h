// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/timestamp.h"
#include "service/metrics.h"
#include "webhook/admission/review.h"
#include "webhook/server/tls_server.h"

namespace taskgroup {

// What the webhook exports: docs/metrics.md lists and explains it. Thread-safe.
class WebhookMetrics {
public:
  explicit WebhookMetrics(metrics::Registry& registry);

  // Return what to give to the server; this object must outlive it.
  ServerObserver observer();

  void reviewed(const Reviewed& reviewed);
  void certificate_taken(kube::WallTime expiry);
  void certificate_refused();

private:
  metrics::Counter m_requests;
  metrics::Histogram m_latency;
  metrics::Gauge m_in_flight;
  metrics::Counter m_reviews;
  metrics::Counter m_refused;
  metrics::Gauge m_expiry;
  metrics::Counter m_reloads;
};

} // namespace taskgroup
