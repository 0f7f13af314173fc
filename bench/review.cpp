// SPDX-License-Identifier: Apache-2.0
// How long the webhook takes for a review, from its bytes to its answer, without the network: of a
// good group in each object that may hold one, and of objects that are made to cost time.
#include "webhook/admission/review.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// What this thread has used of a processor, in milliseconds: the same on a busy machine.
double used() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double at(std::vector<double> sample, std::size_t percent) {
  std::sort(sample.begin(), sample.end());
  return sample[(sample.size() - 1) * percent / 100];
}
using nlohmann::json;

constexpr int tasks = 60;
constexpr int steps = 3;
constexpr std::size_t most = 3U * 1024 * 1024; // what the API server takes of a client

json task_of(int number) {
  const std::string input =
      number < 10 ? "start" : fmt::format("$(tasks.task-{}.results.out)", number - 10);
  json of_task = {{"params", {{{"name", "input"}}}},
                  {"workspaces", {{{"name", "source"}}}},
                  {"results", {{{"name", "out"}}}}};
  for (int step = 0; step < steps; ++step)
    of_task["steps"].push_back({{"name", fmt::format("step-{}", step)},
                                {"image", "busybox"},
                                {"env", {{{"name", "VERSION"}, {"value", "$(params.version)"}}}},
                                {"computeResources", {{"requests", {{"cpu", "100m"}}}}},
                                {"script", "#!/bin/sh\nset -e\ncd $(workspaces.source.path)\n"
                                           "make VERSION=$VERSION INPUT='$(params.input)'\n"
                                           "echo done > $(results.out.path)\n"}});
  return {{"name", fmt::format("task-{}", number)},
          {"workspaces", {{{"name", "source"}}}},
          {"params", {{{"name", "input"}, {"value", input}}}},
          {"when",
           {{{"input", "$(params.version)"}, {"operator", "in"}, {"values", json::array({"v1"})}}}},
          {"taskSpec", of_task}};
}

// 60 tasks of three steps in ten lanes, each using a result of the one before.
json group_spec() {
  json spec = {{"params", {{{"name", "version"}, {"default", "v1"}}}},
               {"workspaces", {{{"name", "source"}}}}};
  for (int i = 0; i < tasks; ++i)
    spec["tasks"].push_back(task_of(i));
  return spec;
}

std::string review_of(const std::string& group, const std::string& version, const std::string& kind,
                      const json& spec) {
  return json{{"apiVersion", "admission.k8s.io/v1"},
              {"kind", "AdmissionReview"},
              {"request",
               {{"uid", "u"},
                {"kind", {{"group", group}, {"version", version}, {"kind", kind}}},
                {"name", "bench"},
                {"namespace", "ns"},
                {"operation", "CREATE"},
                {"object",
                 {{"apiVersion", group + "/" + version},
                  {"kind", kind},
                  {"metadata", {{"name", "bench"}}},
                  {"spec", spec}}}}}}
      .dump();
}

std::string own(const json& spec) {
  return review_of("taskgroup.dev", "v1alpha1", "TaskGroup", spec);
}

json embedded(const json& spec) {
  return {{"apiVersion", "taskgroup.dev/v1alpha1"}, {"kind", "TaskGroup"}, {"spec", spec}};
}

json step_of(const std::string& script) {
  return {{"tasks",
           {{{"name", "a"}, {"taskSpec", {{"steps", {{{"image", "i"}, {"script", script}}}}}}}}}};
}

struct Case {
  std::string name;
  std::string body;
  bool allowed = false;
  std::size_t times = 3;
};

std::vector<Case> cases() {
  const json spec = group_spec();
  constexpr std::size_t many = 1000;
  json unknown = json::object();
  for (std::size_t i = 0; i < most / 24; ++i)
    unknown[fmt::format("unknown-field-{}", i)] = 1;
  json chain;
  for (std::size_t i = 0; i < most / 70; ++i)
    chain["tasks"].push_back({{"name", fmt::format("t{}", i)},
                              {"runAfter", json::array({fmt::format("t{}", i + 1)})},
                              {"taskRef", {{"name", "x"}}}});
  json params = step_of("x");
  for (std::size_t i = 0; i < most / 40; ++i)
    params["params"].push_back(
        {{"name", fmt::format("p{}", i)}, {"enum", json::array({"a", "a"})}});
  std::string variables;
  for (std::size_t i = 0; variables.size() < most; ++i)
    variables += fmt::format("$(params.p{})", i);
  json deep = 1;
  for (int i = 0; i < 5000; ++i)
    deep = json::array({std::move(deep)});
  return {
      {"TaskGroup", own(spec), true, many},
      {"CustomRun",
       review_of("tekton.dev", "v1beta1", "CustomRun", {{"customSpec", embedded(spec)}}), true,
       many},
      {"Pipeline",
       review_of("tekton.dev", "v1", "Pipeline",
                 {{"tasks", {{{"name", "g"}, {"taskSpec", embedded(spec)}}}}}),
       true, many},
      {"many unknown fields", own(unknown)},
      {"many tasks", own(chain)},
      {"many params", own(params)},
      {"many variables", own(step_of(variables))},
      {"many levels", own({{"tasks", deep}})},
  };
}

std::optional<json> no_group(const std::string&, const std::string&) { return std::nullopt; }

} // namespace

int main() {
  json figures = {{"bench", "review"}, {"tasks", tasks}, {"steps", tasks * steps}};
  for (const Case& one : cases()) {
    std::vector<double> took;
    std::vector<double> processor;
    for (std::size_t i = 0; i < one.times; ++i) {
      const Clock::time_point begin = Clock::now();
      const double used_before = used();
      const taskgroup::Reviewed reviewed = taskgroup::review(one.body, no_group);
      processor.push_back(used() - used_before);
      took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
      if (reviewed.allowed != one.allowed || reviewed.body.empty()) {
        std::fprintf(stderr, "review: %s: %s %s\n", one.name.c_str(), reviewed.error.c_str(),
                     reviewed.body.c_str());
        return 1;
      }
    }
    std::printf("review: %-20s %7.1f KiB: median %8.2f ms, p99 %8.2f ms (processor: %8.2f and "
                "%8.2f) of %zu\n",
                one.name.c_str(), static_cast<double>(one.body.size()) / 1024.0, at(took, 50),
                at(took, 99), at(processor, 50), at(processor, 99), one.times);
    figures[one.name] = {{"median_ms", at(took, 50)},
                         {"p99_ms", at(took, 99)},
                         {"processor_median_ms", at(processor, 50)},
                         {"processor_p99_ms", at(processor, 99)}};
  }
  std::printf("%s\n", figures.dump().c_str());
  return 0;
}
