// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/empty.h"
#include "entrypoint/test_support.h"

#include <gmock/gmock.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

namespace taskgroup::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class EmptyTest : public ::testing::Test {
protected:
  EmptyTest() { fs::create_directory(folder); }

  // Run `body` in a child process with mounts of its own. Its exit code is the number of the first
  // check that failed; -1 where the kernel refuses namespaces.
  static int with_own_mounts(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) {
      const bool own = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
      if (!own || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        _exit(255);
      }
      _exit(body());
    }
    int status = 0;
    waitpid(child, &status, 0);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 254;
    return code == 255 ? -1 : code;
  }

  TemporaryFolder root;
  std::string folder = root / "folder";
};

TEST_F(EmptyTest, RemovesWhatIsInTheFolderOnly) {
  write_content(folder + "/a/b/c/file", "x");
  write_content(folder + "/.hidden", "x");
  fs::create_symlink("/nowhere", folder + "/dangling");
  ASSERT_EQ(mkfifo((folder + "/pipe").c_str(), 0600), 0);
  EXPECT_TRUE(empty_folder(folder));
  EXPECT_TRUE(fs::is_directory(folder));
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(EmptyTest, FolderThatIsNotThereIsEmpty) {
  EXPECT_TRUE(empty_folder(root / "missing"));
  EXPECT_FALSE(fs::exists(root / "missing"));
}

TEST_F(EmptyTest, FollowsNoLink) {
  write_content(root / "elsewhere/file", "kept");
  fs::create_directory_symlink(root / "elsewhere", folder + "/link");
  EXPECT_TRUE(empty_folder(folder));
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_EQ(content_of(root / "elsewhere/file"), "kept");
}

TEST_F(EmptyTest, LinkInThePlaceOfTheFolderIsAnError) {
  write_content(root / "elsewhere/file", "kept");
  fs::create_directory_symlink(root / "elsewhere", root / "link");
  const auto emptied = empty_folder(root / "link");
  ASSERT_FALSE(emptied);
  EXPECT_THAT(emptied.error(), HasSubstr("link\""));
  EXPECT_EQ(content_of(root / "elsewhere/file"), "kept");
}

TEST_F(EmptyTest, OpensFoldersThatTheirModeCloses) {
  // As Go's module cache; root needs no permission, anybody else does.
  write_content(folder + "/mod/example.org/x@v1.0.0/go.mod", "module x");
  const int code = with_own_mounts([&] {
    fs::permissions(folder + "/mod/example.org/x@v1.0.0",
                    fs::perms::owner_read | fs::perms::owner_exec);
    fs::permissions(folder + "/mod/example.org", fs::perms::none);
    fs::permissions(folder + "/mod", fs::perms::owner_exec);
    if (geteuid() == 0
        && (chown(root.path().c_str(), 65534, 65534) != 0
            || chown(folder.c_str(), 65534, 65534) != 0)) {
      return 1;
    }
    for (const char* const name : {"/mod", "/mod/example.org", "/mod/example.org/x@v1.0.0",
                                   "/mod/example.org/x@v1.0.0/go.mod"}) {
      if (geteuid() == 0 && chown((folder + name).c_str(), 65534, 65534) != 0) {
        return 2;
      }
    }
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
      return 3;
    }
    return empty_folder(folder) && fs::is_empty(folder) ? 0 : 4;
  });
  if (code == -1) {
    GTEST_SKIP() << "this machine has no mount namespaces for us";
  }
  EXPECT_EQ(code, 0);
}

TEST_F(EmptyTest, CrossesNoMountAndKeepsTheWayToIt) {
  write_content(folder + "/sub/other", "x");
  write_content(folder + "/file", "x");
  fs::create_directories(folder + "/sub/bound");
  fs::create_directory(folder + "/own");
  write_content(folder + "/secret", "");
  write_content(root / "volume/data", "kept");
  write_content(root / "volume/deep/data", "kept");
  const int code = with_own_mounts([&] {
    const auto bind = [](const std::string& source, const std::string& target) {
      return mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) == 0;
    };
    // The same file system as the folder's, another one, and a single file.
    if (!bind(root / "volume", folder + "/sub/bound")
        || mount("none", (folder + "/own").c_str(), "tmpfs", 0, nullptr) != 0
        || !bind(root / "volume/data", folder + "/secret")) {
      return 1;
    }
    write_content(folder + "/own/data", "kept");
    const auto emptied = empty_folder(folder);
    if (!emptied) {
      return 2;
    }
    if (fs::exists(folder + "/sub/other") || fs::exists(folder + "/file")) {
      return 3;
    }
    if (content_of(folder + "/own/data") != "kept" || content_of(folder + "/secret") != "kept") {
      return 4;
    }
    return content_of(folder + "/sub/bound/deep/data") == "kept" ? 0 : 5;
  });
  if (code == -1) {
    GTEST_SKIP() << "this machine has no mount namespaces for us";
  }
  EXPECT_EQ(code, 0);
  EXPECT_EQ(content_of(root / "volume/data"), "kept");
}

TEST_F(EmptyTest, FolderThatIsAMountItselfIsEmptied) {
  const int code = with_own_mounts([&] {
    if (mount("none", folder.c_str(), "tmpfs", 0, nullptr) != 0) {
      return 1;
    }
    write_content(folder + "/a/b", "x");
    return empty_folder(folder) && fs::is_empty(folder) ? 0 : 2;
  });
  if (code == -1) {
    GTEST_SKIP() << "this machine has no mount namespaces for us";
  }
  EXPECT_EQ(code, 0);
}

TEST_F(EmptyTest, FoldersThatNestTooDeepAreAnErrorAndNoCrash) {
  std::string path = folder;
  for (int i = 0; i < 300; ++i) {
    path += "/d";
    fs::create_directory(path);
  }
  const auto emptied = empty_folder(folder);
  ASSERT_FALSE(emptied);
  EXPECT_THAT(emptied.error(), HasSubstr("nest deeper"));
}

} // namespace
} // namespace taskgroup::testing
