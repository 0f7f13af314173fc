// SPDX-License-Identifier: Apache-2.0
#include "controller/controller_metrics.h"
#include "service/client_metrics.h"
#include "service/metrics_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

TEST(ControllerMetrics, AreDocumented) {
  metrics::Registry registry;
  metrics::add_build_info(registry);
  metrics::add_process_metrics(registry);
  metrics::add_client_metrics(registry);
  metrics::add_leader_metric(registry, "taskgroup-controller");
  const ControllerMetrics all(registry);
  metrics::expect_documented(registry, "controller");
}

} // namespace
} // namespace taskgroup
