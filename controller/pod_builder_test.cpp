// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_builder.h"
#include "core/planning/planner_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class PodBuilderTest : public PlannerTest {
protected:
  PodBuilderTest() {
    pod_request.name = "run-pod";
    pod_request.namespace_name = "team";
    pod_request.owner = {{"apiVersion", "tekton.dev/v1beta1"},
                         {"kind", "CustomRun"},
                         {"name", "run"},
                         {"uid", "u-1"}};
    pod_request.service_account = "builder";
    settings.image = "agent@sha256:1";
  }

  json built() {
    auto result = build_pod(planned(), group, facts, pod_request, settings);
    if (!result) {
      ADD_FAILURE() << result.error();
      return {};
    }
    config_map = result->config_map;
    return result->pod;
  }

  static json container(const json& pod, const std::string& name) {
    for (const json& candidate : pod["spec"]["containers"]) {
      if (candidate["name"] == name)
        return candidate;
    }
    ADD_FAILURE() << "no container " << name;
    return {};
  }

  PodRequest pod_request;
  PodSettings settings;
  json config_map;
};

TEST_F(PodBuilderTest, TheCoordinatorComesFirst) {
  load_spec("  tasks: [{name: a, taskSpec: {steps: [{image: i, command: [echo], args: [x]}]}}]");
  const json pod = built();
  EXPECT_EQ(pod["spec"]["containers"][0]["name"], "coordinator");
  EXPECT_EQ(pod["spec"]["containers"][1]["name"], "step-a-unnamed-0");
  EXPECT_TRUE(config_map.is_null());
  const auto outline = outline_of(pod);
  ASSERT_TRUE(outline) << outline.error();
  EXPECT_EQ(outline->tasks.at(0).steps.at(0).container, "step-a-unnamed-0");
  const json step = container(pod, "step-a-unnamed-0");
  EXPECT_EQ(step["command"], json({"/taskgroup/bin/taskgroup-agent"}));
  EXPECT_EQ(step["args"], json({"step", "--socket", "/taskgroup/socket/s", "--container",
                                "step-a-unnamed-0", "--nonce", "0123abcd", "--", "echo", "x"}));
}

} // namespace
} // namespace taskgroup
