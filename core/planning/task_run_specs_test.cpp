// SPDX-License-Identifier: Apache-2.0
#include "core/planning/planner_fixture.h"
#include "core/planning/task_run_specs.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace taskgroup {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class TaskRunSpecsTest : public PlannerTest {
protected:
  TaskRunSpecsTest() {
    target = Target::pod;
    options.pod = true;
  }

  // Two tasks, `a` of two steps and `b` of one, and what the run says.
  void load_run(const std::string& run) {
    load_spec(R"(  tasks:
  - name: a
    taskSpec:
      params: [{name: who, default: me}]
      steps:
      - {name: one, image: x, script: "true", computeResources: {requests: {cpu: 1}}}
      - {name: two, image: x, script: "true", env: [{name: A, value: own}, {name: B, value: own}]}
  - name: b
    taskSpec: {steps: [{name: only, image: x, script: "true"}]}
  run:)" + run);
  }

  json resources_of(std::size_t task, std::size_t step) {
    return fields_of(task, step).value("resources", json());
  }

  json fields_of(std::size_t task, std::size_t step) {
    const std::string& text = plan_result.tasks.at(task).steps.at(step).container_fields;
    return text.empty() ? json::object() : json::parse(text);
  }

  json pod_template() { return json::parse(plan_result.pod_template); }

  void plan_run(const std::string& run) {
    load_run(run);
    plan_result = planned();
  }

  Plan plan_result;
};

// Covers: 13.F1 9.5.F3
TEST_F(TaskRunSpecsTest, ComputeResourcesAreDividedOverSteps) {
  plan_run(R"(
    taskRunSpecs:
    - pipelineTaskName: a
      computeResources: {requests: {cpu: 1500m, memory: 3Gi}, limits: {memory: 4Gi}}
)");
  for (const std::size_t step : {0U, 1U})
    EXPECT_EQ(resources_of(0, step),
              json({{"requests", {{"cpu", "750m"}, {"memory", "1610612736"}}},
                    {"limits", {{"memory", "4Gi"}}}}));
  EXPECT_EQ(resources_of(1, 0), json());
}

TEST_F(TaskRunSpecsTest, LimitsStandInForRequestsThatNobodyMakes) {
  plan_run(R"(
    taskRunSpecs: [{pipelineTaskName: a, computeResources: {limits: {cpu: 2}}}]
)");
  EXPECT_EQ(resources_of(0, 0), json({{"limits", {{"cpu", 2}}}})) << "its request is dropped";
  EXPECT_EQ(resources_of(0, 1), json({{"limits", {{"cpu", 2}}}, {"requests", {{"cpu", "1000m"}}}}));
}

// Covers: 13.F3
TEST_F(TaskRunSpecsTest, StepSpecsArePutOverWhatTheStepSays) {
  plan_run(R"(
    taskRunSpecs:
    - pipelineTaskName: a
      stepSpecs:
      - {name: one, computeResources: {requests: {memory: 1Gi}, limits: {cpu: 2}}}
      - {name: two, computeResources: {requests: {cpu: 100m}}}
)");
  EXPECT_EQ(resources_of(0, 0),
            json({{"requests", {{"cpu", 1}, {"memory", "1Gi"}}}, {"limits", {{"cpu", 2}}}}));
  EXPECT_EQ(resources_of(0, 1), json({{"requests", {{"cpu", "100m"}}}}));
}

// Covers: 13.F3
TEST_F(TaskRunSpecsTest, SidecarSpecsArePutOverWhatTheSidecarSays) {
  load_run(R"(
    taskRunSpecs:
    - pipelineTaskName: b
      sidecarSpecs: [{name: db, computeResources: {requests: {cpu: 100m}}}]
      podTemplate: {env: [{name: E, value: v}]}
)");
  Sidecar sidecar;
  static_cast<Step&>(sidecar) = script_step("db", "true");
  group.tasks[1].task_spec->sidecars.push_back(sidecar);
  const PlanSidecar planned_one = planned().tasks[1].sidecars.at(0);
  EXPECT_EQ(json::parse(planned_one.container_fields)["resources"],
            json({{"requests", {{"cpu", "100m"}}}}));
  EXPECT_EQ(planned_one.env.at(0).name, "E");
}

TEST_F(TaskRunSpecsTest, ATimeoutWinsOverTheTasks) {
  load_run("\n    taskRunSpecs: [{pipelineTaskName: b, timeout: 7m}]\n");
  group.tasks[1].timeout = at("1h");
  EXPECT_EQ(planned().tasks[1].timeout, std::chrono::minutes(7));
}

TEST_F(TaskRunSpecsTest, AnotherServiceAccountIsRefused) {
  request.service_account = "builder";
  load_run("\n    taskRunSpecs: [{pipelineTaskName: b, serviceAccountName: deployer}]\n");
  request.service_account = "builder";
  EXPECT_THAT(errors(),
              HasSubstr("spec.run.taskRunSpecs[0].serviceAccountName: found \"deployer\", "
                        "but the run's service account is \"builder\""));
  request.service_account = "deployer";
  EXPECT_EQ(planned().tasks.size(), 2U);
}

// Covers: 14.F1
TEST_F(TaskRunSpecsTest, WhatContainersCanHaveGoesIntoThoseOfTheTask) {
  plan_run(R"(
    podTemplate: {securityContext: {fsGroup: 5}}
    taskRunSpecs:
    - pipelineTaskName: a
      podTemplate:
        env: [{name: A, value: $(params.who)}, {name: C, value: new}]
        securityContext: {fsGroup: 5, runAsUser: 1001, seccompProfile: {type: RuntimeDefault}}
)");
  EXPECT_EQ(fields_of(0, 1)["securityContext"],
            json({{"runAsUser", 1001}, {"seccompProfile", {{"type", "RuntimeDefault"}}}}));
  EXPECT_EQ(fields_of(1, 0), json::object());
  EXPECT_EQ(pod_template()["securityContext"], json({{"fsGroup", 5}}));
  std::vector<std::string> env;
  for (const PlanEnv& variable : plan_result.tasks[0].steps[1].env)
    env.push_back(variable.name + "=" + marked(variable.value));
  EXPECT_THAT(env, ElementsAre("B=own", "A=me", "C=new"));
}

// Covers: 14.F1
TEST_F(TaskRunSpecsTest, WhatCanBePutTogetherIs) {
  plan_run(R"(
    podTemplate: {nodeSelector: {zone: z1}, tolerations: [{key: all}]}
    taskRunSpecs:
    - pipelineTaskName: a
      podTemplate:
        nodeSelector: {disk: ssd}
        tolerations: [{key: gpu}]
        imagePullSecrets: [{name: s1}]
        hostAliases: [{ip: 10.0.0.1, hostnames: [h]}]
        affinity: {nodeAffinity: {}}
    - pipelineTaskName: b
      podTemplate: {imagePullSecrets: [{name: s1}, {name: s2}]}
)");
  EXPECT_EQ(pod_template()["nodeSelector"], json({{"disk", "ssd"}, {"zone", "z1"}}));
  EXPECT_EQ(pod_template()["tolerations"], json::array({{{"key", "gpu"}}, {{"key", "all"}}}));
  EXPECT_EQ(pod_template()["imagePullSecrets"], json::array({{{"name", "s1"}}, {{"name", "s2"}}}));
  EXPECT_EQ(pod_template()["hostAliases"][0]["ip"], "10.0.0.1");
  EXPECT_EQ(pod_template()["affinity"], json({{"nodeAffinity", json::object()}}));
}

// Covers: 14.F1 18.R10 19.R2
TEST_F(TaskRunSpecsTest, WhatAPodHasOnceMustBeTheSameForAll) {
  load_run(R"(
    podTemplate: {nodeSelector: {disk: hdd}, securityContext: {runAsUser: 7}}
    taskRunSpecs:
    - pipelineTaskName: a
      podTemplate:
        dnsPolicy: None
        hostNetwork: true
        nodeSelector: {disk: ssd}
        securityContext: {runAsGroup: 5}
)");
  const std::string found = errors();
  EXPECT_THAT(found,
              HasSubstr("taskRunSpecs[0].podTemplate.dnsPolicy: \"None\" here and not set for "
                        "the task \"b\", but a group runs in one pod"));
  EXPECT_THAT(found, HasSubstr("podTemplate.hostNetwork: true here"));
  EXPECT_THAT(found, HasSubstr("podTemplate.securityContext: says nothing of runAsUser"));
  EXPECT_THAT(found, HasSubstr("is \"hdd\" here and \"ssd\" for the task"));
}

TEST_F(TaskRunSpecsTest, AVolumeOfATasksPodTemplateIsThatTasksOwn) {
  load_run(R"(
    taskRunSpecs: [{pipelineTaskName: a, podTemplate: {volumes: [{name: cfg, configMap: {name: m}}]}}]
)");
  group.tasks[0].task_spec->steps[0].volume_mounts.push_back(
      {.name = at("cfg"), .mount_path = at("/cfg")});
  const Plan plan = planned();
  const auto cfg = std::find_if(plan.volumes.begin(), plan.volumes.end(),
                                [](const PlanVolume& one) { return one.name == "pt0-cfg"; });
  ASSERT_NE(cfg, plan.volumes.end());
  EXPECT_EQ(json::parse(cfg->source), json({{"configMap", {{"name", "m"}}}}));
  group.tasks[1].task_spec->steps[0].volume_mounts.push_back(
      {.name = at("cfg"), .mount_path = at("/cfg")});
  EXPECT_THAT(errors(), HasSubstr("\"cfg\""));
}

} // namespace
} // namespace taskgroup
