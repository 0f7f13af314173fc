// SPDX-License-Identifier: Apache-2.0
#include "controller/controller_metrics.h"
#include "service/client_metrics.h"
#include "service/metrics_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace taskgroup {
namespace {

// Covers: 17.F2 17.F3
TEST(ControllerMetrics, AreDocumented) {
  metrics::Registry registry;
  metrics::add_build_info(registry);
  metrics::add_process_metrics(registry);
  metrics::add_client_metrics(registry);
  metrics::add_leader_metric(registry, "taskgroup-controller");
  const ControllerMetrics all(registry);
  metrics::expect_documented(registry, "controller");
}

// Two tasks of one step each, and the second waits for the first.
class HandoversTest : public testing::Test {
protected:
  HandoversTest() {
    outline.has_order = true;
    outline.tasks = {{"a", false, {{"s", "c"}}, {}, {}}, {"b", false, {{"s", "d"}}, {}, {0}}};
    progress.tasks = {ended("a", 1'000, 2'000), ended("b", 2'003, 3'000)};
  }

  static TaskProgress ended(const std::string& name, std::int64_t started, std::int64_t finished) {
    TaskProgress task;
    task.name = name;
    task.state = "Succeeded";
    task.attempts = 1;
    task.started = started;
    task.finished = finished;
    StepProgress step;
    step.name = "s";
    step.started = started;
    step.finished = finished;
    task.steps = {step};
    return task;
  }

  std::vector<std::int64_t> found() const {
    std::vector<std::int64_t> all;
    for (const auto handover : handovers(progress, outline))
      all.push_back(handover.count());
    return all;
  }

  Progress progress;
  Outline outline;
};

TEST_F(HandoversTest, CountFromTheEndOfTheLastStep) {
  EXPECT_THAT(found(), testing::ElementsAre(3));
  progress.tasks[0].finished = 2'002; // its end is noted a moment after its step's
  EXPECT_THAT(found(), testing::ElementsAre(3));
}

TEST_F(HandoversTest, CountFromTheLastOfThoseThatATaskWaitedFor) {
  outline.tasks.push_back({"c", false, {{"s", "e"}}, {}, {0, 1}});
  progress.tasks.push_back(ended("c", 3'005, 4'000));
  EXPECT_THAT(found(), testing::ElementsAre(3, 5));
}

TEST_F(HandoversTest, ATaskThatWasSkippedEndsWithoutAStep) {
  progress.tasks[0].steps.clear();
  progress.tasks[0].state = "Skipped";
  EXPECT_THAT(found(), testing::ElementsAre(3)) << "its own end counts";
}

TEST_F(HandoversTest, BetweenTasksOnlyWhereNothingElseHoldsThemBack) {
  outline.has_order = false;
  EXPECT_THAT(found(), testing::IsEmpty());
}

TEST_F(HandoversTest, OfATaskWithRetriesTheStepsOnly) {
  progress.tasks[1].attempts = 2;
  EXPECT_THAT(found(), testing::IsEmpty());
  StepProgress next = progress.tasks[1].steps[0];
  next.started = 3'001;
  progress.tasks[1].steps.push_back(next);
  EXPECT_THAT(found(), testing::ElementsAre(1));
}

TEST_F(HandoversTest, WhatNeverBeganOrEndedIsNone) {
  progress.tasks[1].steps[0].started = 0;
  EXPECT_THAT(found(), testing::IsEmpty());
  progress.tasks[1].steps[0].started = 2'003;
  progress.tasks[0].finished = 0;
  EXPECT_THAT(found(), testing::IsEmpty());
  progress.tasks.erase(progress.tasks.begin());
  EXPECT_THAT(found(), testing::IsEmpty());
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
