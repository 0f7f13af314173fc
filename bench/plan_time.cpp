// SPDX-License-Identifier: Apache-2.0
// How long it takes from a group's text to its plan: reading, decoding, validating, planning.
#include <taskgroup/catalog.h>
#include <taskgroup/planner.h>
#include <taskgroup/reader.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace taskgroup;
using Clock = std::chrono::steady_clock;

// A group of `count` tasks of three steps in ten lanes, each task using a result of the one before.
std::string group_of(int count) {
  std::string text =
      "apiVersion: taskgroup.dev/v1alpha1\nkind: TaskGroup\nmetadata: {name: bench}\n"
      "spec:\n  params: [{name: version, default: v1}]\n"
      "  workspaces: [{name: source}]\n  tasks:\n";
  for (int i = 0; i < count; ++i) {
    text += fmt::format("  - name: task-{}\n", i);
    text += "    workspaces: [{name: source}]\n";
    if (i >= 10) {
      text += fmt::format("    params: [{{name: input, value: $(tasks.task-{}.results.out)}}]\n",
                          i - 10);
    } else {
      text += "    params: [{name: input, value: start}]\n";
    }
    text += "    taskSpec:\n      params: [{name: input}]\n      workspaces: [{name: source}]\n"
            "      results: [{name: out}]\n      steps:\n";
    for (int step = 0; step < 3; ++step) {
      text += fmt::format("      - name: step-{}\n        image: busybox\n"
                          "        env: [{{name: VERSION, value: $(params.version)}}]\n"
                          "        computeResources: {{requests: {{cpu: 100m, memory: 64Mi}}}}\n"
                          "        script: |\n          echo \"$(params.input)\" > "
                          "$(workspaces.source.path)/{}-{}\n          echo > $(results.out.path)\n",
                          step, i, step);
    }
  }
  return text;
}

struct Phase {
  std::string name;
  std::vector<double> milliseconds;
  double median() {
    std::sort(milliseconds.begin(), milliseconds.end());
    return milliseconds[milliseconds.size() / 2];
  }
};

} // namespace

int main() {
  constexpr int tasks = 300;
  constexpr int runs = 21;
  const std::string text = group_of(tasks);
  std::vector<Phase> phases = {
      {"read", {}}, {"decode", {}}, {"validate", {}}, {"plan", {}}, {"validate_and_plan", {}}};
  for (int run = 0; run < runs; ++run) {
    std::vector<Clock::time_point> stamps = {Clock::now()};
    const auto documents = read_documents(text, "bench.yaml");
    stamps.push_back(Clock::now());
    Diagnostics diagnostics;
    const Catalog catalog = make_catalog(documents.value(), diagnostics);
    stamps.push_back(Clock::now());
    std::vector<std::string> skipped;
    const Runnable& runnable = catalog.runnables.at(0);
    const Facts facts;
    validate(runnable.group, facts, diagnostics, skipped);
    stamps.push_back(Clock::now());
    PlanOptions options;
    options.nonce = "0123456789abcdef";
    const auto planned = plan(runnable.group, runnable.request, facts, options, diagnostics);
    stamps.push_back(Clock::now());
    if (!planned || diagnostics.has_errors() || planned->tasks.size() != tasks) {
      std::fputs(diagnostics.to_string().c_str(), stderr);
      return 1;
    }
    const auto took = [&](std::size_t from, std::size_t to) {
      return std::chrono::duration<double, std::milli>(stamps[to] - stamps[from]).count();
    };
    for (std::size_t i = 0; i < 4; ++i) {
      phases[i].milliseconds.push_back(took(i, i + 1));
    }
    phases[4].milliseconds.push_back(took(2, 4));
  }
  std::string json =
      fmt::format(R"({{"bench":"plan_time","tasks":{},"steps":{})", tasks, 3 * tasks);
  for (Phase& phase : phases) {
    std::printf("plan_time: %-18s %7.2f ms (median of %d)\n", phase.name.c_str(), phase.median(),
                runs);
    json += fmt::format(R"(,"{}_ms":{:.3f})", phase.name, phase.median());
  }
  std::printf("%s}\n", json.c_str());
  return 0;
}
