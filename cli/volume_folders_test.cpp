// SPDX-License-Identifier: Apache-2.0
#include "cli/volume_folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace taskgroup {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// A run of tasks of one step each, in folders of the test's own.
class VolumeFoldersTest : public ::testing::Test {
protected:
  VolumeFoldersTest() {
    char pattern[] = "/tmp/volume_folders_test-XXXXXX";
    top = ::mkdtemp(pattern);
    folder = {top + "/disk", top + "/memory"};
    fs::create_directories(folder.root);
    fs::create_directories(folder.memory);
  }
  ~VolumeFoldersTest() override { fs::remove_all(top); }

  void add_task(const std::vector<PlanMount>& mounts) {
    PlanTask task;
    task.steps.resize(1);
    task.steps[0].mounts = mounts;
    plan.tasks.push_back(task);
  }

  VolumeFolders make(bool keep = false) {
    EXPECT_TRUE(prepare(folder, plan));
    VolumeFolders volumes(plan, folder, keep);
    EXPECT_TRUE(volumes.make_shared());
    return volumes;
  }

  std::string top;
  RunFolder folder;
  Plan plan;
};

TEST_F(VolumeFoldersTest, SharedVolumesAreThereFromTheStart) {
  plan.volumes = {{.name = "source"}};
  add_task({{"source", "/workspace/source", "", false}});
  add_task({{"source", "/workspace/source", "", false}});
  const VolumeFolders volumes = make();
  EXPECT_EQ(volumes.path_of("source"), folder.volume("source"));
  struct stat facts{};
  ASSERT_EQ(::stat(folder.volume("source").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0777U);
}

TEST_F(VolumeFoldersTest, ATaskThatIsOverLeavesItsEmptyFoldersToTheNext) {
  plan.volumes = {{.name = "t0-home"}, {.name = "t1-home"}};
  add_task({{"t0-home", "/tekton/home", "", false}});
  add_task({{"t1-home", "/tekton/home", "", false}});
  VolumeFolders volumes = make();
  EXPECT_EQ(volumes.path_of("t0-home"), "");
  ASSERT_TRUE(volumes.make_for(0));
  const std::string first = volumes.path_of("t0-home");
  ::chmod(first.c_str(), 0700);
  volumes.release(0);
  ASSERT_TRUE(volumes.make_for(1));
  EXPECT_EQ(volumes.path_of("t1-home"), first);
  struct stat facts{};
  ASSERT_EQ(::stat(first.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0777U);
}

TEST_F(VolumeFoldersTest, NoTaskSeesWhatAnotherLeft) {
  plan.volumes = {{.name = "t0-home"}, {.name = "t1-home"}};
  add_task({{"t0-home", "/tekton/home", "", false}});
  add_task({{"t1-home", "/tekton/home", "", false}});
  VolumeFolders volumes = make();
  ASSERT_TRUE(volumes.make_for(0));
  std::ofstream(volumes.path_of("t0-home") + "/secret") << "x";
  volumes.release(0);
  ASSERT_TRUE(volumes.make_for(1));
  EXPECT_TRUE(fs::is_empty(volumes.path_of("t1-home")));
}

TEST_F(VolumeFoldersTest, ResultsAndStepStateAreKeptInMemory) {
  plan.volumes = {{.name = "t0-results"}, {.name = "t0-steps"}};
  add_task(
      {{"t0-results", "/tekton/results", "", false}, {"t0-steps", "/tekton/steps", "", false}});
  VolumeFolders volumes = make();
  ASSERT_TRUE(volumes.make_for(0));
  EXPECT_EQ(volumes.path_of("t0-results"), folder.small_volume("t0-results"));
  EXPECT_EQ(volumes.path_of("t0-steps"), folder.small_volume("t0-steps"));
}

TEST_F(VolumeFoldersTest, KeepLeavesEachVolumeUnderItsName) {
  plan.volumes = {{.name = "t0-home"}};
  add_task({{"t0-home", "/tekton/home", "", false}});
  VolumeFolders volumes = make(true);
  ASSERT_TRUE(volumes.make_for(0));
  std::ofstream(folder.volume("t0-home") + "/file") << "x";
  volumes.release(0);
  EXPECT_TRUE(fs::exists(folder.volume("t0-home") + "/file"));
}

TEST_F(VolumeFoldersTest, ABoundFileAppearsInAFolder) {
  const std::string key = top + "/key.pem";
  std::ofstream(key) << "secret";
  plan.volumes = {
      {.name = "key", .kind = PlanVolume::Kind::bound, .source = key, .read_only = true},
      {.name = "dir", .kind = PlanVolume::Kind::bound, .source = top}};
  add_task({{"key", "/workspace/key", "", false}, {"dir", "/workspace/dir", "", false}});
  const VolumeFolders volumes = make();
  EXPECT_TRUE(fs::is_regular_file(volumes.path_of("key") + "/key.pem"));
  EXPECT_EQ(volumes.path_of("dir"), top);
}

TEST_F(VolumeFoldersTest, SubPathsAreMadeButNeverLeadOut) {
  ASSERT_TRUE(make_below(folder.root, "a/./b"));
  EXPECT_TRUE(fs::is_directory(folder.root + "/a/b"));
  fs::create_directory_symlink("/etc", folder.root + "/out");
  const auto refused = make_below(folder.root, "out/x");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("out/x"));
  EXPECT_FALSE(make_below(folder.root, "out"));
}

TEST_F(VolumeFoldersTest, ASubPathMayBeAFile) {
  ASSERT_TRUE(replace_file(folder.root + "/file", "kept"));
  EXPECT_TRUE(make_below(folder.root, "file"));
  EXPECT_TRUE(fs::is_regular_file(folder.root + "/file"));
  EXPECT_FALSE(make_below(folder.root, "file/below"));
}

} // namespace
} // namespace taskgroup
