// SPDX-License-Identifier: Apache-2.0
#include "core/planning/planner_fixture.h"
#include "core/planning/workspaces.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace taskgroup {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

TEST(CleanPath, IsAbsoluteAndShort) {
  EXPECT_EQ(clean_path("/a//b/./c/"), "/a/b/c");
  EXPECT_EQ(clean_path("a/../b"), "/b");
  EXPECT_EQ(clean_path("/../.."), "/");
}

class WorkspacesTest : public PlannerTest {
protected:
  // The mounts of a step as "volume[/sub] -> path[ ro]".
  static std::vector<std::string> mounts(const PlanStep& step) {
    std::vector<std::string> result;
    for (const PlanMount& mount : step.mounts)
      result.push_back(mount.volume + (mount.sub_path.empty() ? "" : "/" + mount.sub_path) + " -> "
                       + mount.path + (mount.read_only ? " ro" : ""));
    return result;
  }

  static const PlanVolume& volume(const Plan& plan, const std::string& name) {
    const auto found = std::find_if(plan.volumes.begin(), plan.volumes.end(),
                                    [&](const PlanVolume& v) { return v.name == name; });
    if (found == plan.volumes.end())
      throw std::runtime_error("no volume " + name);
    return *found;
  }

  void bind(const std::string& name, WorkspaceBinding::Kind kind, const std::string& source = {}) {
    request.workspaces.push_back({.name = at(name), .kind = kind, .source = source});
  }
};

constexpr const char* one_task = R"yaml(
  workspaces:
  - name: source
  tasks:
  - name: t
    workspaces: [{name: w, workspace: source}]
    taskSpec:
      workspaces: [{name: w}]
      steps:
      - name: s
        image: i
        script: $(workspaces.w.path) $(workspaces.w.bound) [$(workspaces.w.claim)] $(workspaces.w.volume)
)yaml";

TEST_F(WorkspacesTest, ARequiredOneThatNobodyBindsIsAVolumeOfTheRun) {
  load_spec(one_task);
  EXPECT_EQ(script(), "/workspace/w true [] ws-source");
  const Plan plan = planned();
  EXPECT_EQ(volume(plan, "ws-source").kind, PlanVolume::Kind::empty);
  EXPECT_THAT(mounts(plan.tasks[0].steps[0]),
              ElementsAre("t0-home -> /tekton/home", "t0-results -> /tekton/results",
                          "t0-steps -> /tekton/steps", "t0-workspace -> /workspace",
                          "ws-source -> /workspace/w"));
  EXPECT_THAT(plan.tasks[0].emptied,
              ElementsAre("/tekton/home", "/tekton/results", "/tekton/steps", "/workspace"));
}

TEST_F(WorkspacesTest, TheGroupSaysTheShapeOfItsVolume) {
  load_spec(R"yaml(
  workspaces: [{name: source, emptyDir: {medium: Memory, sizeLimit: 2Gi}}]
  tasks:
  - name: t
    workspaces: [{name: source}]
    taskSpec:
      workspaces: [{name: source}]
      steps: [{name: s, image: i, script: "true"}]
)yaml");
  EXPECT_TRUE(volume(planned(), "ws-source").memory);
  bind("source", WorkspaceBinding::Kind::volume_claim_template);
  EXPECT_EQ(volume(planned(), "ws-source").size_limit, "2Gi");
  EXPECT_EQ(volume(planned(), "ws-source").kind, PlanVolume::Kind::empty);
}

TEST_F(WorkspacesTest, AFolderIsBound) {
  load_spec(one_task);
  bind("source", WorkspaceBinding::Kind::folder, "/home/me/src");
  request.workspaces[0].read_only = true;
  const Plan plan = planned();
  EXPECT_EQ(volume(plan, "ws-source").kind, PlanVolume::Kind::bound);
  EXPECT_EQ(volume(plan, "ws-source").source, "/home/me/src");
  EXPECT_TRUE(volume(plan, "ws-source").read_only);
  EXPECT_THAT(mounts(plan.tasks[0].steps[0]), Contains("ws-source -> /workspace/w ro"));
}

// Covers: 6.1.F1
TEST_F(WorkspacesTest, WhatOnlyAClusterHasIsRefused) {
  using Kind = WorkspaceBinding::Kind;
  load_spec(one_task);
  const std::pair<Kind, const char*> cases[] = {
      {Kind::persistent_volume_claim, "there is no PersistentVolumeClaim \"name\""},
      {Kind::persistent_volume_claim, "or bind something of this machine with -w source=DIR"},
      {Kind::secret, "-w source=secret:PATH"},
      {Kind::config_map, "-w source=configmap:PATH"},
      {Kind::csi, "-w source=DIR"}};
  for (const auto& [kind, message] : cases) {
    request.workspaces.clear();
    bind("source", kind, "name");
    EXPECT_THAT(errors(), HasSubstr(message));
  }
}

TEST_F(WorkspacesTest, AClaimHasAName) {
  load_spec(one_task);
  bind("source", WorkspaceBinding::Kind::persistent_volume_claim, "my-claim");
  facts.given.claims = {"my-claim"};
  EXPECT_THAT(script(), HasSubstr("[my-claim]"));
}

constexpr const char* optional_workspace = R"yaml(
  workspaces: [{name: cache, optional: true}]
  tasks:
  - name: t
    workspaces: [{name: cache}]
    when: [{input: $(workspaces.cache.bound), operator: in, values: ["true"]}]
    taskSpec:
      workspaces: [{name: cache, optional: true}]
      steps: [{name: s, image: i, script: "[$(workspaces.cache.path)] $(workspaces.cache.bound)"
}]
)yaml";

TEST_F(WorkspacesTest, AnOptionalOneThatNobodyBindsIsNotThere) {
  load_spec(optional_workspace);
  EXPECT_EQ(script(), "[] false");
  const Plan plan = planned();
  EXPECT_EQ(marked(plan.tasks[0].when[0].input), "false");
  EXPECT_THAT(mounts(plan.tasks[0].steps[0]), Not(Contains(HasSubstr("cache"))));
  EXPECT_EQ(plan.volumes.size(), 4U);
}

TEST_F(WorkspacesTest, AnOptionalOneCanBeBound) {
  load_spec(optional_workspace);
  bind("cache", WorkspaceBinding::Kind::folder, "/c");
  EXPECT_EQ(script(), "[/workspace/cache] true");
}

TEST_F(WorkspacesTest, ATaskMayRequireWhatTheGroupLeavesOpen) {
  load_spec(optional_workspace);
  group.tasks[0].task_spec->workspaces[0].optional = false;
  EXPECT_THAT(errors(), AllOf(HasSubstr("optional workspace \"cache\" is not bound"),
                              HasSubstr("-w cache=DIR")));
}

TEST_F(WorkspacesTest, SubPathsAreJoinedAndReplaced) {
  load_spec(one_task);
  bind("source", WorkspaceBinding::Kind::folder, "/src");
  request.workspaces[0].sub_path = at("a/./b/");
  group.tasks[0].workspaces[0].sub_path = at("$(context.pipelineRun.name)/c");
  EXPECT_THAT(mounts(planned().tasks[0].steps[0]), Contains("ws-source/a/b/run/c -> /workspace/w"));
  group.tasks[0].workspaces[0].sub_path = at("../x");
  EXPECT_THAT(errors(), HasSubstr("subPath \"../x\" leads out of the volume"));
}

TEST_F(WorkspacesTest, DeclarationsSayWhereAndHow) {
  load_spec(R"yaml(
  params: [{name: dir, default: /opt}]
  workspaces: [{name: source}]
  tasks:
  - name: t
    workspaces: [{name: source}]
    taskSpec:
      workspaces: [{name: source, mountPath: $(params.dir)/src/, readOnly: true}]
      steps: [{name: s, image: i, script: $(workspaces.source.path)}]
)yaml");
  EXPECT_EQ(script(), "/opt/src");
  EXPECT_THAT(mounts(planned().tasks[0].steps[0]), Contains("ws-source -> /opt/src ro"));
}

TEST_F(WorkspacesTest, EmbeddedTasksSeeTheWorkspacesTheyName) {
  load_spec(R"yaml(
  workspaces: [{name: source}, {name: other}]
  tasks:
  - name: t
    taskSpec:
      steps: [{name: s, image: i, script: $(workspaces.source.path)}]
)yaml");
  EXPECT_EQ(script(), "/workspace/source");
  const Plan plan = planned();
  EXPECT_THAT(mounts(plan.tasks[0].steps[0]), Contains("ws-source -> /workspace/source"));
  EXPECT_THAT(mounts(plan.tasks[0].steps[0]), Not(Contains(HasSubstr("other"))));
}

TEST_F(WorkspacesTest, ReferredTasksMustBeGivenTheirWorkspaces) {
  load_spec(R"yaml(
  workspaces: [{name: source}]
  tasks: [{name: t, taskRef: {name: ref}}]
)yaml",
            task("ref", R"yaml(
  workspaces: [{name: source}]
  steps: [{name: s, image: i, script: "true"}]
)yaml"));
  EXPECT_THAT(errors(), HasSubstr("does not bind the workspace \"source\" that its Task requires"));
}

TEST_F(WorkspacesTest, StepsThatAskForAWorkspaceIsolateIt) {
  load_spec(R"yaml(
  workspaces: [{name: token}]
  tasks:
  - name: t
    workspaces: [{name: token}]
    taskSpec:
      workspaces: [{name: token}]
      steps:
      - {name: a, image: i, script: $(workspaces.token.path), workspaces: [{name: token}]}
      - {name: b, image: i, script: $(workspaces.token.path)}
      - {name: c, image: i, script: $(workspaces.token.path), workspaces: [{name: token, mountPath: /creds}]}
)yaml");
  const Plan plan = planned();
  const auto& steps = plan.tasks[0].steps;
  EXPECT_EQ(marked(*steps[0].script), "/workspace/token");
  EXPECT_THAT(mounts(steps[0]), Contains("ws-token -> /workspace/token"));
  EXPECT_THAT(mounts(steps[1]), Not(Contains(HasSubstr("ws-token"))));
  EXPECT_EQ(marked(*steps[2].script), "/creds");
  EXPECT_THAT(mounts(steps[2]), Contains("ws-token -> /creds"));
}

constexpr const char* own_volumes = R"yaml(
  workspaces: [{name: source}]
  tasks:
  - name: a
    taskSpec: &spec
      volumes: [{name: data, emptyDir: {}}, {name: fast, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]
      workspaces: [{name: source}]
      stepTemplate:
        volumeMounts: [{name: data, mountPath: /data}]
      steps:
      - name: one
        image: i
        script: "true"
        volumeMounts:
        - {name: fast, mountPath: /tekton/home/}
        - {name: $(workspaces.source.volume), mountPath: /again, subPath: sub}
      - name: two
        image: i
        script: "true"
        volumeMounts: [{name: fast, mountPath: /data, readOnly: true}]
  - name: b
    taskSpec: *spec
)yaml";

// Covers: 1.1.F9 18.R7
TEST_F(WorkspacesTest, VolumesOfATaskAreItsOwn) {
  load_spec(own_volumes);
  const Plan plan = planned();
  EXPECT_THAT(mounts(plan.tasks[0].steps[0]),
              ElementsAre("ws-source/sub -> /again", "t0-v-data -> /data",
                          "t0-v-fast -> /tekton/home", "t0-results -> /tekton/results",
                          "t0-steps -> /tekton/steps", "t0-workspace -> /workspace",
                          "ws-source -> /workspace/source"));
  EXPECT_THAT(mounts(plan.tasks[0].steps[1]),
              IsSupersetOf({"t0-v-fast -> /data ro", "t0-home -> /tekton/home"}));
  EXPECT_THAT(mounts(plan.tasks[1].steps[0]), Contains("t1-v-data -> /data"));
  EXPECT_TRUE(volume(plan, "t0-v-fast").memory);
  EXPECT_EQ(volume(plan, "t0-v-fast").size_limit, "1Mi");
  // /data is read-only in the second step, which therefore cannot empty it.
  EXPECT_THAT(plan.tasks[0].emptied,
              ElementsAre("/tekton/home", "/tekton/results", "/tekton/steps", "/workspace"));
}

TEST_F(WorkspacesTest, OnlyWhatBelongsToTheTaskIsEmptied) {
  load_spec(own_volumes);
  TaskSpec& spec = *group.tasks[0].task_spec;
  spec.steps.pop_back();
  spec.workspaces[0].mount_path = at("/workspace");
  EXPECT_THAT(planned().tasks[0].emptied,
              ElementsAre("/data", "/tekton/home", "/tekton/results", "/tekton/steps"));
}

TEST_F(WorkspacesTest, MountsThatClashAreErrors) {
  load_spec(own_volumes);
  TaskSpec& spec = *group.tasks[0].task_spec;
  spec.workspaces[0].mount_path = at("/data");
  spec.steps[0].volume_mounts[1].name = at("dta");
  EXPECT_THAT(errors(),
              AllOf(HasSubstr("workspace \"source\" and something else are both mounted at "
                              "\"/data\""),
                    HasSubstr("the Task has no volume \"dta\" (did you mean \"data\"?)")));
}

} // namespace
} // namespace taskgroup
