// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/install.h"
#include "entrypoint/test_support.h"

#include <gmock/gmock.h>

#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>

namespace taskgroup::testing {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

TEST(InstallTest, CopiesThisProgramForAnybodyToRun) {
  const TemporaryFolder folder;
  const mode_t mask = umask(077);
  const auto installed = install_to(folder / "bin");
  umask(mask);
  ASSERT_TRUE(installed) << installed.error();
  struct stat status{};
  ASSERT_EQ(stat((folder / "bin/taskgroup-agent").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0555U);
  EXPECT_EQ(static_cast<std::uintmax_t>(status.st_size), fs::file_size("/proc/self/exe"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "bin"), fs::directory_iterator()), 1);
}

TEST(InstallTest, ReplacesWhatIsThere) {
  const TemporaryFolder folder;
  write_content(folder / "taskgroup-agent", "of the release before");
  ASSERT_TRUE(install_to(folder.path()));
  EXPECT_EQ(fs::file_size(folder / "taskgroup-agent"), fs::file_size("/proc/self/exe"));
}

TEST(InstallTest, FolderThatCannotBeMadeIsNamed) {
  EXPECT_THAT(install_to("/proc/none").error(), HasSubstr("\"/proc/none\""));
}

TEST(InstallTest, ProgramThatIsThereIsNotWaitedFor) {
  const TemporaryFolder folder;
  ASSERT_TRUE(install_to(folder.path()));
  EXPECT_TRUE(wait_for_install(folder.path(), Millis(0)));
}

TEST(InstallTest, WaitingHasALimit) {
  const TemporaryFolder folder;
  EXPECT_THAT(wait_for_install(folder.path(), Millis(1)).error(), HasSubstr("has not begun"));
  EXPECT_FALSE(wait_for_install(folder / "missing", Millis(1)));
}

TEST(InstallTest, WaitingEndsWithTheInstall) {
  const TemporaryFolder folder;
  Program wait({agent_program(), "wait", "--limit-ms", "60000", folder.path()});
  Program install({agent_program(), "install", folder.path()});
  EXPECT_EQ(install.wait(), 0);
  EXPECT_EQ(wait.wait(), 0) << wait.errors();
}

TEST(InstallTest, WaitingNeedsNoInotify) {
  // No descriptor is left for an inotify instance, as no instance is left on a busy node.
  const TemporaryFolder folder;
  Program install({agent_program(), "install", folder.path()});
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Fd inotify(inotify_init());
  const auto there = wait_for_install(folder.path(), Millis(60'000));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(inotify);
  EXPECT_TRUE(there) << there.error();
  EXPECT_EQ(install.wait(), 0);
}

} // namespace
} // namespace taskgroup::testing
