// SPDX-License-Identifier: Apache-2.0
#include "cli/host_launcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
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
    return host_container(plan, folder, options, containers_of(plan).front());
  }

  Plan plan;
  RunFolder folder{"/var/lib/run-1"};
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
  const auto spec = container();
  EXPECT_TRUE(
      has_mount(spec, "/var/lib/run-1/volumes/ws-source/sub/dir", "/workspace/source", false));
  EXPECT_TRUE(has_mount(spec, "/", "/workspace/bucket", true));
  EXPECT_TRUE(has_mount(spec, "/opt/taskgroup-agent", "/tekton/bin/taskgroup-agent", true));
  EXPECT_TRUE(has_mount(spec, "/var/lib/run-1/sockets/0", "/tekton/coordinator", false));
}

TEST_F(HostContainer, ShowsTheStartingFolderWhereContainersHideIt) {
  step().command = {"true"};
  EXPECT_EQ(container().cwd, "/srv");
  EXPECT_FALSE(has_mount(container(), "/srv", "/srv", true)); // seen through the overlay
  options.directory = "/tmp/checkout";
  EXPECT_TRUE(has_mount(container(), "/tmp/checkout", "/tmp/checkout", true));
}

TEST(RunFolder, MakesVolumesAndRefusesSubPathsThatLeadOut) {
  char pattern[] = "/tmp/run_folder_test-XXXXXX";
  const RunFolder folder{::mkdtemp(pattern)};
  Plan plan;
  plan.volumes = {{.name = "ws-source"}};
  PlanStep step;
  step.mounts = {{"ws-source", "/workspace/source", "a/b", false}};
  ASSERT_TRUE(prepare(folder, plan));
  ASSERT_TRUE(make_sub_paths(plan, folder, step));
  EXPECT_TRUE(std::filesystem::is_directory(folder.volume("ws-source") + "/a/b"));

  std::filesystem::create_directory_symlink("/etc", folder.volume("ws-source") + "/out");
  step.mounts[0].sub_path = "out/x";
  const auto refused = make_sub_paths(plan, folder, step);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), ::testing::HasSubstr("out/x"));
  std::filesystem::remove_all(folder.root);
}

TEST(RunFolder, ShowsAFileAsAFolderThatHoldsIt) {
  char pattern[] = "/tmp/run_folder_test-XXXXXX";
  const RunFolder folder{::mkdtemp(pattern)};
  const std::string key = folder.root + "/key.pem";
  std::ofstream(key) << "secret";
  Plan plan;
  plan.volumes = {
      {.name = "ws-key", .kind = PlanVolume::Kind::bound, .source = key, .read_only = true}};
  PlanTask task;
  PlanStep step;
  step.container = "step";
  step.mounts = {{"ws-key", "/workspace/key", "", false}};
  task.steps = {step};
  plan.tasks = {task};
  ASSERT_TRUE(prepare(folder, plan));
  const auto spec = host_container(plan, folder, {}, containers_of(plan).front());
  EXPECT_TRUE(has_mount(spec, folder.volume("ws-key"), "/workspace/key", true));
  EXPECT_TRUE(has_mount(spec, key, "/workspace/key/key.pem", true));
  EXPECT_TRUE(std::filesystem::is_regular_file(folder.volume("ws-key") + "/key.pem"));
  std::filesystem::remove_all(folder.root);
}

} // namespace
} // namespace taskgroup
