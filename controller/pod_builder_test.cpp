// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_builder.h"
#include "controller/pod_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace taskgroup {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class PodBuilder : public PodTest {};

constexpr const char* one_step =
    "  tasks: [{name: a, taskSpec: {steps: [{image: i, command: [echo], args: [x]}]}}]";

// Covers: 1.3.F1 20.R1
TEST_F(PodBuilder, ContainersStandInTopologicalOrderBehindTheCoordinator) {
  load_spec(R"yaml(
  tasks:
  - name: late
    runAfter: [early]
    taskSpec: {steps: [{name: one, image: i, command: [x]}, {name: two, image: i, command: [x]}]}
  - name: early
    taskSpec: {steps: [{image: i, command: [x]}]}
  finally:
  - name: last
    taskSpec: {steps: [{image: i, command: [x]}]}
)yaml");
  const json pod = built();
  std::vector<std::string> names;
  for (const json& one : pod["spec"]["containers"])
    names.push_back(one["name"]);
  EXPECT_THAT(names, testing::ElementsAre("coordinator", "step-early-unnamed-0", "step-late-one",
                                          "step-late-two", "step-last-unnamed-0"));
  const auto outline = outline_of(pod);
  ASSERT_TRUE(outline) << outline.error();
  EXPECT_EQ(outline->tasks.at(1).steps.at(1).container, "step-late-two");
}

// Covers: 1.7.F2
TEST_F(PodBuilder, TheUsersWordsStayReadable) {
  load_spec(one_step);
  const json step = container(built(), "step-a-unnamed-0");
  EXPECT_EQ(step["command"], json({"/taskgroup/bin/taskgroup-agent"}));
  EXPECT_EQ(step["args"], json({"step", "--socket", "/taskgroup/socket/s", "--container",
                                "step-a-unnamed-0", "--nonce", "0123abcd", "--", "echo", "x"}));
  EXPECT_FALSE(step.contains("workingDir"));
}

TEST_F(PodBuilder, LateReferencesAreMarkedAndEverythingElseIsKubeletsToExpand) {
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec: {results: [{name: r}], steps: [{image: i, command: [x]}]}
  - name: b
    taskSpec:
      steps:
      - image: i
        command: [echo, $(tasks.a.results.r), $(HOME), $$(tasks.a.results.r)]
        env: [{name: E, value: "v-$(tasks.a.results.r)"}]
        workingDir: /d/$(tasks.a.results.r)
)yaml");
  const json step = container(built(), "step-b-unnamed-0");
  const json args = step["args"];
  EXPECT_EQ(args[8], "echo");
  EXPECT_EQ(args[9], "@{tasks.a.results.r#0123abcd}");
  EXPECT_EQ(args[10], "$(HOME)");
  EXPECT_EQ(args[11], "$@{tasks.a.results.r#0123abcd}");
  EXPECT_EQ(step["env"],
            json::array({{{"name", "E"}, {"value", "v-@{tasks.a.results.r#0123abcd}"}}}));
  EXPECT_FALSE(step.contains("workingDir")) << "the agent makes it and goes there";
}

TEST_F(PodBuilder, StepsGetTheTraceUnlessTheyHaveTheirOwn) {
  const std::string parent = "00-0f57e147e992b304d977436289d10628-73d5909e31793992-01";
  pod_request.trace = trace_context(parent, "vendor=a$(HOME)");
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec:
      steps:
      - {name: one, image: i, command: [x], env: [{name: E, value: $(TRACEPARENT)}]}
      - {name: two, image: i, command: [x], env: [{name: TRACEPARENT, value: mine}]}
)yaml");
  const json pod = built();
  EXPECT_EQ(container(pod, "step-a-one")["env"],
            json::array({{{"name", "TRACEPARENT"}, {"value", parent}},
                         {{"name", "TRACESTATE"}, {"value", "vendor=a$$(HOME)"}},
                         {{"name", "E"}, {"value", "$(TRACEPARENT)"}}}));
  EXPECT_EQ(container(pod, "step-a-two")["env"],
            json::array({{{"name", "TRACEPARENT"}, {"value", "mine"}}}));
  EXPECT_EQ(pod["metadata"]["annotations"]["taskgroup.dev/traceparent"], parent);
  EXPECT_EQ(trace_of_pod(pod).trace_id(), "0f57e147e992b304d977436289d10628");
}

TEST_F(PodBuilder, WithoutATraceThereIsNoneInThePod) {
  load_spec(one_step);
  EXPECT_THAT(built().dump(), testing::Not(HasSubstr("traceparent")));
  EXPECT_THAT(built().dump(), testing::Not(HasSubstr("TRACEPARENT")));
}

// Covers: 1.5.F2 18.R16
TEST_F(PodBuilder, ScriptsTravelInThePlan) {
  load_spec(
      "  tasks: [{name: a, taskSpec: {steps: [{image: i, script: echo secret, args: [x]}]}}]");
  const json pod = built();
  const json step = container(pod, "step-a-unnamed-0");
  EXPECT_THAT(step.dump(), testing::Not(HasSubstr("echo secret")));
  EXPECT_EQ(step["args"][7], "--script");
  EXPECT_EQ(step["args"][9], "x");
  EXPECT_EQ(mount(step, "/tekton/scripts")["name"], "taskgroup-scripts-0");
}

// Covers: 1.1.F1 1.1.F9 18.R1 18.R3
TEST_F(PodBuilder, EachTaskHasItsOwnVolumesAndEachContainerItsOwnSocket) {
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec: {steps: [{image: i, script: x}, {image: i, script: x}]}
  - name: b
    taskSpec: {steps: [{image: i, script: x}]}
)yaml");
  const json pod = built();
  std::map<std::string, std::set<std::string>> users; // of a volume: tasks, or the coordinator
  std::set<std::string> sockets;
  for (const json& one : pod["spec"]["containers"]) {
    const std::string name = one["name"];
    for (const json& mounted : one["volumeMounts"]) {
      EXPECT_FALSE(mounted.contains("subPath")) << "Kata and gVisor do not share them";
      users[mounted["name"]].insert(name == "coordinator" ? name : name.substr(0, 6));
    }
    if (name != "coordinator")
      sockets.insert(mount(one, "/taskgroup/socket")["name"]);
  }
  for (const auto& [name, tasks] : users) {
    if (name == "taskgroup-bin")
      EXPECT_EQ(tasks.size(), 3U);
    else if (name.starts_with("taskgroup-socket-"))
      EXPECT_EQ(tasks.size(), 2U) << "its step and the coordinator";
    else
      EXPECT_EQ(tasks.size(), 1U) << name;
  }
  EXPECT_EQ(sockets.size(), 3U);
  EXPECT_EQ(mount(container(pod, "step-b-unnamed-0"), "/taskgroup/bin")["readOnly"], true);
  EXPECT_EQ(mount(container(pod, "coordinator"), "/taskgroup/sockets/2")["name"],
            mount(container(pod, "step-b-unnamed-0"), "/taskgroup/socket")["name"]);
  EXPECT_TRUE(mount(container(pod, "step-b-unnamed-0"), "/taskgroup/control").is_null());
}

// Covers: 14.F2
TEST_F(PodBuilder, TheCoordinatorMayDoNothing) {
  load_spec(one_step);
  const json pod = built();
  const json security = container(pod, "coordinator")["securityContext"];
  EXPECT_EQ(security["capabilities"], json({{"drop", {"ALL"}}}));
  EXPECT_EQ(security["allowPrivilegeEscalation"], false);
  EXPECT_EQ(security["readOnlyRootFilesystem"], true);
  EXPECT_EQ(security["seccompProfile"], json({{"type", "RuntimeDefault"}}));
  EXPECT_EQ(security["runAsNonRoot"], true);
  EXPECT_FALSE(security.contains("runAsUser")) << "platforms assign one";
  EXPECT_EQ(container(pod, "coordinator")["resources"],
            json({{"requests", {{"cpu", "10m"}, {"memory", "32Mi"}}}}));
}

TEST_F(PodBuilder, APodOfRootHasARootCoordinator) {
  load_spec(std::string(one_step) + "\n  run: {podTemplate: {securityContext: {runAsUser: 0}}}");
  const json pod = built();
  EXPECT_EQ(pod["spec"]["securityContext"], json({{"runAsUser", 0}}));
  EXPECT_FALSE(container(pod, "coordinator")["securityContext"].contains("runAsNonRoot"));
}

// Covers: 1.1.F3 1.2.F1
TEST_F(PodBuilder, TheCoordinatorInstallsTheAgentAndHoldsKubeletBack) {
  load_spec(one_step);
  const json pod = built();
  EXPECT_FALSE(pod["spec"].contains("initContainers"));
  const json coordinator = container(pod, "coordinator");
  EXPECT_THAT(coordinator["args"].get<std::vector<std::string>>(),
              testing::IsSupersetOf({"--install", "/taskgroup/bin"}));
  EXPECT_EQ(coordinator["lifecycle"]["postStart"]["exec"]["command"],
            json({"/taskgroup-agent", "wait", "/taskgroup/bin"}));
}

TEST_F(PodBuilder, AnInitContainerInstallsTheAgentWhereTheOrderOfStartIsNotToBeTrusted) {
  const auto installs_by_init = [&](const std::string& run) {
    load_spec(std::string(one_step) + "\n  run: " + run);
    const json pod = built();
    const bool init = pod["spec"].contains("initContainers");
    EXPECT_NE(init, container(pod, "coordinator").contains("lifecycle"));
    EXPECT_EQ(init, mount(container(pod, "coordinator"), "/taskgroup/bin").is_null());
    return init;
  };
  EXPECT_FALSE(installs_by_init("{}"));
  EXPECT_FALSE(installs_by_init("{agentInstall: auto}"));
  EXPECT_TRUE(installs_by_init("{agentInstall: init}"));
  EXPECT_TRUE(installs_by_init("{podTemplate: {runtimeClassName: kata}}"));
  EXPECT_FALSE(
      installs_by_init("{agentInstall: postStart, podTemplate: {runtimeClassName: kata}}"));
  pod_request.install = InstallMode::init;
  EXPECT_TRUE(installs_by_init("{agentInstall: postStart}")) << "a replaced pod";
}

// Covers: 1.1.F6 18.R4
TEST_F(PodBuilder, OnlyTheCoordinatorSeesTheControlAnnotation) {
  load_spec(one_step);
  const json pod = built();
  EXPECT_EQ(volume(pod, "taskgroup-control")["downwardAPI"]["items"][0],
            json({{"path", "control"},
                  {"fieldRef", {{"fieldPath", "metadata.annotations['taskgroup.dev/control']"}}}}));
  EXPECT_EQ(mount(container(pod, "coordinator"), "/taskgroup/control")["readOnly"], true);
}

// Covers: 1.9.F1 18.R15
TEST_F(PodBuilder, ThePodBelongsToItsRun) {
  load_spec(one_step);
  pod_request.labels = {{"tekton.dev/pipelineRun", "pr"}, {managed_by_label, "tekton"}};
  pod_request.annotations = {{"a", "b"}};
  pod_request.owner["name"] = std::string(70, 'n');
  const json metadata = built()["metadata"];
  EXPECT_EQ(metadata["name"], "run-pod");
  EXPECT_EQ(metadata["namespace"], "team");
  EXPECT_EQ(metadata["ownerReferences"][0]["uid"], "u-1");
  EXPECT_EQ(metadata["ownerReferences"][0]["controller"], true);
  EXPECT_EQ(metadata["ownerReferences"][0]["blockOwnerDeletion"], true);
  EXPECT_EQ(metadata["labels"]["tekton.dev/pipelineRun"], "pr");
  EXPECT_EQ(metadata["labels"][managed_by_label], "taskgroup-controller");
  EXPECT_EQ(metadata["labels"][run_label].get<std::string>().size(), 63U);
  EXPECT_EQ(metadata["annotations"]["a"], "b");
}

// Covers: 1.9.F1 18.R15
TEST_F(PodBuilder, TheDeadlineIsABackstop) {
  load_spec(one_step);
  EXPECT_EQ(built()["spec"]["activeDeadlineSeconds"], 2147483647);
  pod_request.active_deadline = std::chrono::seconds(90);
  EXPECT_EQ(built()["spec"]["activeDeadlineSeconds"], 90);
  pod_request.active_deadline = std::chrono::seconds(0);
  EXPECT_EQ(built()["spec"]["activeDeadlineSeconds"], 1) << "0 is invalid";
}

// Covers: 18.R16
TEST_F(PodBuilder, ASmallPlanIsInEnvAndALargeOneInAConfigMap) {
  load_spec(one_step);
  json coordinator = container(built(), "coordinator");
  EXPECT_EQ(coordinator["env"].size(), 1U);
  EXPECT_TRUE(config_map.is_null());

  // What gzip cannot make smaller.
  std::string noise;
  std::uint64_t state = 1;
  while (noise.size() < 250'000) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    noise += std::to_string(state);
  }
  group.tasks[0].task_spec->steps[0].command.reset();
  group.tasks[0].task_spec->steps[0].script = at(noise);
  coordinator = container(built(), "coordinator");
  EXPECT_GT(coordinator["env"].size(), 1U);
  for (const json& variable : coordinator["env"])
    EXPECT_LE(variable["value"].get<std::string>().size(), std::size_t{96} << 10U);

  while (noise.size() < 1'200'000) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    noise += std::to_string(state);
  }
  group.tasks[0].task_spec->steps[0].script = at(noise);
  const json pod = built();
  coordinator = container(pod, "coordinator");
  EXPECT_FALSE(coordinator.contains("env"));
  ASSERT_TRUE(config_map.is_object());
  EXPECT_EQ(config_map["metadata"]["name"], "run-pod");
  EXPECT_EQ(config_map["metadata"]["ownerReferences"], pod["metadata"]["ownerReferences"]);
  EXPECT_EQ(volume(pod, "taskgroup-plan")["configMap"]["name"], "run-pod");
  EXPECT_EQ(mount(coordinator, "/taskgroup/plan")["name"], "taskgroup-plan");

  noise += noise + noise;
  for (std::size_t i = 0; i < noise.size(); i += 7)
    noise[i] = static_cast<char>('a' + i % 25);
  group.tasks[0].task_spec->steps[0].script = at(noise);
  EXPECT_THAT(build_error(), HasSubstr("larger than a ConfigMap can hold"));
}

// Covers: 18.R16 19.R8 20.R2
TEST_F(PodBuilder, APodThatNoClusterStoresIsRefused) {
  load_spec(one_step);
  group.tasks[0].task_spec->steps[0].args->push_back(at(std::string(1'600'000, 'x')));
  EXPECT_THAT(build_error(), HasSubstr("a cluster stores 1500000 at most"));
}

// Covers: 6.1.F1
TEST_F(PodBuilder, WorkspacesOfEveryKindAreVolumes) {
  load_spec(R"yaml(
  workspaces: [{name: pvc}, {name: cm}, {name: sec}, {name: proj}, {name: csi}, {name: empty}, {name: none, optional: true}]
  tasks:
  - name: a
    workspaces: [{name: pvc, subPath: sub}, {name: cm}, {name: sec}, {name: proj}, {name: csi}, {name: empty}, {name: none}]
    taskSpec:
      workspaces: [{name: pvc, readOnly: true}, {name: cm}, {name: sec, mountPath: /s}, {name: proj}, {name: csi}, {name: empty}, {name: none, optional: true}]
      steps: [{image: i, command: [x, "$(workspaces.pvc.claim)"]}]
)yaml");
  const auto documents = read_documents(R"yaml(
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata: {name: run}
spec:
  customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: group}
  retries: 2
  workspaces:
  - {name: pvc, subPath: top, persistentVolumeClaim: {claimName: data}}
  - {name: cm, configMap: {name: conf, items: [{key: k, path: p}], defaultMode: 420}}
  - {name: sec, secret: {secretName: keys, optional: true}}
  - {name: proj, projected: {sources: [{configMap: {name: conf}}]}}
  - {name: csi, csi: {driver: d, volumeAttributes: {a: b}}}
  - {name: empty, emptyDir: {medium: Memory, sizeLimit: 1Gi}}
---
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: group}
spec: {tasks: [{name: x, taskSpec: {steps: [{image: i, script: x}]}}]}
)yaml",
                                        "run.yaml");
  Diagnostics diagnostics;
  const Catalog catalog = make_catalog(*documents, diagnostics, Target::pod);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.to_string();
  for (const Runnable& runnable : catalog.runnables) {
    if (runnable.kind == "CustomRun")
      request.workspaces = runnable.request.workspaces;
  }

  const json pod = built();
  EXPECT_EQ(volume(pod, "ws-pvc")["persistentVolumeClaim"], json({{"claimName", "data"}}));
  EXPECT_EQ(volume(pod, "ws-cm")["configMap"],
            json({{"name", "conf"},
                  {"items", json::array({{{"key", "k"}, {"path", "p"}}})},
                  {"defaultMode", 420}}));
  EXPECT_EQ(volume(pod, "ws-sec")["secret"], json({{"secretName", "keys"}, {"optional", true}}));
  EXPECT_EQ(volume(pod, "ws-proj")["projected"]["sources"][0]["configMap"]["name"], "conf");
  EXPECT_EQ(volume(pod, "ws-csi")["csi"]["volumeAttributes"]["a"], "b");
  EXPECT_EQ(volume(pod, "ws-empty")["emptyDir"],
            json({{"medium", "Memory"}, {"sizeLimit", "1Gi"}}));
  const json step = container(pod, "step-a-unnamed-0");
  EXPECT_EQ(step["args"].back(), "data");
  EXPECT_EQ(mount(step, "/workspace/pvc"), json({{"name", "ws-pvc"},
                                                 {"mountPath", "/workspace/pvc"},
                                                 {"subPath", "top/sub"},
                                                 {"readOnly", true}}));
  EXPECT_EQ(mount(step, "/s")["name"], "ws-sec");
  EXPECT_TRUE(mount(step, "/workspace/none").is_null()) << "optional, and nobody binds it";
}

// Covers: 6.1.F3
TEST_F(PodBuilder, AClaimIsMountedOnce) {
  load_spec(R"yaml(
  workspaces: [{name: one}, {name: two}]
  tasks:
  - name: a
    taskSpec:
      workspaces: [{name: one}, {name: two}]
      volumes: [{name: v, persistentVolumeClaim: {claimName: data, readOnly: true}}]
      steps: [{image: i, command: [x], volumeMounts: [{name: v, mountPath: /v, readOnly: true}]}]
)yaml");
  using Kind = WorkspaceBinding::Kind;
  request.workspaces = {
      {.name = at("one"), .kind = Kind::persistent_volume_claim, .source = "data"},
      {.name = at("two"), .kind = Kind::persistent_volume_claim, .source = "data"}};
  const json pod = built();
  const json step = container(pod, "step-a-unnamed-0");
  EXPECT_EQ(mount(step, "/workspace/one")["name"], "ws-one");
  EXPECT_EQ(mount(step, "/workspace/two")["name"], "ws-one");
  EXPECT_EQ(mount(step, "/v")["name"], "ws-one");
  EXPECT_EQ(mount(step, "/v")["readOnly"], true);
  EXPECT_FALSE(volume(pod, "ws-one")["persistentVolumeClaim"].contains("readOnly"));
}

TEST_F(PodBuilder, AStepsOwnFieldsReachItsContainer) {
  load_spec(R"yaml(
  params: [{name: conf, default: settings}]
  run:
    stepTemplate: {imagePullPolicy: Always, securityContext: {runAsUser: 1000, privileged: false}}
  tasks:
  - name: a
    taskSpec:
      volumes: [{name: v, configMap: {name: $(params.conf)}}]
      stepTemplate: {computeResources: {limits: {memory: 1Gi}}}
      steps:
      - image: i
        command: [x]
        securityContext: {runAsUser: 1001}
        computeResources: {requests: {ephemeral-storage: 1Gi}}
        envFrom: [{secretRef: {name: s}}]
        env:
        - {name: FIRST, value: one}
        - {name: KEY, valueFrom: {secretKeyRef: {name: $(params.conf), key: k}}}
        volumeMounts: [{name: v, mountPath: /v}]
)yaml");
  const json pod = built();
  const json step = container(pod, "step-a-unnamed-0");
  EXPECT_EQ(step["imagePullPolicy"], "Always");
  EXPECT_EQ(step["securityContext"], json({{"runAsUser", 1001}, {"privileged", false}}));
  EXPECT_EQ(step["resources"]["limits"]["memory"], "1Gi");
  EXPECT_EQ(step["resources"]["requests"]["ephemeral-storage"], "1Gi");
  EXPECT_EQ(step["envFrom"], json::array({{{"secretRef", {{"name", "s"}}}}}));
  EXPECT_EQ(step["env"][1]["valueFrom"]["secretKeyRef"]["name"], "settings");
  EXPECT_FALSE(step["env"][1].contains("value"));
  const json mounted = mount(step, "/v");
  EXPECT_EQ(volume(pod, mounted["name"])["configMap"]["name"], "settings");
}

TEST_F(PodBuilder, ASourceOfAnotherTasksResultIsRefused) {
  load_spec(R"yaml(
  tasks:
  - name: a
    taskSpec: {results: [{name: r}], steps: [{image: i, command: [x]}]}
  - name: b
    taskSpec:
      steps: [{image: i, command: [x], env: [{name: K, valueFrom: {secretKeyRef: {name: $(tasks.a.results.r), key: k}}}]}]
)yaml");
  EXPECT_THAT(errors(), HasSubstr("known only while the group runs"));
}

TEST_F(PodBuilder, ThePodTemplateShapesThePod) {
  load_spec(std::string(one_step) + R"yaml(
  params: [{name: zone, default: north}]
  run:
    podTemplate:
      nodeSelector: {zone: $(params.zone)}
      env: [{name: PROXY, value: p}]
      imagePullSecrets: [{name: own}]
      hostAliases: [{ip: 10.0.0.1, hostnames: [h]}]
)yaml");
  pod_request.pod_template = {{"nodeSelector", {{"zone", "south"}}},
                              {"priorityClassName", "low"},
                              {"volumes", {{{"name", "extra"}, {"emptyDir", json::object()}}}}};
  pod_request.account_pull_secrets = {"account"};
  settings.image_pull_secrets = {"agent"};
  const json pod = built();
  EXPECT_EQ(pod["spec"]["nodeSelector"], json({{"zone", "north"}}));
  EXPECT_EQ(pod["spec"]["priorityClassName"], "low");
  EXPECT_EQ(pod["spec"]["hostAliases"][0]["ip"], "10.0.0.1");
  EXPECT_EQ(pod["spec"]["imagePullSecrets"], json::array({{{"name", "own"}}, {{"name", "agent"}}}));
  EXPECT_EQ(container(pod, "step-a-unnamed-0")["env"],
            json::array({{{"name", "PROXY"}, {"value", "p"}}}));
  EXPECT_EQ(volume(pod, "extra")["emptyDir"], json::object());
  EXPECT_FALSE(pod["spec"].contains("env"));
}

TEST_F(PodBuilder, TheAccountsPullSecretsAreNotLostBesideOurs) {
  load_spec(one_step);
  EXPECT_FALSE(built()["spec"].contains("imagePullSecrets")) << "the API server adds the account's";
  pod_request.account_pull_secrets = {"account"};
  settings.image_pull_secrets = {"agent"};
  EXPECT_EQ(built()["spec"]["imagePullSecrets"],
            json::array({{{"name", "account"}}, {{"name", "agent"}}}));
}

TEST_F(PodBuilder, VolumesOfThePodTemplateCanBeMounted) {
  load_spec(R"yaml(
  run: {podTemplate: {volumes: [{name: cache, persistentVolumeClaim: {claimName: c}}]}}
  tasks:
  - name: a
    taskSpec: {steps: [{image: i, command: [x], volumeMounts: [{name: cache, mountPath: /c}]}]}
)yaml");
  Diagnostics diagnostics;
  std::vector<std::string> skipped;
  validate(group, facts, diagnostics, skipped);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.to_string();
  const json pod = built();
  EXPECT_EQ(mount(container(pod, "step-a-unnamed-0"), "/c")["name"], "pt-cache");
  EXPECT_EQ(volume(pod, "pt-cache")["persistentVolumeClaim"]["claimName"], "c");
}

// Covers: 1.1.F8
TEST_F(PodBuilder, AMountOverOurOwnFoldersIsRefused) {
  load_spec("  tasks: [{name: a, taskSpec: {volumes: [{name: v}], steps: [{image: i, command: [x], "
            "volumeMounts: [{name: v, mountPath: /taskgroup/bin}]}]}}]");
  EXPECT_THAT(build_error(), HasSubstr("a volume is mounted at \"/taskgroup/bin\""));
}

TEST_F(PodBuilder, ATemplateOfWrongTypesIsTheApiServersToRefuse) {
  load_spec(std::string(one_step) + R"yaml(
  run:
    podTemplate: {affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: 3}}}
)yaml");
  pod_request.affinity_assistant = "x";
  pod_request.pod_template = {{"imagePullSecrets", json::array({3, {{"name", 4}}})},
                              {"securityContext", 5},
                              {"env", json::array({"x"})},
                              {"volumes", json::array({json::array()})}};
  built();
}

TEST_F(PodBuilder, TheSameInputGivesTheSameText) {
  load_spec("  tasks: [{name: a, taskSpec: {steps: [{image: i, script: x}]}}]");
  const std::string first = built().dump();
  EXPECT_EQ(built().dump(), first);
}

// --- Sidecars ---

constexpr const char* with_sidecar = R"yaml(
  tasks:
  - name: a
    taskSpec:
      steps: [{name: ask, image: i, command: [x]}]
      sidecars:
      - name: db
        image: redis
        script: redis-server
        ports: [{containerPort: 6379}]
        computeResources: {requests: {cpu: 50m}}
        readinessProbe: {tcpSocket: {port: 6379}}
  - {name: b, runAfter: [a], taskSpec: {steps: [{name: say, image: i, command: [x]}]}}
)yaml";

// Covers: 7.F1 7.F2
TEST_F(PodBuilder, SidecarsStandBehindAllStepsWithAnAgentThatDoesWhatKubeletWould) {
  load_spec(with_sidecar);
  const json pod = built();
  ASSERT_EQ(pod["spec"]["containers"].size(), 4U);
  EXPECT_EQ(pod["spec"]["containers"][3]["name"], "sidecar-a-db");
  const json sidecar = container(pod, "sidecar-a-db");
  EXPECT_EQ(sidecar["command"], json({"/taskgroup/bin/taskgroup-agent"}));
  EXPECT_EQ(sidecar["ports"], json::parse(R"([{"containerPort":6379}])"));
  EXPECT_EQ(sidecar["resources"], json::parse(R"({"requests":{"cpu":"50m"}})"));
  EXPECT_FALSE(sidecar.contains("readinessProbe"));
  EXPECT_EQ(sidecar["volumeMounts"][1], json::parse(R"({"name":"taskgroup-socket-2",
                                                        "mountPath":"/taskgroup/socket"})"));
  const auto outline = outline_of(pod);
  ASSERT_TRUE(outline) << outline.error();
  ASSERT_EQ(outline->tasks[0].sidecars.size(), 1U);
  EXPECT_EQ(outline->tasks[0].sidecars[0].container, "sidecar-a-db");
  EXPECT_FALSE(outline->tasks[0].sidecars[0].from_start);
  EXPECT_TRUE(outline->tasks[1].sidecars.empty());
}

TEST_F(PodBuilder, SidecarsFromStartArePlainContainers) {
  load_spec(std::string("  run: {sidecars: fromStart}") + with_sidecar);
  const json pod = built();
  const json sidecar = container(pod, "sidecar-a-db");
  EXPECT_EQ(sidecar["command"],
            json({"/bin/sh", "-c", "#!/bin/sh\nset -e\nredis-server", "script"}));
  EXPECT_EQ(sidecar["readinessProbe"], json::parse(R"({"tcpSocket":{"port":6379}})"));
  EXPECT_FALSE(sidecar.contains("volumeMounts"));
  EXPECT_EQ(pod["spec"]["volumes"].dump().find("taskgroup-socket-2"), std::string::npos);
  const auto outline = outline_of(pod);
  ASSERT_TRUE(outline) << outline.error();
  EXPECT_TRUE(outline->tasks[0].sidecars.at(0).from_start);
}

} // namespace
} // namespace taskgroup
