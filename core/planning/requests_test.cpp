// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/requests.h>

#include "core/planning/antichain.h"
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

  // For each task, as bits, all those that it waits for.
  std::vector<std::uint32_t> all_earlier() const {
    std::vector<std::uint32_t> earlier(weights.size());
    for (std::size_t task = 0; task < weights.size(); ++task) {
      for (const std::size_t predecessor : after[task])
        earlier[task] |= (1U << predecessor) | earlier[predecessor];
    }
    return earlier;
  }

  // Return what these tasks weigh; -1 where one waits for another.
  std::int64_t weight_if_antichain(const std::vector<std::size_t>& tasks) const {
    const std::vector<std::uint32_t> earlier = all_earlier();
    std::uint32_t set = 0;
    std::int64_t weight = 0;
    for (const std::size_t task : tasks) {
      set |= 1U << task;
      weight += weights[task];
    }
    const bool is_antichain = std::none_of(
        tasks.begin(), tasks.end(), [&](std::size_t task) { return (earlier[task] & set) != 0; });
    return is_antichain ? weight : -1;
  }

  // Try every set of tasks.
  std::int64_t brute_force(std::size_t limit) const {
    const std::size_t tasks = weights.size();
    const std::vector<std::uint32_t> earlier = all_earlier();
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
    const Antichain found = heaviest_antichain(graph.after, graph.weights);
    ASSERT_EQ(found.weight, graph.brute_force(0)) << seed;
    ASSERT_EQ(graph.weight_if_antichain(found.tasks), found.weight) << seed;
  }
}

TEST(HeaviestAntichain, OfBoundedLengthIsThatOfBruteForceOn10000Graphs) {
  for (std::uint32_t seed = 0; seed < 10'000; ++seed) {
    const RandomGraph graph(seed);
    const Antichain found = heaviest_antichain(graph.after, graph.weights, graph.at_most);
    ASSERT_EQ(found.weight, graph.brute_force(graph.at_most)) << seed;
    ASSERT_EQ(graph.weight_if_antichain(found.tasks), found.weight) << seed;
    ASSERT_TRUE(graph.at_most == 0 || found.tasks.size() <= graph.at_most) << seed;
  }
}

TEST(HeaviestAntichain, IsNotTheLargestOfTheUnboundedOne) {
  // 0 comes before 1, 2 and 3: together they weigh more than 0, one by one less.
  const After after{{}, {0}, {0}, {0}};
  const std::vector<std::int64_t> weights{10, 4, 4, 4};
  EXPECT_EQ(heaviest_antichain(after, weights).weight, 12);
  EXPECT_EQ(heaviest_antichain(after, weights, 1).weight, 10);
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
  const std::int64_t unlimited = heaviest_antichain(after, weights).weight;
  EXPECT_GE(unlimited, 40 * 1);
  EXPECT_LE(heaviest_antichain(after, weights, 10).weight, 10 * 7);
  EXPECT_LE(heaviest_antichain(after, weights, 10).weight, unlimited);
}

TEST(HeaviestAntichain, CopesWithALongChain) {
  After after;
  constexpr std::size_t tasks = 20'000;
  for (std::size_t task = 0; task < tasks; ++task)
    after.push_back(task == 0 ? std::vector<std::size_t>{} : std::vector<std::size_t>{task - 1});
  EXPECT_EQ(heaviest_antichain(after, std::vector<std::int64_t>(tasks, 5)).weight, 5);
}

// Random graphs of tasks with steps that ask for something, planned by hand.
struct RandomPlan {
  Plan plan;
  RandomGraph graph; // its weights are those of the plan's tasks
  std::vector<Amount> asked;
  RequestRules rules;

  explicit RandomPlan(std::uint32_t seed) : graph(seed) {
    std::mt19937 random(seed + 1'000'000);
    const auto below = [&](std::uint32_t limit) {
      return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random);
    };
    plan.max_parallel = static_cast<int>(graph.at_most);
    for (std::size_t i = 0; i < graph.weights.size(); ++i) {
      PlanTask task;
      task.after = graph.after[i];
      graph.weights[i] = 0;
      for (std::uint32_t steps = 1 + below(3); steps > 0; --steps) {
        PlanStep step;
        const auto amount = static_cast<Amount>(below(5) == 0 ? 0 : 1 + below(4000));
        asked.push_back(amount);
        graph.weights[i] = std::max(graph.weights[i], amount);
        if (amount > 0)
          step.container_fields =
              R"({"resources":{"requests":{"cpu":")" + std::to_string(amount) + R"(m"}}})";
        task.steps.push_back(std::move(step));
      }
      plan.tasks.push_back(std::move(task));
    }
    if (below(3) == 0)
      rules.cpu.min = below(300);
  }
};

// The peak is that of brute force; what is given is enough for it and hardly more; siblings keep
// their weights; nothing drops to zero or below a LimitRange's min, and nothing grows otherwise.
// Covers: 13.F4 18.R11
TEST(SizeRequests, GivesThePeakAndKeepsTheWeightsOf5000Plans) {
  for (std::uint32_t seed = 0; seed < 5'000; ++seed) {
    const RandomPlan random(seed);
    const auto sized = size_requests(random.plan, false, random.rules);
    ASSERT_TRUE(sized.has_value()) << sized.error();
    const SizedResource& cpu = sized->cpu;
    ASSERT_EQ(cpu.peak, random.graph.brute_force(random.graph.at_most)) << seed;
    ASSERT_EQ(random.graph.weight_if_antichain(cpu.busiest), cpu.peak) << seed;
    ASSERT_EQ(cpu.containers.size(), random.asked.size());
    ASSERT_GE(cpu.given, cpu.peak) << seed;
    Amount raised = 0;
    for (std::size_t i = 0; i < random.asked.size(); ++i) {
      const SizedContainer& container = cpu.containers[i];
      ASSERT_EQ(container.asked.has_value(), random.asked[i] > 0) << seed;
      ASSERT_EQ(container.given.has_value(), random.asked[i] > 0) << seed;
      if (!container.given)
        continue;
      const Amount least = random.rules.cpu.min.value_or(1);
      ASSERT_GE(*container.given, std::max<Amount>(least, 1)) << seed;
      ASSERT_LE(*container.given, std::max(random.asked[i], least)) << seed;
      const double share = static_cast<double>(random.asked[i]) * static_cast<double>(cpu.peak)
                           / static_cast<double>(cpu.sum);
      if (static_cast<double>(*container.given) >= share + 1)
        raised += *container.given; // to the LimitRange's min
      else
        ASSERT_GE(static_cast<double>(*container.given) + 1e-6, share) << seed;
    }
    ASSERT_LE(cpu.given, cpu.peak + static_cast<Amount>(random.asked.size()) + raised) << seed;
  }
}

// Two tasks, one after the other, of 1 CPU each; the first has a sidecar of half a CPU.
class SidecarRequests : public testing::Test {
protected:
  SidecarRequests() {
    const auto asking = [](const char* cpu) {
      return std::string(R"({"resources":{"requests":{"cpu":")") + cpu + R"("}}})";
    };
    plan.tasks.resize(2);
    plan.tasks[1].after = {0};
    for (PlanTask& task : plan.tasks)
      task.steps.emplace_back().container_fields = asking("1");
    plan.tasks[0].sidecars.emplace_back().container_fields = asking("500m");
  }

  SizedResource cpu() const { return size_requests(plan, false).value().cpu; }

  Plan plan;
};

TEST_F(SidecarRequests, CountBesideTheLargestStep) {
  EXPECT_EQ(cpu().sum, 2500);
  EXPECT_EQ(cpu().peak, 1500);
  EXPECT_EQ(cpu().containers.back().given, 300) << "it comes last, after all steps";
}

TEST_F(SidecarRequests, FromThePodsStartCountAllTheTime) {
  plan.tasks[1].steps[0].container_fields = plan.tasks[0].steps[0].container_fields;
  plan.tasks[0].sidecars[0].from_start = true;
  EXPECT_EQ(cpu().peak, 1500);
  plan.tasks[1].steps[0].container_fields = R"({"resources":{"requests":{"cpu":"2"}}})";
  EXPECT_EQ(cpu().peak, 2500) << "beside the second task too";
}

class RequestsTest : public PlannerTest {
protected:
  // A task whose steps ask for these amounts of cpu.
  static PipelineTask asking(std::string name, std::initializer_list<const char*> cpu) {
    TaskSpec spec;
    for (const char* amount : cpu) {
      Step step = script_step("", "true");
      if (*amount != '\0')
        ask(step, "{requests: {cpu: " + std::string(amount) + "}}");
      spec.steps.push_back(std::move(step));
    }
    return embedded(std::move(name), std::move(spec));
  }

  static void ask(StepCommon& step, const std::string& resources) {
    const auto node = read_documents(resources, "");
    step.raw_resources = {node->front(), "resources"};
  }

  SizedResource cpu() { return sized().cpu; }

  SizedPlan sized() {
    auto result = size_requests(planned(), group.run.resources == RequestMode::sum);
    if (result)
      return *std::move(result);
    error = result.error();
    return {};
  }

  std::string error;
};

TEST_F(RequestsTest, ATaskWeighsItsLargestStep) {
  group.tasks = {asking("a", {"1", "500m", "2"})};
  EXPECT_EQ(cpu().peak, 2000);
  EXPECT_EQ(cpu().sum, 3500);
}

TEST_F(RequestsTest, TasksThatWaitForEachOtherDoNotAddUp) {
  group.tasks = {asking("a", {"1"}), asking("b", {"2"}), asking("c", {"3"})};
  EXPECT_EQ(cpu().peak, 6000);
  group.tasks[2].run_after = {at("a")};
  EXPECT_EQ(cpu().peak, 5000);
  EXPECT_EQ(cpu().busiest, (std::vector<std::size_t>{1, 2}));
  group.run.max_parallel = 1;
  EXPECT_EQ(cpu().peak, 3000);
}

TEST_F(RequestsTest, FinallyIsAPhaseOfItsOwn) {
  group.tasks = {asking("a", {"1"}), asking("b", {"1"})};
  group.finally = {asking("f", {"3"}), asking("g", {"1"})};
  EXPECT_EQ(cpu().peak, 4000);
  EXPECT_EQ(cpu().sum, 6000);
  EXPECT_EQ(cpu().busiest, (std::vector<std::size_t>{2, 3}));
}

TEST_F(RequestsTest, ALimitStandsInForAMissingRequest) {
  group.tasks = {asking("a", {""})};
  ask(group.tasks[0].task_spec->steps[0],
      "{limits: {cpu: 2, memory: 1Gi}, requests: {memory: 64M}}");
  EXPECT_EQ(cpu().peak, 2000);
  EXPECT_EQ(sized().memory.peak, 64'000'000);
  EXPECT_EQ(sized().memory.limits_sum, 1 << 30U);
  EXPECT_EQ(cpu().without_request, 0U);
}

TEST_F(RequestsTest, LimitsHaveAPeakOfTheirOwn) {
  group.tasks = {asking("a", {""}), asking("b", {""})};
  for (PipelineTask& task : group.tasks)
    ask(task.task_spec->steps[0], "{limits: {cpu: 2}, requests: {cpu: 100m}}");
  group.tasks[1].run_after = {at("a")};
  EXPECT_EQ(cpu().limits_sum, 4000);
  EXPECT_EQ(cpu().limits_peak, 2000);
}

TEST_F(RequestsTest, TemplatesAreUnderTheSteps) {
  group.tasks = {asking("a", {"", "3"})};
  ask(group.run.step_template.emplace(), "{requests: {cpu: 1}}");
  EXPECT_EQ(cpu().sum, 4000);
  ask(group.tasks[0].task_spec->step_template.emplace(), "{requests: {cpu: 2}}");
  EXPECT_EQ(cpu().sum, 5000);
}

TEST_F(RequestsTest, TheSumIsGivenWhereTheGroupSaysSo) {
  group.tasks = {asking("a", {"1", "500m"})};
  group.run.resources = RequestMode::sum;
  EXPECT_EQ(cpu().given, 1500);
  EXPECT_EQ(cpu().peak, 1000);
}

TEST_F(RequestsTest, CountsStepsThatAskForNothing) {
  group.tasks = {asking("a", {"1", ""})};
  EXPECT_EQ(cpu().without_request, 1U);
  EXPECT_EQ(sized().memory.without_request, 2U);
}

TEST_F(RequestsTest, ReportsWhatIsNoQuantity) {
  group.tasks = {asking("a", {"lots"})};
  sized();
  EXPECT_THAT(error, HasSubstr("container \"step-a-unnamed-0\", resources.requests.cpu: "
                               "\"lots\" is no quantity of cpu"));
}

} // namespace
} // namespace taskgroup
