// SPDX-License-Identifier: Apache-2.0
#include "controller/fake_cluster.h"
#include "kube/json_fields.h"
#include "kube/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

// What the log says of a run (docs/logging.md).
namespace taskgroup {
namespace {

constexpr const char* one_task = R"(
customSpec:
  apiVersion: taskgroup.dev/v1alpha1
  kind: TaskGroup
  spec: {tasks: [{name: a, taskSpec: {steps: [{name: s, image: i, script: "echo"}]}}]}
)";

constexpr const char* parent = "00-0f57e147e992b304d977436289d10628-73d5909e31793992-01";
constexpr const char* trace_id = "0f57e147e992b304d977436289d10628";

std::vector<Json> lines_of(const std::function<void()>& body) {
  testing::internal::CaptureStderr();
  body();
  std::istringstream text(testing::internal::GetCapturedStderr());
  std::vector<Json> lines;
  for (std::string line; std::getline(text, line);)
    lines.push_back(Json::parse(line, nullptr, /*allow_exceptions=*/false));
  return lines;
}

void run_to_its_end(FakeCluster& cluster) {
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.write_success();
  cluster.end_pod();
  cluster.settle();
}

TEST(ReconcilerLog, EachLineNamesTheRunItsPodAndItsTrace) {
  FakeCluster cluster;
  cluster.create_run(one_task);
  cluster.edit_run([](Json& object) {
    object["metadata"]["annotations"]["tekton.dev/pipelinerunSpanContext"] =
        Json({{"traceparent", parent}}).dump();
  });
  const std::vector<Json> lines = lines_of([&] { run_to_its_end(cluster); });
  const std::string uid = cluster.run_object()["metadata"]["uid"];
  const Json pod = cluster.pod()["metadata"];
  ASSERT_EQ(lines.size(), 4U) << "Started, the pod, Running, Succeeded";
  std::vector<std::string> messages;
  for (const Json& line : lines) {
    EXPECT_EQ(text_at(line, "namespace"), "default");
    EXPECT_EQ(text_at(line, "run"), "run");
    EXPECT_EQ(text_at(line, "uid"), uid);
    EXPECT_EQ(text_at(line, "traceID"), trace_id);
    messages.push_back(text_at(line, "msg"));
  }
  EXPECT_THAT(messages, testing::ElementsAre("Wrote the status", "Created the pod",
                                             "Wrote the status", "Wrote the status"));
  EXPECT_FALSE(lines[0].contains("pod")) << "there is none yet";
  for (std::size_t i = 1; i < lines.size(); ++i) {
    EXPECT_EQ(text_at(lines[i], "pod"), text_at(pod, "name"));
    EXPECT_EQ(text_at(lines[i], "podUID"), text_at(pod, "uid"));
  }
  EXPECT_EQ(text_at(lines[3], "reason"), "Succeeded");
}

// Tekton begins a trace where it is told to, and keeps it in the PipelineRun's status only.
TEST(ReconcilerLog, ATraceThatTektonBeganIsKnownOnceThereIsAPod) {
  FakeCluster cluster;
  cluster.apply(
      std::string("{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: owner}, "
                  "status: {spanContext: {traceparent: ")
      + parent + "}}}");
  cluster.create_run(one_task);
  cluster.edit_run([](Json& object) {
    object["metadata"]["ownerReferences"] = Json::array({{{"apiVersion", "tekton.dev/v1"},
                                                          {"kind", "PipelineRun"},
                                                          {"name", "owner"},
                                                          {"uid", "u"},
                                                          {"controller", true}}});
  });
  const std::vector<Json> lines = lines_of([&] { run_to_its_end(cluster); });
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_FALSE(lines[0].contains("traceID"));
  EXPECT_EQ(text_at(lines[1], "traceID"), trace_id);
  EXPECT_EQ(text_at(lines[3], "traceID"), trace_id);
}

TEST(ReconcilerLog, AFailureSaysWhatTheApiServerSaid) {
  FakeCluster cluster;
  cluster.create_run(one_task);
  int failures = 0;
  const std::vector<Json> lines = lines_of([&] {
    cluster.api.set_write_hook([&](const kube::FakeWrite& write) {
      kube::Fate fate;
      if (write.resource == kube::pods && failures++ == 0) {
        fate.kind = kube::Fate::Kind::refuse;
        fate.error = {.kind = kube::ApiError::Kind::internal, .code = 500, .message = "no room"};
      }
      return fate;
    });
    cluster.settle();
  });
  const auto found = std::find_if(lines.begin(), lines.end(),
                                  [](const Json& line) { return line["level"] == "warning"; });
  ASSERT_NE(found, lines.end());
  EXPECT_EQ((*found)["msg"], "Could not create the pod");
  EXPECT_THAT(text_at(*found, "error"), testing::HasSubstr("no room"));
  EXPECT_EQ((*found)["code"], "500");
  EXPECT_EQ((*found)["run"], "run");
}

} // namespace
} // namespace taskgroup
