// SPDX-License-Identifier: Apache-2.0
#include "controller/controller.h"
#include "controller/pod_builder.h"
#include "kube/fake_kube_api.h"
#include "kube/json_fields.h"
#include "kube/resources.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace taskgroup {
namespace {

constexpr int runs = 20;

// The whole of it: real informers, queue, workers and followers; only the API server is a fake.
class ControllerTest : public ::testing::Test {
protected:
  ControllerTest() {
    for (const char* one : {"taskgroups", "tasks", "pipelines", "pipelineruns"}) {
      const bool ours = one == std::string("taskgroups");
      api.serve({.resource = {ours ? "taskgroup.dev" : "tekton.dev", ours ? "v1alpha1" : "v1", one},
                 .kind = one,
                 .prune = {},
                 .admit = {}});
    }
    api.serve({.resource = custom_runs,
               .kind = "CustomRun",
               .has_status = true,
               .prune = {},
               .admit = {}});
    settings.preparer.pod.image = "agent@sha256:0";
    settings.instance = "test";
    settings.workers = 4;
    settings.most_followed = 5; // the others are read when their pod changes
  }

  void create_run(const std::string& name) {
    api.put(custom_runs, Json::parse(R"({"apiVersion":"tekton.dev/v1beta1","kind":"CustomRun",
        "metadata":{"namespace":"default","name":")"
                                     + name + R"("},
        "spec":{"customSpec":{"apiVersion":"taskgroup.dev/v1alpha1","kind":"TaskGroup","spec":{
        "tasks":[{"name":"a","taskSpec":{"steps":[{"name":"s","image":"i","script":"x"}]}}]}}}})"));
  }

  // Do what kubelet and coordinator would, with every pod that has not been started yet.
  void start_pods() {
    for (const Json& pod : api.all(kube::pods)) {
      if (!array_at(object_at(pod, "status"), "containerStatuses").empty())
        continue;
      const kube::ObjectKey key{"default", text_at(object_at(pod, "metadata"), "name")};
      api.modify(kube::pods, key, [](Json& started) {
        for (const Json& container : started["spec"]["containers"])
          started["status"]["containerStatuses"].push_back(
              {{"name", container["name"]}, {"state", {{"running", Json::object()}}}});
        started["status"]["phase"] = "Running";
        started["spec"]["nodeName"] = "node";
      });
      api.append_log(
          key, coordinator_container,
          R"({"n":1,"event":"begin","version":1,"group":"g","tasks":["a"],"finally":[]})"
          "\n"
          R"({"n":2,"event":"end","state":"Succeeded","reason":"Succeeded","message":"",)"
          R"("tasks":{"a":{"state":"Succeeded","attempts":1}},"results":{}})"
          "\n");
      api.end_log(key, coordinator_container);
      api.modify(kube::pods, key, [](Json& ended) {
        for (Json& status : ended["status"]["containerStatuses"])
          status["state"] = {{"terminated",
                              {{"exitCode", 0},
                               {"startedAt", "2027-01-01T00:00:00Z"},
                               {"finishedAt", "2027-01-01T00:00:01Z"}}}};
        ended["status"]["phase"] = "Succeeded";
      });
    }
  }

  int succeeded() const {
    int count = 0;
    for (const Json& run : api.all(custom_runs)) {
      const Json& conditions = array_at(object_at(run, "status"), "conditions");
      count += !conditions.empty() && text_at(conditions[0], "status") == "True" ? 1 : 0;
    }
    return count;
  }

  // Tell whether the metrics hold this text.
  bool has(const std::string& text) const {
    return registry.text().find("\n" + text) != std::string::npos;
  }

  const kube::Resource& custom_runs = resource_of(RunKind::custom_run);
  kube::FakeKubeApi api;
  ControllerSettings settings;
  metrics::Registry registry;
  ControllerMetrics metrics{registry};
};

TEST_F(ControllerTest, ManyRunsSucceedEachWithOnePod) {
  Controller controller(api, settings, metrics);
  controller.start();
  for (int run = 0; run < runs; ++run)
    create_run("r" + std::to_string(run));
  while (succeeded() < runs) {
    start_pods();
    std::this_thread::yield();
  }
  EXPECT_EQ(api.all(kube::pods).size(), static_cast<std::size_t>(runs));
  EXPECT_FALSE(controller.is_stuck());
  // The caches hear of the last end a moment later.
  while (!has("taskgroup_runs_active 0\n") || !has("taskgroup_pods{phase=\"pending\"} 0\n")
         || !has("taskgroup_pods{phase=\"running\"} 0\n")
         || !has("controller_runtime_active_workers{controller=\"customrun\"} 0\n"))
    std::this_thread::yield();
  EXPECT_TRUE(has("taskgroup_runs_total{outcome=\"succeeded\",reason=\"Succeeded\"} 20\n"));
  EXPECT_TRUE(has("controller_runtime_max_concurrent_reconciles{controller=\"customrun\"} 4\n"));
  EXPECT_TRUE(
      has("controller_runtime_reconcile_total{controller=\"customrun\",result=\"error\"} 0\n"));
  EXPECT_FALSE(has("workqueue_adds_total{name=\"customruns\"} 0\n"));
  EXPECT_FALSE(has("workqueue_queue_duration_seconds_count{name=\"customruns\"} 0\n"));
  controller.stop();
  EXPECT_TRUE(has("workqueue_adds_total{name=\"customruns\"} 0\n")) << "it does not lead";
}

TEST_F(ControllerTest, WhatIsNotDoneIsCounted) {
  Controller controller(api, settings, metrics);
  controller.start();
  create_run("a");
  create_run("b");
  while (!has("taskgroup_runs_active 2\n") || !has("taskgroup_pods{phase=\"pending\"} 2\n"))
    std::this_thread::yield();
  api.erase_now(custom_runs, {"default", "a"});
  while (!has("taskgroup_runs_active 1\n"))
    std::this_thread::yield();
  controller.stop();
}

TEST_F(ControllerTest, ItStopsInTheMiddleAndAnotherOneGoesOn) {
  for (int run = 0; run < runs; ++run)
    create_run("r" + std::to_string(run));
  {
    Controller controller(api, settings, metrics);
    controller.start();
    while (api.all(kube::pods).size() < runs / 2)
      std::this_thread::yield();
  }
  Controller controller(api, settings, metrics);
  controller.start();
  while (succeeded() < runs) {
    start_pods();
    std::this_thread::yield();
  }
  EXPECT_EQ(api.all(kube::pods).size(), static_cast<std::size_t>(runs));
}

} // namespace
} // namespace taskgroup
