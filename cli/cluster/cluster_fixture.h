// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/cluster/actions.h"
#include "kube/fake_clock.h"
#include "kube/fake_kube_api.h"
#include "kube/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace taskgroup::cluster {

// A cluster in memory with Tekton's kinds, for tests of the commands; its namespace is "ci".
class CommandTest : public ::testing::Test {
protected:
  CommandTest() {
    for (const auto& [resource, kind] :
         {std::pair{custom_runs, "CustomRun"}, std::pair{pipeline_runs, "PipelineRun"}})
      api->serve(
          {.resource = resource, .kind = kind, .has_status = true, .prune = {}, .admit = {}});
    clock->run_freely(true);
    cluster = {api, clock, "ci", "https://cluster:6443"};
  }

  // What a command has done.
  struct Done {
    ExitCode code;
    std::string out;
    std::string err;
  };
  static Done capture(const std::function<ExitCode()>& command) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const ExitCode code = command();
    return {code, ::testing::internal::GetCapturedStdout(),
            ::testing::internal::GetCapturedStderr()};
  }

  // Run a command while `meanwhile` changes the cluster, which it does once the command watches.
  Done capture(const std::function<ExitCode()>& command,
               const std::function<void()>& meanwhile) const {
    const std::jthread world([&] {
      api->wait_for_watches(1);
      meanwhile();
    });
    return capture(command);
  }

  // Store a CustomRun. `status` is its whole status; `more` is merged into the object.
  Json put_run(const std::string& name, const Json& status = Json::object(),
               const Json& more = Json::object()) const {
    Json run = {{"apiVersion", "tekton.dev/v1beta1"},
                {"kind", "CustomRun"},
                {"metadata", {{"name", name}, {"namespace", "ci"}}},
                {"spec",
                 {{"customSpec",
                   {{"apiVersion", "taskgroup.dev/v1alpha1"},
                    {"kind", "TaskGroup"},
                    {"spec", Json::object()}}}}},
                {"status", status}};
    run.merge_patch(more);
    return api->put(custom_runs, run);
  }

  void set_status(const std::string& name, const Json& status) const {
    api->modify(custom_runs, {"ci", name}, [&](Json& run) { run["status"] = status; });
  }

  static Json status_of(const std::string& succeeded, const std::string& reason,
                        const std::string& message = {}, const Json& extra = Json::object()) {
    Json status = {{"conditions", Json::array({{{"type", "Succeeded"},
                                                {"status", succeeded},
                                                {"reason", reason},
                                                {"message", message}}})},
                   {"startTime", "2026-01-01T00:00:00Z"},
                   {"extraFields", extra}};
    if (succeeded != "Unknown")
      status["completionTime"] = "2026-01-01T00:00:08Z";
    return status;
  }

  // extraFields with a pod of which nothing else is known.
  static Json in_pod(const Json& pod) {
    return {{"version", 1},
            {"pod", {{"name", pod["metadata"]["name"]}, {"uid", pod["metadata"]["uid"]}}}};
  }

  // Store a PipelineRun and return what a CustomRun of its task gets.
  Json put_pipeline_run(const std::string& name) const {
    return api->put(pipeline_runs, {{"apiVersion", "tekton.dev/v1"},
                                    {"kind", "PipelineRun"},
                                    {"metadata", {{"name", name}, {"namespace", "ci"}}},
                                    {"spec", Json::object()}});
  }
  static Json of_task(const Json& pipeline_run, const std::string& task) {
    const Json& metadata = pipeline_run["metadata"];
    return {{"metadata",
             {{"labels",
               {{"tekton.dev/pipelineRun", metadata["name"]}, {"tekton.dev/pipelineTask", task}}},
              {"ownerReferences", Json::array({{{"apiVersion", "tekton.dev/v1"},
                                                {"kind", "PipelineRun"},
                                                {"name", metadata["name"]},
                                                {"uid", metadata["uid"]},
                                                {"controller", true}}})}}}};
  }
  void end_pipeline_run(const std::string& name, const std::string& succeeded) const {
    api->modify(pipeline_runs, {"ci", name}, [&](Json& run) {
      run["status"]["conditions"] =
          Json::array({{{"type", "Succeeded"}, {"status", succeeded}, {"reason", "Whatever"}}});
    });
  }

  // Store a pod with the tasks build (steps make and check) and, in finally, report (step say).
  // Its containers run, or have run, in this state.
  Json put_pod(const std::string& name, const std::string& state = "running") const {
    Json pod = {
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"metadata",
         {{"name", name},
          {"namespace", "ci"},
          {"annotations",
           {{"taskgroup.dev/outline", R"({"version":1,"tasks":[{"name":"build","steps":[)"
                                      R"({"name":"make","container":"step-build-make"},)"
                                      R"({"name":"check","container":"step-build-check"}]},)"
                                      R"({"name":"report","finally":true,"steps":[)"
                                      R"({"name":"say","container":"step-report-say"}]}]})"}}}}},
        {"spec", {{"nodeName", "n"}, {"containers", Json::array()}}},
        {"status", {{"phase", "Running"}, {"containerStatuses", Json::array()}}}};
    for (const char* container :
         {"coordinator", "step-build-make", "step-build-check", "step-report-say"}) {
      pod["spec"]["containers"].push_back({{"name", container}});
      pod["status"]["containerStatuses"].push_back(
          {{"name", container}, {"state", {{state, Json::object()}}}});
    }
    return api->put(kube::pods, pod);
  }

  // Append to a log of a pod.
  void write(const std::string& pod, const std::string& container, const std::string& text) const {
    api->append_log({"ci", pod}, container, text);
  }
  void end(const std::string& pod, const std::string& container) const {
    api->end_log({"ci", pod}, container);
  }

  std::shared_ptr<kube::FakeKubeApi> api = std::make_shared<kube::FakeKubeApi>();
  std::shared_ptr<kube::FakeClock> clock = std::make_shared<kube::FakeClock>();
  Cluster cluster;
};

} // namespace taskgroup::cluster
