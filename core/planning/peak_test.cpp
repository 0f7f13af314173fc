// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/peak.h>

#include "core/planning/planner_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <random>

namespace taskgroup {
namespace {

using testing::HasSubstr;

using After = std::vector<std::vector<std::size_t>>;

// A random graph of at most 12 tasks, from sparse to dense, with some weights of 0 and many equal.
struct RandomGraph {
  After after;
  std::vector<std::int64_t> weights;
  std::size_t at_most = 0;

  explicit RandomGraph(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t limit) {
      return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random);
    };
    const std::uint32_t tasks = below(13);
    const std::uint32_t density = 1 + below(90);
    const std::uint32_t largest = below(2) == 0 ? 4 : 1000;
    for (std::uint32_t task = 0; task < tasks; ++task) {
      after.emplace_back();
      weights.push_back(below(largest));
      for (std::uint32_t predecessor = 0; predecessor < task; ++predecessor) {
        if (below(100) < density)
          after.back().push_back(predecessor);
      }
    }
    at_most = below(tasks + 2);
  }

  // Try every set of tasks.
  std::int64_t brute_force(std::size_t limit) const {
    const std::size_t tasks = weights.size();
    std::vector<std::uint32_t> earlier(tasks);
    for (std::size_t task = 0; task < tasks; ++task) {
      for (const std::size_t predecessor : after[task])
        earlier[task] |= (1U << predecessor) | earlier[predecessor];
    }
    std::int64_t best = 0;
    for (std::uint32_t set = 0; set < (1U << tasks); ++set) {
      if (limit != 0 && static_cast<std::size_t>(std::popcount(set)) > limit)
        continue;
      std::int64_t weight = 0;
      bool antichain = true;
      for (std::size_t task = 0; task < tasks && antichain; ++task) {
        if ((set >> task & 1U) == 0)
          continue;
        antichain = (earlier[task] & set) == 0;
        weight += weights[task];
      }
      if (antichain)
        best = std::max(best, weight);
    }
    return best;
  }
};

TEST(HeaviestAntichain, IsThatOfBruteForceOn10000Graphs) {
  for (std::uint32_t seed = 0; seed < 10'000; ++seed) {
    const RandomGraph graph(seed);
    ASSERT_EQ(heaviest_antichain(graph.after, graph.weights), graph.brute_force(0)) << seed;
  }
}

TEST(HeaviestAntichain, OfBoundedLengthIsThatOfBruteForceOn10000Graphs) {
  for (std::uint32_t seed = 0; seed < 10'000; ++seed) {
    const RandomGraph graph(seed);
    ASSERT_EQ(heaviest_antichain(graph.after, graph.weights, graph.at_most),
              graph.brute_force(graph.at_most))
        << seed;
  }
}

TEST(HeaviestAntichain, IsNotTheLargestOfTheUnboundedOne) {
  // 0 comes before 1, 2 and 3: together they weigh more than 0, one by one less.
  const After after{{}, {0}, {0}, {0}};
  const std::vector<std::int64_t> weights{10, 4, 4, 4};
  EXPECT_EQ(heaviest_antichain(after, weights), 12);
  EXPECT_EQ(heaviest_antichain(after, weights, 1), 10);
}

TEST(HeaviestAntichain, CopesWithLargeGraphs) {
  After after;
  std::vector<std::int64_t> weights;
  constexpr std::size_t tasks = 2000;
  constexpr std::size_t width = 40;
  for (std::size_t task = 0; task < tasks; ++task) {
    after.emplace_back();
    if (task >= width)
      after.back() = {task - width, task - task % width - 1};
    weights.push_back(static_cast<std::int64_t>(1 + task % 7));
  }
  const std::int64_t unlimited = heaviest_antichain(after, weights);
  EXPECT_GE(unlimited, 40 * 1);
  EXPECT_LE(heaviest_antichain(after, weights, 10), 10 * 7);
  EXPECT_LE(heaviest_antichain(after, weights, 10), unlimited);
}

TEST(HeaviestAntichain, CopesWithALongChain) {
  After after;
  constexpr std::size_t tasks = 20'000;
  for (std::size_t task = 0; task < tasks; ++task)
    after.push_back(task == 0 ? std::vector<std::size_t>{} : std::vector<std::size_t>{task - 1});
  EXPECT_EQ(heaviest_antichain(after, std::vector<std::int64_t>(tasks, 5)), 5);
}

class PeakTest : public PlannerTest {
protected:
  // A task whose steps ask for these amounts of cpu.
  static PipelineTask asking(std::string name, std::initializer_list<const char*> cpu) {
    TaskSpec spec;
    for (const char* amount : cpu) {
      Step step = script_step("", "true");
      if (*amount != '\0')
        step.resources.requests["cpu"] = at(amount);
      spec.steps.push_back(std::move(step));
    }
    return embedded(std::move(name), std::move(spec));
  }

  Peak peak() {
    diagnostics = {};
    return find_peak(planned(), group, facts, diagnostics);
  }

  Diagnostics diagnostics;
};

TEST_F(PeakTest, ATaskWeighsItsLargestStep) {
  group.tasks = {asking("a", {"1", "500m", "2"})};
  EXPECT_EQ(peak().peak.cpu, 2000);
  EXPECT_EQ(peak().sum.cpu, 3500);
}

TEST_F(PeakTest, TasksThatWaitForEachOtherDoNotAddUp) {
  group.tasks = {asking("a", {"1"}), asking("b", {"2"}), asking("c", {"3"})};
  EXPECT_EQ(peak().peak.cpu, 6000);
  group.tasks[2].run_after = {at("a")};
  EXPECT_EQ(peak().peak.cpu, 5000);
  group.run.max_parallel = 1;
  EXPECT_EQ(peak().peak.cpu, 3000);
}

TEST_F(PeakTest, FinallyIsAPhaseOfItsOwn) {
  group.tasks = {asking("a", {"1"}), asking("b", {"1"})};
  group.finally = {asking("f", {"3"}), asking("g", {"1"})};
  EXPECT_EQ(peak().peak.cpu, 4000);
  EXPECT_EQ(peak().sum.cpu, 6000);
}

TEST_F(PeakTest, ALimitStandsInForAMissingRequest) {
  group.tasks = {asking("a", {""})};
  Step& step = group.tasks[0].task_spec->steps[0];
  step.resources.limits["cpu"] = at("2");
  step.resources.limits["memory"] = at("1Gi");
  step.resources.requests["memory"] = at("64M");
  EXPECT_EQ(peak().peak, (Requests{.cpu = 2000, .memory = 64'000'000}));
  EXPECT_EQ(peak().steps_without_cpu, 0U);
}

TEST_F(PeakTest, TemplatesAreUnderTheSteps) {
  group.tasks = {asking("a", {"", "3"})};
  group.run.step_template.emplace();
  group.run.step_template->resources.requests["cpu"] = at("1");
  EXPECT_EQ(peak().sum.cpu, 4000);
  group.tasks[0].task_spec->step_template.emplace();
  group.tasks[0].task_spec->step_template->resources.requests["cpu"] = at("2");
  EXPECT_EQ(peak().sum.cpu, 5000);
}

TEST_F(PeakTest, CountsStepsThatAskForNothing) {
  group.tasks = {asking("a", {"1", ""})};
  EXPECT_EQ(peak().steps_without_cpu, 1U);
  EXPECT_EQ(peak().steps_without_memory, 2U);
}

TEST_F(PeakTest, ReportsWhatIsNoQuantity) {
  group.tasks = {asking("a", {"lots"})};
  peak();
  EXPECT_THAT(diagnostics.to_string(), HasSubstr("\"lots\" is no quantity of cpu"));
}

} // namespace
} // namespace taskgroup
