// SPDX-License-Identifier: Apache-2.0
#include "cli/host_launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <string>

namespace taskgroup {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

bool has_mount(const host::ContainerSpec& spec, const std::string& source,
               const std::string& target, bool read_only) {
  for (const host::Mount& mount : spec.mounts) {
    if (mount.source == source && mount.target == target && mount.read_only == read_only) {
      return true;
    }
  }
  return false;
}

class HostContainer : public ::testing::Test {
protected:
  HostContainer() {
    plan.nonce = "5f2c";
    PlanTask task;
    task.name = "build";
    PlanStep one;
    one.name = "compile";
    one.container = "step-build-compile";
    task.steps = {one};
    plan.tasks = {task};
    options.agent = "/opt/taskgroup-agent";
    options.path = "/usr/bin:/bin";
    options.directory = "/srv";
  }

  PlanStep& step() { return plan.tasks[0].steps[0]; }
  host::ContainerSpec container() {
    const VolumeFolders volumes(plan, folder, false);
    return host_container(plan, folder, volumes, options, containers_of(plan).front());
  }

  Plan plan;
  RunFolder folder{"/var/lib/run-1", "/dev/shm/run-1"};
  HostOptions options;
};

TEST_F(HostContainer, RunsTheAgentInFrontOfTheCommand) {
  step().command = {"make"};
  step().args = {"all", Text(*Reference::parse("tasks.a.results.r"))};
  EXPECT_THAT(container().argv,
              ElementsAre("/tekton/bin/taskgroup-agent", "step", "--socket",
                          "/tekton/coordinator/s", "--container", "step-build-compile", "--nonce",
                          "5f2c", "--", "make", "all", "@{tasks.a.results.r#5f2c}"));
}

TEST_F(HostContainer, PassesOnlyTheArgsOfAScript) {
  step().script = Text("#!/bin/sh\n");
  step().args = {"x"};
  const auto argv = container().argv;
  EXPECT_THAT(std::vector<std::string>(argv.end() - 3, argv.end()),
              ElementsAre("--script", "--", "x"));
}

TEST_F(HostContainer, ExpandsVariablesOfTheStepsOwnEnvOnly) {
  step().command = {"echo", "$(GREETING)", "$(HOME)", "$$(GREETING)"};
  step().env = {{"NAME", "you"}, {"GREETING", "hello $(NAME) $(LATER)"}, {"LATER", "x"}};
  const auto spec = container();
  EXPECT_THAT(std::vector<std::string>(spec.argv.end() - 3, spec.argv.end()),
              ElementsAre("hello you $(LATER)", "$(HOME)", "$(GREETING)"));
  EXPECT_THAT(spec.env, Contains("GREETING=hello you $(LATER)"));
}

TEST_F(HostContainer, AStepsEnvWinsOverTheLaunchers) {
  step().command = {"true"};
  EXPECT_THAT(container().env,
              ElementsAre("HOME=/tekton/home", "LANG=C.UTF-8", "PATH=/usr/bin:/bin"));
  step().env = {{"HOME", "/root"}};
  EXPECT_THAT(container().env, Contains("HOME=/root"));
  EXPECT_THAT(container().env, Not(Contains("HOME=/tekton/home")));
}

TEST_F(HostContainer, MountsVolumesAtTheirPlaces) {
  plan.volumes = {
      {.name = "ws-source"},
      {.name = "ws-bucket", .kind = PlanVolume::Kind::bound, .source = "/", .read_only = true}};
  step().command = {"true"};
  step().mounts = {{"ws-source", "/workspace/source", "sub/dir", false},
                   {"ws-bucket", "/workspace/bucket", "", false}};
  plan.tasks.push_back(plan.tasks[0]); // two tasks share them
  const auto spec = container();
  EXPECT_TRUE(
      has_mount(spec, "/var/lib/run-1/volumes/ws-source/sub/dir", "/workspace/source", false));
  EXPECT_TRUE(has_mount(spec, "/", "/workspace/bucket", true));
  EXPECT_TRUE(has_mount(spec, "/opt/taskgroup-agent", "/tekton/bin/taskgroup-agent", true));
  EXPECT_TRUE(has_mount(spec, "/dev/shm/run-1/sockets/0", "/tekton/coordinator", false));
}

TEST_F(HostContainer, ACallerWhoIsNotRootCannotKeepOwnersOfArchives) {
  step().command = {"true"};
  EXPECT_THAT(container().env, Not(Contains("TAR_OPTIONS=--no-same-owner")));
  options.one_user = true;
  EXPECT_THAT(container().env, Contains("TAR_OPTIONS=--no-same-owner"));
}

TEST_F(HostContainer, ShowsTheStartingFolderWhereContainersHideIt) {
  step().command = {"true"};
  EXPECT_EQ(container().cwd, "/srv");
  EXPECT_FALSE(has_mount(container(), "/srv", "/srv", false)); // seen through the overlay
  options.directory = "/tmp/checkout";
  EXPECT_TRUE(has_mount(container(), "/tmp/checkout", "/tmp/checkout", false));
  EXPECT_TRUE(container().mounts.back().scratch);
}

} // namespace
} // namespace taskgroup
