// SPDX-License-Identifier: Apache-2.0
#include "cli/given_volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace taskgroup {
namespace {

namespace fs = std::filesystem;

// A run of one task of one step, in folders of the test's own.
class GivenVolumesTest : public ::testing::Test {
protected:
  GivenVolumesTest() {
    char pattern[] = "/tmp/given_volumes_test-XXXXXX";
    top = ::mkdtemp(pattern);
    folder = {top + "/disk", top + "/memory"};
    fs::create_directories(folder.root);
    fs::create_directories(folder.memory);
    plan.nonce = "0123abcd";
    plan.tasks.resize(1);
    plan.tasks[0].steps.resize(1);
  }
  ~GivenVolumesTest() override { fs::remove_all(top); }

  std::string add_volume(const std::string& name, const std::string& source) {
    plan.volumes.push_back({.name = name, .kind = PlanVolume::Kind::bound, .source = source});
    return name;
  }

  const std::string& source_of(std::size_t volume) const { return plan.volumes[volume].source; }

  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static mode_t mode(const std::string& path) {
    struct stat facts{};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0) << path;
    return facts.st_mode & 07777;
  }

  std::string top;
  RunFolder folder;
  Plan plan;
  GivenObjects given{.config_maps = {{"settings", {{"A", "of settings"}, {"B", "$(A) $$"}}}},
                     .secrets = {{"token", {{"value", "sesame"}}}},
                     .claims = {"data"}};
};

TEST_F(GivenVolumesTest, VariablesOfAStepsOwnComeAfterThoseOfObjects) {
  PlanStep& step = plan.tasks[0].steps[0];
  step.container_fields = R"({"envFrom": [{"configMapRef": {"name": "settings"}}]})";
  step.env = {{"A", Text("own"), {}},
              {"T", Text(), R"({"secretKeyRef": {"name": "token", "key": "value"}})"},
              {"N", Text(), R"({"secretKeyRef": {"name": "x", "key": "y", "optional": true}})"}};
  ASSERT_TRUE(make_given(plan, given, folder));
  std::vector<std::string> env;
  for (const PlanEnv& variable : step.env)
    env.push_back(variable.name + "=" + variable.value.to_marked(plan.nonce) + variable.value_from);
  // Doubled, since launchers expand as kubelet does, which leaves these alone.
  EXPECT_THAT(env, ::testing::ElementsAre("A=of settings", "B=$$(A) $$$$", "A=own", "T=sesame"));
}

TEST_F(GivenVolumesTest, ObjectsBecomeFilesInMemory) {
  add_volume("v", R"({"configMap": {"name": "settings", "defaultMode": 292}})");
  add_volume("w", R"({"secret": {"secretName": "token",
                      "items": [{"key": "value", "path": "deep/er", "mode": 256}]}})");
  ASSERT_TRUE(make_given(plan, given, folder));
  EXPECT_TRUE(source_of(0).starts_with(folder.memory));
  EXPECT_EQ(content(source_of(0) + "/A"), "of settings");
  EXPECT_EQ(mode(source_of(0) + "/A"), 0444U);
  EXPECT_EQ(content(source_of(1) + "/deep/er"), "sesame");
  EXPECT_EQ(mode(source_of(1) + "/deep/er"), 0400U);
}

TEST_F(GivenVolumesTest, AClaimIsOneFolderForAll) {
  add_volume("v", R"({"persistentVolumeClaim": {"claimName": "data"}})");
  add_volume("w", R"({"persistentVolumeClaim": {"claimName": "data", "readOnly": true}})");
  ASSERT_TRUE(make_given(plan, given, folder));
  EXPECT_EQ(source_of(0), source_of(1));
  EXPECT_TRUE(source_of(0).starts_with(folder.root));
  EXPECT_EQ(mode(source_of(0)), 0777U);
}

TEST_F(GivenVolumesTest, AFolderOfTheHostStaysAsItIs) {
  add_volume("v", top);
  ASSERT_TRUE(make_given(plan, given, folder));
  EXPECT_EQ(source_of(0), top);
}

} // namespace
} // namespace taskgroup
