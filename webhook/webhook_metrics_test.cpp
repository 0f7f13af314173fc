// SPDX-License-Identifier: Apache-2.0
#include "service/client_metrics.h"
#include "service/metrics_fixture.h"
#include "webhook/webhook_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace taskgroup {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(WebhookMetrics, IsDocumented) {
  metrics::Registry registry;
  metrics::add_build_info(registry);
  metrics::add_process_metrics(registry);
  metrics::add_client_metrics(registry);
  metrics::add_leader_metric(registry, "taskgroup-webhook");
  const WebhookMetrics own(registry);
  metrics::expect_documented(registry, "webhook");
}

TEST(WebhookMetrics, CountsRequestsReviewsAndRefusals) {
  metrics::Registry registry;
  WebhookMetrics own(registry);
  const auto observer = own.observer();
  observer.answered(200, 2ms);
  observer.answered(413, std::nullopt);
  observer.in_hand(3);
  observer.refused(Refusal::handshake);
  own.reviewed({.body = "{}", .kind = "TaskGroup", .allowed = false});
  own.reviewed({.body = "{}", .kind = "PipelineRun"});
  own.reviewed({.body = {}, .error = "no JSON"});
  own.reviewed({.body = "{}", .kind = "of a hostile client's choice"});
  own.certificate_taken(*kube::from_rfc3339("2026-01-01T00:00:00Z"));
  own.certificate_refused();
  const std::string text = registry.text();
  for (const char* line :
       {"controller_runtime_webhook_requests_total{code=\"200\",webhook=\"/validate\"} 1",
        "controller_runtime_webhook_requests_total{code=\"413\",webhook=\"/validate\"} 1",
        "controller_runtime_webhook_latency_seconds_count{webhook=\"/validate\"} 1",
        "controller_runtime_webhook_requests_in_flight{webhook=\"/validate\"} 3",
        "taskgroup_webhook_reviews_total{decision=\"denied\",kind=\"TaskGroup\"} 1",
        "taskgroup_webhook_reviews_total{decision=\"allowed\",kind=\"TaskGroup\"} 0",
        "taskgroup_webhook_reviews_total{decision=\"allowed\",kind=\"PipelineRun\"} 1",
        "taskgroup_webhook_reviews_total{decision=\"malformed\",kind=\"Other\"} 1",
        "taskgroup_webhook_reviews_total{decision=\"allowed\",kind=\"Other\"} 1",
        "taskgroup_webhook_refused_connections_total{reason=\"handshake\"} 1",
        "taskgroup_webhook_refused_connections_total{reason=\"too_many\"} 0",
        "taskgroup_webhook_certificate_expiry_timestamp_seconds 1767225600",
        "taskgroup_webhook_certificate_reloads_total{result=\"success\"} 1",
        "taskgroup_webhook_certificate_reloads_total{result=\"error\"} 1"})
    EXPECT_THAT(text, HasSubstr(line));
}

} // namespace
} // namespace taskgroup
