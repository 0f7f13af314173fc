// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/catalog.h>
#include <taskgroup/reader.h>

#include "controller/claims.h"
#include "controller/pod_builder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

// The pods of the groups in pod_shapes/, whole: what a change of this code does to a pod is seen in
// its commit. e2e/cluster/tests/pod_shapes_test.py asks a real API server whether they are valid.
namespace taskgroup {
namespace {

using nlohmann::json;

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class PodShapes : public testing::TestWithParam<const char*> {};

TEST_P(PodShapes, AreAsWritten) {
  const std::string name = std::string("controller/pod_shapes/") + GetParam();
  const auto documents = read_documents(content_of(name + ".yaml"), name + ".yaml");
  ASSERT_TRUE(documents) << documents.error().to_string();
  Diagnostics diagnostics;
  Catalog catalog = make_catalog(*documents, diagnostics, Target::pod);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.to_string();
  Runnable& run = catalog.runnables.at(0);
  const Facts facts{catalog.tasks, catalog.pipelines};
  std::vector<std::string> skipped;
  validate(run.group, facts, diagnostics, skipped);

  PodRequest request;
  request.name = "run-pod";
  request.namespace_name = run.request.namespace_name;
  request.owner = {{"apiVersion", "tekton.dev/v1beta1"},
                   {"kind", "CustomRun"},
                   {"name", run.request.name},
                   {"uid", run.request.uid}};
  request.service_account = "default";
  request.affinity_assistant = "affinity-assistant-0123456789";
  PodSettings settings;
  settings.image = "registry.example/taskgroup-agent@sha256:"
                   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  settings.image_pull_secrets = {"agent"};
  const std::vector<json> claims = make_claims(run.request, request.owner);
  if (!claims.empty())
    request.affinity_assistant.clear();

  PlanOptions options;
  options.nonce = "0123abcd";
  options.pod = true;
  const auto plan = taskgroup::plan(run.group, run.request, facts, options, diagnostics);
  ASSERT_TRUE(plan && !diagnostics.has_errors()) << diagnostics.to_string();
  auto built = build_pod(*plan, run.group, facts, request, settings);
  ASSERT_TRUE(built) << built.error();
  // zlib's releases pack differently.
  for (json& variable : built->pod["spec"]["containers"][0]["env"])
    variable["value"] = "a plan";

  const std::string found = built->pod.dump(2) + "\n";
  if (std::getenv("TASKGROUP_WRITE_DOCS") != nullptr)
    std::ofstream(name + ".json") << found;
  EXPECT_EQ(found, content_of(name + ".json"))
      << "where that is meant: TASKGROUP_WRITE_DOCS=1 build/debug/bin/controller_test "
         "--gtest_filter='*PodShapes*'";
}

INSTANTIATE_TEST_SUITE_P(Files, PodShapes,
                         testing::Values("plain", "sidecars", "volumes", "shaped", "runtime-class",
                                         "long-names"));

} // namespace
} // namespace taskgroup
