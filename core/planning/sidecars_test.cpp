// SPDX-License-Identifier: Apache-2.0
#include "core/planning/checked_documents.h"
#include "core/planning/planner_fixture.h"
#include "core/planning/sidecars.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Plan ordered(std::vector<PlanTask> tasks) {
  Plan plan;
  plan.tasks = std::move(tasks);
  order_by_ports(plan);
  return plan;
}

PlanTask with_ports(std::string name, std::vector<int> ports, std::vector<std::size_t> after = {}) {
  PlanTask task{.name = std::move(name), .after = std::move(after)};
  task.sidecars.emplace_back().ports = std::move(ports);
  return task;
}

TEST(OrderByPorts, TasksThatShareOneAndMayOverlapAreOrdered) {
  const Plan plan = ordered({with_ports("a", {80}), with_ports("b", {443}),
                             with_ports("c", {80, 1}), with_ports("d", {443, 80}, {1})});
  EXPECT_THAT(plan.tasks[0].ordered_after, IsEmpty());
  EXPECT_THAT(plan.tasks[1].ordered_after, IsEmpty());
  EXPECT_THAT(plan.tasks[2].ordered_after, ElementsAre(0));
  EXPECT_THAT(plan.tasks[3].ordered_after, ElementsAre(2)) << "b is before it, and a before c";
}

TEST(OrderByPorts, NothingIsAddedWhereTasksCannotOverlap) {
  EXPECT_THAT(ordered({with_ports("a", {80}), with_ports("b", {}, {0}), with_ports("c", {80}, {1})})
                  .tasks[2]
                  .ordered_after,
              IsEmpty());
  Plan one_by_one;
  one_by_one.max_parallel = 1;
  one_by_one.tasks = {with_ports("a", {80}), with_ports("b", {80})};
  order_by_ports(one_by_one);
  EXPECT_THAT(one_by_one.tasks[1].ordered_after, IsEmpty());
}

class SidecarPlanTest : public PlannerTest {
protected:
  const PlanSidecar& first() {
    m_plan = planned();
    return m_plan.tasks.at(0).sidecars.at(0);
  }

private:
  Plan m_plan;
};

TEST_F(SidecarPlanTest, IsPlannedLikeAStepWithoutTemplateAndImplicitVolumes) {
  load_spec(R"yaml(
  params: [{name: p, default: v}]
  workspaces: [{name: w}]
  tasks:
  - name: a
    workspaces: [{name: w}]
    taskSpec:
      workspaces: [{name: w}]
      volumes: [{name: data}]
      stepTemplate: {env: [{name: OF, value: steps}]}
      steps: [{name: s, image: i, script: x}]
      sidecars:
      - name: db
        image: $(params.p)
        args: [$(params.p)]
        script: echo $(params.p) $(workspaces.w.path)
        env: [{name: A, value: $(params.p)}]
        volumeMounts: [{name: data, mountPath: /data}]
        ports: [{name: sql, containerPort: 5432}]
        readinessProbe: {tcpSocket: {port: sql}, periodSeconds: 2}
        lifecycle: {preStop: {exec: {command: [stop, "$(params.p)"]}}}
)yaml");
  const PlanSidecar& sidecar = first();
  EXPECT_EQ(sidecar.container, "sidecar-a-db");
  EXPECT_EQ(sidecar.image, "v");
  EXPECT_EQ(sidecar.script.value().literal(), "#!/bin/sh\nset -e\necho v /workspace/w");
  EXPECT_THAT(sidecar.args, SizeIs(1));
  EXPECT_THAT(sidecar.env, SizeIs(1));
  EXPECT_THAT(sidecar.mounts, SizeIs(2)); // /data and the workspace
  EXPECT_THAT(sidecar.ports, ElementsAre(5432));
  EXPECT_EQ(sidecar.care.readiness->handler.kind, PlanHandler::Kind::tcp_socket);
  EXPECT_EQ(sidecar.care.readiness->handler.port, 5432);
  EXPECT_EQ(sidecar.care.readiness->period, 2s);
  EXPECT_THAT(sidecar.care.pre_stop->command, ElementsAre("stop", "$(params.p)")); // as in stock
  EXPECT_FALSE(sidecar.from_start);
}

TEST_F(SidecarPlanTest, VariablesOfItsEnvAreExpandedInProbesAndNotInHooks) {
  load_spec(R"yaml(
  params: [{name: p, default: "5432"}]
  tasks:
  - name: a
    taskSpec:
      steps: [{name: s, image: i, script: x}]
      sidecars:
      - name: db
        image: i
        script: x
        env: [{name: PORT, value: $(params.p)}, {name: URL, value: "h:$(PORT)"}]
        readinessProbe: {exec: {command: [ask, "$(PORT)", "$(URL)", "$$(PORT)", "$(NONE)"]}}
        lifecycle: {postStart: {exec: {command: [warm, "$(PORT)"]}}}
)yaml");
  const PlanSidecar& sidecar = first();
  EXPECT_THAT(sidecar.care.readiness->handler.command,
              ElementsAre("ask", "5432", "h:$(PORT)", "$(PORT)", "$(NONE)"));
  EXPECT_THAT(sidecar.care.post_start->command, ElementsAre("warm", "$(PORT)"));
}

TEST_F(SidecarPlanTest, AProbeCannotHaveAVariableThatIsKnownLater) {
  load_spec(R"yaml(
  tasks:
  - name: b
    taskSpec:
      steps: [{name: s, image: i, script: x}]
      sidecars:
      - name: db
        image: i
        script: x
        env: [{name: PORT, value: $(tasks.a.results.r)}]
        livenessProbe: {exec: {command: [ask, $(PORT)]}}
  - {name: a, taskSpec: {results: [{name: r}], steps: [{name: s, image: i, script: x}]}}
)yaml");
  EXPECT_THAT(errors(), HasSubstr("sidecars[0].livenessProbe: the value of \"$(PORT)\" is known "
                                  "only while the group runs"));
}

TEST_F(SidecarPlanTest, NeedsTheResultsThatItNames) {
  load_spec(R"yaml(
  tasks:
  - name: b
    taskSpec:
      steps: [{name: s, image: i, script: x}]
      sidecars: [{name: db, image: i, script: "echo $(tasks.a.results.r)"}]
  - {name: a, taskSpec: {results: [{name: r}], steps: [{name: s, image: i, script: x}]}}
)yaml");
  const Plan plan = planned();
  EXPECT_EQ(plan.tasks.at(1).name, "b");
  EXPECT_THAT(plan.tasks[1].after, ElementsAre(0));
}

TEST_F(SidecarPlanTest, AWorkspaceThatASidecarAsksForIsIsolated) {
  load_spec(R"yaml(
  workspaces: [{name: w}]
  tasks:
  - name: a
    taskSpec:
      workspaces: [{name: w}]
      steps: [{name: s, image: i, script: x}]
      sidecars: [{name: db, image: i, script: x, workspaces: [{name: w, mountPath: /mine}]}]
)yaml");
  const PlanSidecar& sidecar = first();
  ASSERT_THAT(sidecar.mounts, SizeIs(1));
  EXPECT_EQ(sidecar.mounts[0].path, "/mine");
}

TEST_F(SidecarPlanTest, FromStartKubeletLooksAfterItInAPod) {
  const std::string spec = R"yaml(
  run: {sidecars: fromStart}
  tasks:
  - name: a
    taskSpec:
      steps: [{name: s, image: i, script: x}]
      sidecars: [{name: db, image: i, readinessProbe: {grpc: {port: 1}}, ports: [{containerPort: 1}]}]
)yaml";
  target = Target::pod;
  options.pod = true;
  load_spec(spec);
  const PlanSidecar& sidecar = first();
  EXPECT_TRUE(sidecar.from_start);
  EXPECT_EQ(sidecar.container_fields,
            R"({"ports":[{"containerPort":1}],"readinessProbe":{"grpc":{"port":1}}})");
}

} // namespace
} // namespace taskgroup
