// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_outline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using nlohmann::json;
using testing::HasSubstr;

Plan sample() {
  Plan plan;
  PlanTask build;
  build.name = "build";
  build.steps.resize(1);
  build.steps[0].name = "compile";
  build.steps[0].container = "step-build-compile";
  PlanTask clean = build;
  clean.name = "clean";
  clean.is_finally = true;
  plan.tasks = {build, clean};
  plan.results.push_back({.name = "digest"});
  plan.finally_timeout = Millis(1500);
  return plan;
}

json pod_with(const std::string& annotation) {
  return {{"metadata", {{"annotations", {{outline_annotation, annotation}}}}}};
}

TEST(PodOutline, SaysWhatAPlanHolds) {
  const auto outline = outline_of(pod_with(outline_text(sample())));
  ASSERT_TRUE(outline) << outline.error();
  ASSERT_EQ(outline->tasks.size(), 2U);
  EXPECT_EQ(outline->tasks[0].name, "build");
  EXPECT_FALSE(outline->tasks[0].is_finally);
  EXPECT_EQ(outline->tasks[0].steps.at(0).name, "compile");
  EXPECT_EQ(outline->tasks[0].steps.at(0).container, "step-build-compile");
  EXPECT_TRUE(outline->tasks[1].is_finally);
  EXPECT_EQ(outline->results, std::vector<std::string>{"digest"});
  EXPECT_EQ(outline->finally_timeout, Millis(1500));
}

TEST(PodOutline, SaysWhatATaskWaitsFor) {
  Plan plan = sample();
  PlanTask test = plan.tasks[0];
  test.name = "test";
  test.after = {0};
  plan.tasks.insert(plan.tasks.begin() + 1, test);
  const auto outline = outline_of(pod_with(outline_text(plan)));
  ASSERT_TRUE(outline) << outline.error();
  EXPECT_TRUE(outline->has_order);
  EXPECT_TRUE(outline->tasks[0].after.empty());
  EXPECT_EQ(outline->tasks[1].after, std::vector<std::size_t>{0});
  EXPECT_TRUE(outline->tasks[2].after.empty());
}

TEST(PodOutline, TellsNoOrderWhereMoreHoldsTasksBackOrItIsTooLong) {
  Plan limited = sample();
  limited.max_parallel = 1;
  EXPECT_FALSE(outline_of(pod_with(outline_text(limited)))->has_order);

  Plan dense = sample();
  dense.tasks.resize(1);
  while (dense.tasks.size() < 300) {
    PlanTask next = dense.tasks[0];
    for (std::size_t i = 0; i < dense.tasks.size(); ++i)
      next.after.push_back(i);
    dense.tasks.push_back(next);
  }
  const std::string text = outline_text(dense);
  EXPECT_LT(text.size(), 64U << 10U);
  EXPECT_FALSE(outline_of(pod_with(text))->has_order);
}

TEST(PodOutline, NamesWhatIsWrong) {
  EXPECT_THAT(outline_of(json::object()).error(), HasSubstr("taskgroup.dev/outline is missing"));
  EXPECT_THAT(outline_of(json(3)).error(), HasSubstr("is missing"));
  EXPECT_THAT(outline_of(pod_with("{")).error(), HasSubstr("is no JSON"));
  EXPECT_THAT(outline_of(pod_with("[]")).error(), HasSubstr("is no JSON object"));
  EXPECT_THAT(outline_of(pod_with(R"({"version":2})")).error(),
              HasSubstr("field \"version\" is 2, and this release reads 1"));
  EXPECT_THAT(outline_of(pod_with(R"({"version":1,"tasks":[{"name":"a","steps":[{}]}]})")).error(),
              HasSubstr("field \"tasks[0].steps[0].name\" is no string"));
  EXPECT_THAT(outline_of(pod_with(R"({"version":1,"tasks":[{"name":"a","after":[0]}]})")).error(),
              HasSubstr("field \"tasks[0].after[0]\" is no index of a task before it"));
}

} // namespace
} // namespace taskgroup
