// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using nlohmann::json;
using testing::ElementsAre;

// A plan of tasks given as their steps' resources.
class PodResourcesTest : public testing::Test {
protected:
  void add_task(std::vector<json> steps, std::vector<std::size_t> after = {}) {
    PlanTask task;
    task.name = "t" + std::to_string(plan.tasks.size());
    task.after = std::move(after);
    for (json& resources : steps) {
      PlanStep step;
      step.container = task.name + "-" + std::to_string(task.steps.size());
      if (!resources.is_null())
        step.container_fields = json{{"resources", std::move(resources)}}.dump();
      task.steps.push_back(std::move(step));
    }
    plan.tasks.push_back(std::move(task));
  }

  PodResources resources() {
    auto result = pod_resources(plan, mode, coordinator, {limit_ranges, quotas});
    if (!result) {
      ADD_FAILURE() << result.error();
      return {};
    }
    return *std::move(result);
  }

  // What each step asks for of a resource; "" where it asks for none.
  std::vector<std::string> requests(const std::string& resource) {
    std::vector<std::string> result;
    for (const json& step : resources().steps)
      result.push_back(step.contains("requests") ? step["requests"].value(resource, "") : "");
    return result;
  }

  static json cpu(const std::string& amount) { return {{"requests", {{"cpu", amount}}}}; }

  static json range(const std::string& type, json fields) {
    fields["type"] = type;
    return json::array({{{"spec", {{"limits", json::array({std::move(fields)})}}}}});
  }

  Plan plan;
  RequestMode mode = RequestMode::peak;
  json coordinator = {{"requests", {{"cpu", "10m"}}}};
  json limit_ranges;
  json quotas;
};

// Covers: 13.F4 18.R11
TEST_F(PodResourcesTest, AChainAsksForItsLargestStep) {
  add_task({cpu("1"), cpu("1")});
  add_task({cpu("2")}, {0});
  EXPECT_THAT(requests("cpu"), ElementsAre("500m", "500m", "1000m"));
}

// Covers: 13.F4 18.R11
TEST_F(PodResourcesTest, SiblingsKeepTheirWeights) {
  add_task({cpu("1")});
  add_task({cpu("3")});
  EXPECT_THAT(requests("cpu"), ElementsAre("1", "3")) << "they run together: nothing to save";
  add_task({cpu("4")}, {0, 1});
  EXPECT_THAT(requests("cpu"), ElementsAre("500m", "1500m", "2000m"));
}

TEST_F(PodResourcesTest, TotalsSayWhatIsSaved) {
  coordinator["requests"]["memory"] = "16Mi";
  add_task({cpu("1"), cpu("500m")});
  add_task({cpu("2")}, {0});
  const RequestTotals totals = resources().totals;
  EXPECT_EQ(totals.sum_millicores, 3510);
  EXPECT_EQ(totals.peak_millicores, 2011) << "each request is rounded up";
  EXPECT_EQ(totals.sum_bytes, 16 << 20U);
  EXPECT_EQ(totals.peak_bytes, 16 << 20U);
  mode = RequestMode::sum;
  EXPECT_EQ(resources().totals.peak_millicores, 3510);
}

TEST_F(PodResourcesTest, AtMostMaxParallelRunAtOnce) {
  plan.max_parallel = 1;
  add_task({cpu("1")});
  add_task({cpu("1")});
  EXPECT_THAT(requests("cpu"), ElementsAre("500m", "500m"));
}

TEST_F(PodResourcesTest, NoContainerDropsToNothing) {
  plan.max_parallel = 1;
  for (int i = 0; i < 40; ++i)
    add_task({cpu("10m")});
  EXPECT_THAT(requests("cpu"), testing::Each("1m"));
}

TEST_F(PodResourcesTest, ALimitIsARequestAndLimitsStay) {
  add_task({json{{"limits", {{"cpu", "2"}, {"memory", "2Gi"}}}}, json()});
  add_task({json{{"requests", {{"cpu", 2}}}}}, {0});
  const PodResources found = resources();
  EXPECT_EQ(found.steps[0], json({{"limits", {{"cpu", "2"}, {"memory", "2Gi"}}},
                                  {"requests", {{"cpu", "1000m"}, {"memory", "2147483648"}}}}));
  EXPECT_EQ(found.steps[1], json::object()) << "absent altogether stays absent";
  EXPECT_EQ(found.steps[2], json({{"requests", {{"cpu", "1000m"}}}}));
}

TEST_F(PodResourcesTest, OtherResourcesAreNotScaled) {
  add_task({json{{"requests", {{"ephemeral-storage", "1Gi"}, {"example.com/gpu", "1"}}}}});
  add_task({json{{"requests", {{"ephemeral-storage", "1Gi"}}}}}, {0});
  EXPECT_THAT(requests("ephemeral-storage"), ElementsAre("1Gi", "1Gi"));
  EXPECT_THAT(requests("example.com/gpu"), ElementsAre("1", ""));
}

TEST_F(PodResourcesTest, TheGroupMayAskForTheSum) {
  mode = RequestMode::sum;
  add_task({cpu("1")});
  add_task({cpu("1")}, {0});
  EXPECT_THAT(requests("cpu"), ElementsAre("1", "1"));
}

// Covers: 13.F2 18.R12
TEST_F(PodResourcesTest, ALimitRangesMinimumIsKept) {
  limit_ranges = range("Container", {{"min", {{"cpu", "600m"}}}});
  add_task({cpu("1")});
  add_task({cpu("1")}, {0});
  EXPECT_THAT(requests("cpu"), ElementsAre("600m", "600m"));
  EXPECT_EQ(resources().coordinator["requests"]["cpu"], "600m");
}

TEST_F(PodResourcesTest, ARatioForbidsScaling) {
  limit_ranges = range("Container", {{"maxLimitRequestRatio", {{"cpu", "2"}}}});
  add_task({cpu("1")});
  add_task({cpu("1")}, {0});
  EXPECT_THAT(requests("cpu"), ElementsAre("1", "1"));
  const json own = resources().coordinator;
  EXPECT_EQ(own["limits"]["cpu"], "250m");
  EXPECT_EQ(own["requests"]["cpu"], "126m") << "within the ratio";
}

TEST_F(PodResourcesTest, APodsMinimumForbidsScalingBelowIt) {
  limit_ranges = range("Pod", {{"min", {{"cpu", "1500m"}}}});
  add_task({cpu("1")});
  add_task({cpu("1")}, {0});
  EXPECT_THAT(requests("cpu"), ElementsAre("1", "1"));
}

// Covers: 13.F2 18.R12
TEST_F(PodResourcesTest, WhatALimitRangeFillsInCountsToo) {
  limit_ranges = range("Container", {{"defaultRequest", {{"memory", "100Mi"}}}});
  add_task({json(), json()});
  add_task({json()}, {0});
  const std::string third = std::to_string((100 * 1024 * 1024 + 2) / 3);
  EXPECT_THAT(requests("memory"), ElementsAre(third, third, third));
  EXPECT_THAT(requests("cpu"), testing::Each(""));
}

TEST_F(PodResourcesTest, TheCoordinatorHasLimitsWhereAQuotaCountsThem) {
  coordinator = {{"requests", {{"cpu", "10m"}, {"memory", "32Mi"}}}};
  add_task({cpu("1")});
  EXPECT_FALSE(resources().coordinator.contains("limits"));
  quotas = json::array({{{"spec", {{"hard", {{"limits.memory", "4Gi"}, {"pods", "9"}}}}}}});
  EXPECT_EQ(resources().coordinator["limits"], json({{"memory", "134217728"}}));
}

TEST_F(PodResourcesTest, TheCoordinatorStaysBelowALimitRangesMaximum) {
  limit_ranges = range("Container", {{"max", {{"cpu", "1"}}}, {"default", {{"cpu", "5m"}}}});
  add_task({cpu("1")});
  EXPECT_EQ(resources().coordinator["requests"]["cpu"], "5m");
}

// Covers: 13.F2 18.R12
TEST_F(PodResourcesTest, OfSeveralLimitRangesTheStrictestCounts) {
  limit_ranges = range("Container", {{"min", {{"cpu", "100m"}}},
                                     {"defaultRequest", {{"cpu", "400m"}, {"memory", "1Gi"}}}});
  limit_ranges.push_back(
      range("Container", {{"min", {{"cpu", "150m"}}}, {"defaultRequest", {{"cpu", "300m"}}}})[0]);
  add_task({json(), json()});
  add_task({json()}, {0});
  EXPECT_THAT(requests("cpu"), ElementsAre("150m", "150m", "150m"))
      << "300m shared by three, and raised to the higher min";
}

// Covers: 13.F2
TEST_F(PodResourcesTest, ADefaultOfStorageIsDividedByATasksSteps) {
  limit_ranges = range("Container", {{"defaultRequest", {{"ephemeral-storage", "1Gi"}}},
                                     {"min", {{"ephemeral-storage", "400Mi"}}}});
  add_task({json(), json{{"requests", {{"ephemeral-storage", "3Gi"}}}}});
  add_task({json(), json(), json()}, {0});
  EXPECT_THAT(requests("ephemeral-storage"),
              ElementsAre("536870912", "3Gi", "419430400", "419430400", "419430400"));
}

// Covers: 13.F4 20.R4
TEST_F(PodResourcesTest, ThePodItselfIsLimitedToWhatIsReachedAtOneTime) {
  mode = RequestMode::pod;
  const json step = {{"requests", {{"cpu", "1"}, {"memory", "64Mi"}}},
                     {"limits", {{"cpu", "2"}, {"memory", "128Mi"}}}};
  add_task({step});
  add_task({step}, {0});
  const PodResources found = resources();
  EXPECT_EQ(found.pod["requests"], json({{"cpu", "1010m"}, {"memory", "67108864"}}));
  EXPECT_EQ(found.pod["limits"]["cpu"], "2250m") << "one step's, and ample for the coordinator";
  EXPECT_EQ(found.pod["limits"]["memory"], std::to_string((128 + 128 + 2 * 2) << 20U))
      << "and 2 MiB for each agent";
  EXPECT_EQ(found.steps[0]["limits"], step["limits"]);
}

TEST_F(PodResourcesTest, ThePodHasNoLimitWhereAStepHasNoneOrAVolumeIsInMemory) {
  mode = RequestMode::pod;
  add_task({json{{"limits", {{"memory", "1Gi"}}}}, json()});
  EXPECT_FALSE(resources().pod.contains("limits"));
  plan.tasks.clear();
  add_task({json{{"limits", {{"cpu", "1"}, {"memory", "1Gi"}}}}});
  EXPECT_TRUE(resources().pod["limits"].contains("memory"));
  plan.volumes.push_back({.name = "v", .memory = true});
  EXPECT_FALSE(resources().pod["limits"].contains("memory"));
  EXPECT_TRUE(resources().pod["limits"].contains("cpu"));
}

TEST_F(PodResourcesTest, ThePodSaysNothingOfItsOwnOtherwise) {
  add_task({cpu("1")});
  EXPECT_TRUE(resources().pod.is_null());
}

TEST_F(PodResourcesTest, WhatIsGivenIsExplained) {
  add_task({cpu("1"), cpu("500m")});
  add_task({cpu("2")}, {0});
  EXPECT_EQ(resources().explanation, json({{"cpu",
                                            {{"asked", "3500m"},
                                             {"peak", "2000m"},
                                             {"given", "2001m"},
                                             {"coordinator", "10m"},
                                             {"how", "scaled to the peak"},
                                             {"busiest", {"t1"}}}}}));
  limit_ranges = range("Container", {{"maxLimitRequestRatio", {{"cpu", "2"}}}});
  EXPECT_EQ(resources().explanation["cpu"]["how"],
            "as asked: a LimitRange has a maxLimitRequestRatio");
}

TEST_F(PodResourcesTest, AQuantityThatIsNoneIsNamed) {
  add_task({cpu("much")});
  const auto result = pod_resources(plan, mode, coordinator, {limit_ranges, quotas});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(),
            "container \"t0-0\", resources.requests.cpu: \"much\" is no quantity of "
            "cpu that a machine could have; write it as in 500m or 2");
}

} // namespace
} // namespace taskgroup
