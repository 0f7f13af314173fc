// SPDX-License-Identifier: Apache-2.0
#include "cli/host/files.h"
#include "cli/host/temporary_folder.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace taskgroup::host {

namespace {

bool exists(const std::string& path) {
  return faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void write_file(const std::string& path) { std::ofstream(path) << "x"; }

class TemporaryFolderTest : public testing::Test {
protected:
  void SetUp() override {
    char path[] = "/tmp/temporary-folder-test-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    m_base = path;
    setenv("TMPDIR", path, 1);
  }
  void TearDown() override { EXPECT_EQ(remove_tree(m_base), ""); }

  std::string m_base;
};

TEST_F(TemporaryFolderTest, IsPrivateAndRemovedWithItsOwner) {
  std::string path;
  {
    const auto folder = TemporaryFolder::create();
    ASSERT_TRUE(folder) << folder.error();
    path = folder->path();
    EXPECT_EQ(path.rfind(m_base + "/taskgroup-", 0), 0U) << path;
    struct stat facts{};
    ASSERT_EQ(stat(path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0700U);
    write_file(path + "/file");
  }
  EXPECT_FALSE(exists(path));
}

TEST_F(TemporaryFolderTest, StaysIfReleased) {
  std::string path;
  {
    auto folder = TemporaryFolder::create();
    ASSERT_TRUE(folder);
    path = folder->path();
    write_file(path + "/file");
    folder->release();
  }
  EXPECT_TRUE(exists(path + "/file"));
  const auto next = TemporaryFolder::create();
  EXPECT_TRUE(exists(path + "/file"));
}

TEST_F(TemporaryFolderTest, RemovesTheFoldersOfDeadRunsOnly) {
  ASSERT_EQ(mkdir((m_base + "/taskgroup-abcdef").c_str(), 0700), 0);
  write_file(m_base + "/taskgroup-abcdef/file");
  ASSERT_EQ(mkdir((m_base + "/taskgroup-notes").c_str(), 0700), 0);
  const auto living = TemporaryFolder::create();
  ASSERT_TRUE(living);
  EXPECT_FALSE(exists(m_base + "/taskgroup-abcdef"));
  const auto next = TemporaryFolder::create();
  ASSERT_TRUE(next);
  EXPECT_TRUE(exists(living->path()));
  EXPECT_TRUE(exists(m_base + "/taskgroup-notes"));
}

TEST_F(TemporaryFolderTest, SaysThatTmpdirCannotBeWritten) {
  setenv("TMPDIR", (m_base + "/missing").c_str(), 1);
  const auto folder = TemporaryFolder::create();
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error(),
            "cannot make a temporary folder " + m_base
                + "/missing/taskgroup-XXXXXX: No such file or directory; set TMPDIR "
                  "to a folder that can be written");
}

TEST_F(TemporaryFolderTest, RemovalDoesNotFollowLinks) {
  write_file(m_base + "/precious");
  ASSERT_TRUE(make_folders(m_base + "/tree/folder"));
  ASSERT_EQ(symlink(m_base.c_str(), (m_base + "/tree/link").c_str()), 0);
  ASSERT_EQ(symlink("..", (m_base + "/tree/folder/up").c_str()), 0);
  EXPECT_EQ(remove_tree(m_base + "/tree"), "");
  EXPECT_FALSE(exists(m_base + "/tree"));
  EXPECT_TRUE(exists(m_base + "/precious"));
  ASSERT_EQ(symlink(m_base.c_str(), (m_base + "/top").c_str()), 0);
  EXPECT_NE(remove_tree(m_base + "/top"), "");
  EXPECT_TRUE(exists(m_base + "/precious"));
}

TEST_F(TemporaryFolderTest, RemovalOpensReadOnlyFolders) {
  ASSERT_TRUE(make_folders(m_base + "/tree/module/package"));
  write_file(m_base + "/tree/module/package/file");
  ASSERT_EQ(chmod((m_base + "/tree/module/package").c_str(), 0555), 0);
  ASSERT_EQ(chmod((m_base + "/tree/module").c_str(), 0), 0);
  EXPECT_EQ(remove_tree(m_base + "/tree"), "");
  EXPECT_FALSE(exists(m_base + "/tree"));
}

TEST_F(TemporaryFolderTest, RemovalManagesTreesDeeperThanThereAreDescriptors) {
  ASSERT_EQ(mkdir((m_base + "/tree").c_str(), 0700), 0);
  int fd = open((m_base + "/tree").c_str(), O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 400; ++depth) {
    ASSERT_EQ(mkdirat(fd, "d", 0700), 0);
    const int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
    close(openat(fd, "f", O_CREAT | O_WRONLY, 0600));
    close(fd);
    fd = next;
  }
  close(fd);
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit tight{.rlim_cur = 200, .rlim_max = usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  EXPECT_EQ(remove_tree(m_base + "/tree"), "");
  setrlimit(RLIMIT_NOFILE, &usual);
  EXPECT_FALSE(exists(m_base + "/tree"));
}

} // namespace

} // namespace taskgroup::host
