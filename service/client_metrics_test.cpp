// SPDX-License-Identifier: Apache-2.0
#include "service/client_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup::metrics {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ClientMetrics, CountsEachRequestAndTimesThoseThatEnd) {
  Registry registry;
  const auto tell = add_client_metrics(registry);
  tell({"GET", 200, 20ms, false});
  tell({"GET", 200, 5s, true}); // a watch
  tell({"POST", 0, 30s, false});
  const std::string text = registry.text();
  EXPECT_THAT(text, HasSubstr("rest_client_requests_total{code=\"200\",method=\"GET\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("rest_client_requests_total{code=\"<error>\",method=\"POST\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("rest_client_request_duration_seconds_count{verb=\"GET\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("rest_client_request_duration_seconds_sum{verb=\"GET\"} 0.02\n"));
}

TEST(ClientMetrics, TellsWhoLeads) {
  Registry registry;
  const auto lead = add_leader_metric(registry, "taskgroup-controller");
  const std::string name = "leader_election_master_status{name=\"taskgroup-controller\"} ";
  EXPECT_THAT(registry.text(), HasSubstr(name + "0\n"));
  lead(true);
  EXPECT_THAT(registry.text(), HasSubstr(name + "1\n"));
  lead(false);
  EXPECT_THAT(registry.text(), HasSubstr(name + "0\n"));
}

} // namespace
} // namespace taskgroup::metrics
