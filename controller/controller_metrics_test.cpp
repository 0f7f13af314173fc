// SPDX-License-Identifier: Apache-2.0
#include "controller/controller_metrics.h"
#include "service/client_metrics.h"
#include "service/metrics_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

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

// Every family with at least one series, as Prometheus would read it.
TEST(ControllerMetrics, HaveNothingThatPromtoolMinds) {
  const char* promtool = std::getenv("PROMTOOL");
  if (promtool == nullptr || *promtool == '\0')
    GTEST_SKIP() << "there is no promtool";
  metrics::Registry registry;
  metrics::add_build_info(registry);
  metrics::add_process_metrics(registry);
  metrics::add_client_metrics(registry)({"GET", 200, std::chrono::milliseconds(3), false});
  metrics::add_leader_metric(registry, "taskgroup-controller")(true);
  ControllerMetrics all(registry);
  Progress progress;
  for (const char* state : {"Succeeded", "Failed", "Skipped", "Cancelled"}) {
    TaskProgress task;
    task.name = state;
    task.state = state;
    task.reason = "When Expressions evaluated to false";
    task.started = 1'000;
    task.finished = 2'000;
    progress.tasks.push_back(task);
  }
  all.attempt_ended(progress, {});
  all.run_ended(false, "PodLost", std::chrono::seconds(3));
  all.run_ended(false, "CustomRunCancelled", std::chrono::seconds(3));
  all.run_ended(true, "Succeeded", std::chrono::seconds(3));
  all.key_taken(std::chrono::milliseconds(3));
  all.key_done(std::chrono::milliseconds(3));
  all.reconciled({Reconciled::Kind::try_again, 0, true}, std::chrono::milliseconds(3));
  const std::string text = registry.text();
  for (const metrics::Declared& declared : registry.declared())
    EXPECT_THAT(text, testing::HasSubstr("# TYPE " + declared.family.name + " "));

  FILE* checked =
      popen((std::string("'") + promtool + "' check metrics 2>&1 >/dev/null").c_str(), "w");
  ASSERT_NE(checked, nullptr);
  std::fwrite(text.data(), 1, text.size(), checked);
  EXPECT_EQ(pclose(checked), 0) << text;
}

} // namespace
} // namespace taskgroup
