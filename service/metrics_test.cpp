// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace taskgroup::metrics {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Metrics, CountsSeriesBySeries) {
  Registry registry;
  Counter runs = registry.counter({"runs_total", "Runs that have ended.", {"outcome", "reason"}});
  runs.add({"failed", "PodLost"});
  runs.add({"failed", "PodLost"}, 2);
  runs.add({"succeeded", "Completed"}, 0);
  EXPECT_EQ(registry.text(), "# HELP runs_total Runs that have ended.\n"
                             "# TYPE runs_total counter\n"
                             "runs_total{outcome=\"failed\",reason=\"PodLost\"} 3\n"
                             "runs_total{outcome=\"succeeded\",reason=\"Completed\"} 0\n");
}

TEST(Metrics, NeverTakesBackWhatACounterHas) {
  Registry registry;
  Counter counter = registry.counter({"errors_total", "Errors.", {}});
  counter.add({}, 2);
  counter.add({}, -1);
  EXPECT_THAT(registry.text(), HasSubstr("errors_total 2\n"));
}

// Without this the first event of a process would be no increase to rate().
TEST(Metrics, ShowsWhatHasNoLabelsFromTheStart) {
  Registry registry;
  registry.counter({"errors_total", "Errors.", {}});
  registry.histogram({"wait_seconds", "Time waited.", {}}, {1});
  EXPECT_THAT(registry.text(), AllOf(HasSubstr("errors_total 0\n"),
                                     HasSubstr("wait_seconds_bucket{le=\"+Inf\"} 0\n")));
}

TEST(Metrics, PutsValuesIntoBuckets) {
  Registry registry;
  Histogram wait = registry.histogram({"wait_seconds", "Time waited.", {"kind"}}, {0.1, 1});
  wait.observe({"a"}, 0.1); // a bound belongs to its bucket
  wait.observe({"a"}, 0.5);
  wait.observe({"a"}, -3); // another machine's clock
  wait.observe({"a"}, 7);
  EXPECT_THAT(registry.text(), AllOf(HasSubstr("wait_seconds_bucket{kind=\"a\",le=\"0.1\"} 2\n"),
                                     HasSubstr("wait_seconds_bucket{kind=\"a\",le=\"1\"} 3\n"),
                                     HasSubstr("wait_seconds_bucket{kind=\"a\",le=\"+Inf\"} 4\n"),
                                     HasSubstr("wait_seconds_sum{kind=\"a\"} 7.6\n")));
}

TEST(Metrics, ReadsSampledFamiliesAtEachScrape) {
  Registry registry;
  double depth = 1;
  registry.sample({"depth", "Keys that wait.", {"name"}}, Type::gauge,
                  [&] { return std::vector<Sample>{{{"runs"}, depth}}; });
  EXPECT_THAT(registry.text(), HasSubstr("depth{name=\"runs\"} 1\n"));
  depth = 4;
  EXPECT_THAT(registry.text(), HasSubstr("depth{name=\"runs\"} 4\n"));
}

TEST(Metrics, LeavesOutAFamilyWithoutSeries) {
  Registry registry;
  registry.counter({"runs_total", "Runs.", {"outcome"}});
  registry.sample({"depth", "Keys.", {}}, Type::gauge, [] { return std::vector<Sample>(); });
  EXPECT_EQ(registry.text(), "");
}

TEST(Metrics, RefusesANameTwiceAndAWrongNumberOfValues) {
  Registry registry;
  Counter counter = registry.counter({"runs_total", "Runs.", {"outcome"}});
  EXPECT_THROW(registry.gauge({"runs_total", "Runs.", {}}), std::logic_error);
  EXPECT_THROW(counter.add(), std::logic_error);
  EXPECT_THROW(counter.add({"a", "b"}), std::logic_error);
}

TEST(Metrics, CountsNothingWithoutARegistry) {
  Counter().add({"a"});
  Gauge().set({}, 1);
  Histogram().observe({"a"}, 1);
}

TEST(Metrics, LosesNothingOfSeveralThreads) {
  Registry registry;
  Counter counter = registry.counter({"runs_total", "Runs.", {"outcome"}});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 1000; ++n)
          counter.add({"done"});
      });
    }
    for (int n = 0; n < 20; ++n)
      (void)registry.text();
  }
  EXPECT_THAT(registry.text(), HasSubstr("runs_total{outcome=\"done\"} 4000\n"));
}

TEST(Metrics, TellsOfTheProcess) {
  Registry registry;
  add_process_metrics(registry);
  add_build_info(registry);
  const std::string text = registry.text();
  for (const char* name : {"process_cpu_seconds_total", "process_open_fds", "process_max_fds",
                           "process_resident_memory_bytes", "process_virtual_memory_bytes",
                           "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(name) + " "));
    EXPECT_THAT(text, Not(HasSubstr("\n" + std::string(name) + " 0\n"))) << name;
  }
  EXPECT_THAT(text, HasSubstr("taskgroup_build_info{version=\""));
}

TEST(Metrics, MakesATableOfWhatIsDeclared) {
  Registry registry;
  registry.gauge({"pods", "Pods.", {"phase"}});
  registry.counter({"errors_total", "Errors, <code> a|b.", {}});
  registry.histogram({"wait_seconds", "Time waited.", {"a", "b"}}, {1});
  EXPECT_EQ(metrics_table(registry), "| Name | Type | Labels | What it is |\n"
                                     "| --- | --- | --- | --- |\n"
                                     "| `errors_total` | counter | | Errors, &lt;code> a\\|b. |\n"
                                     "| `pods` | gauge | `phase` | Pods. |\n"
                                     "| `wait_seconds` | histogram | `a`, `b` | Time waited. |\n");
}

TEST(Metrics, FindsASectionOfADocument) {
  const std::string document = "# Title\n<!-- begin a -->\none\n<!-- end a -->\n";
  EXPECT_EQ(document_section(document, "a"), "one\n");
  EXPECT_EQ(document_section(document, "b"), "");
}

} // namespace
} // namespace taskgroup::metrics
