// SPDX-License-Identifier: Apache-2.0
#include "cli/host/files.h"
#include "cli/host/sandbox.h"
#include "cli/host/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>

namespace taskgroup::host {

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr uid_t nobodys_id = 65534;

enum class Caller { same_user, nobody };

std::string read_file(const std::string& path) {
  return read_whole(path).value_or("(no " + path + ")");
}

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::vector<std::string> list(const std::string& path) {
  std::vector<std::string> names;
  if (DIR* const folder = opendir(path.c_str())) {
    while (const dirent* entry = readdir(folder))
      if (entry->d_name[0] != '.')
        names.emplace_back(entry->d_name);
    closedir(folder);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Every path below `folder` with what a write changes.
std::string fingerprint(const std::string& folder) {
  static std::ostringstream text;
  text.str("");
  nftw(
      folder.c_str(),
      [](const char* path, const struct stat* facts, int, FTW*) {
        text << path << ' ' << facts->st_mode << ' ' << facts->st_ino << ' ' << facts->st_uid << ' '
             << facts->st_size << ' ' << facts->st_mtim.tv_sec << '.' << facts->st_mtim.tv_nsec
             << '\n';
        return 0;
      },
      64, FTW_PHYS | FTW_MOUNT);
  return text.str();
}

// Names below `folder` that contain `token`.
std::string find_names(const std::string& folder, const std::string& token) {
  static std::string wanted;
  static std::string found;
  wanted = token;
  found.clear();
  nftw(
      folder.c_str(),
      [](const char* path, const struct stat*, int, FTW* position) {
        if (std::strstr(path + position->base, wanted.c_str()) != nullptr)
          found += std::string(path) + "\n";
        return 0;
      },
      64, FTW_PHYS | FTW_MOUNT);
  return found;
}

// A sandbox with its temporary folder, and the outputs of what runs in it.
class World {
public:
  World() {
    auto folder = TemporaryFolder::create();
    if (!folder)
      throw std::runtime_error(folder.error());
    m_folder.emplace(std::move(*folder));
    auto sandbox = Sandbox::create({.temporary_folder = m_folder->path()});
    if (!sandbox)
      throw std::runtime_error(sandbox.error().message);
    m_sandbox.emplace(std::move(*sandbox));
  }

  static ContainerSpec shell(const std::string& script, const std::string& name = "step") {
    ContainerSpec spec;
    spec.name = name;
    spec.argv = {"/bin/sh", "-c", script};
    spec.env = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/root"};
    return spec;
  }

  void start(ContainerSpec spec) {
    const int output = memfd_create("output", MFD_CLOEXEC);
    spec.stdout_fd = spec.stderr_fd = output;
    const auto started = m_sandbox->start(spec);
    EXPECT_TRUE(started) << started.error();
    m_outputs[spec.name] = output;
  }

  // Waits for the next container to end.
  Exit wait() {
    while (m_exits.empty()) {
      pollfd polled{m_sandbox->event_fd(), POLLIN, 0};
      poll(&polled, 1, -1);
      m_exits = m_sandbox->read_exits();
    }
    Exit exit = m_exits.front();
    m_exits.erase(m_exits.begin());
    return exit;
  }

  Exit run(ContainerSpec spec) {
    start(std::move(spec));
    return wait();
  }

  // Runs a script that must succeed and returns its output.
  std::string output_of(const ContainerSpec& spec) {
    const Exit exit = run(spec);
    EXPECT_EQ(exit.start_error, "");
    EXPECT_EQ(exit.status, 0) << output(spec.name);
    return output(spec.name);
  }
  std::string output_of(const std::string& script) { return output_of(shell(script)); }

  std::string output(const std::string& name) {
    return read_file("/proc/self/fd/" + std::to_string(m_outputs[name]));
  }

  Sandbox& sandbox() { return *m_sandbox; }
  const std::string& folder() const { return m_folder->path(); }

private:
  std::optional<TemporaryFolder> m_folder;
  std::optional<Sandbox> m_sandbox;
  std::map<std::string, int> m_outputs;
  std::vector<Exit> m_exits;
};

constexpr int exit_skipped = 77;

// Runs `body` in a child of this process, and takes over its verdict.
void in_child(const std::function<void()>& body) {
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    int code = 70;
    try {
      body();
      code = testing::Test::HasFailure() ? 1 : testing::Test::IsSkipped() ? exit_skipped : 0;
    } catch (const std::exception& exception) {
      fprintf(stderr, "%s\n", exception.what());
    }
    fflush(stdout);
    _exit(code);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == exit_skipped)
    GTEST_SKIP();
  EXPECT_EQ(status, 0) << "see the output above";
}

void become_nobody() {
  ASSERT_EQ(setgroups(0, nullptr), 0);
  ASSERT_EQ(setgid(nobodys_id), 0);
  ASSERT_EQ(setuid(nobodys_id), 0);
}

// Gives each test a folder of its own as TMPDIR, and sees to it that it is left empty.
class SandboxTest : public testing::TestWithParam<Caller> {
protected:
  void SetUp() override {
    char path[] = "/tmp/sandbox-test-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    m_base = path;
    ASSERT_EQ(chmod(path, 0755), 0);
    for (const std::string& folder : {temporary(), shared()}) {
      ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
      ASSERT_EQ(chmod(folder.c_str(), 01777), 0);
    }
    setenv("TMPDIR", temporary().c_str(), 1);
  }

  void TearDown() override {
    EXPECT_THAT(list(temporary()), IsEmpty()) << "left behind in the temporary folder";
    EXPECT_THAT(read_file("/proc/self/mountinfo"), Not(HasSubstr(m_base))) << "left a mount";
    EXPECT_EQ(remove_tree(m_base), "");
  }

  void as_caller(const std::function<void()>& body) {
    in_child([&] {
      if (GetParam() == Caller::nobody) {
        become_nobody();
        if (const auto error = obstacle())
          GTEST_SKIP() << "no user namespaces for others than root: " << *error;
      }
      body();
    });
  }

  static std::optional<std::string> obstacle() {
    const auto folder = TemporaryFolder::create();
    const auto sandbox = Sandbox::create({.temporary_folder = folder->path()});
    return !sandbox && sandbox.error().kind == StartError::Kind::prerequisite
               ? std::optional(sandbox.error().message)
               : std::nullopt;
  }

  std::string temporary() const { return m_base + "/tmp"; }
  std::string shared() const { return m_base + "/shared"; } // for mounts, writable for all

private:
  std::string m_base;
};

std::vector<Caller> callers() {
  if (geteuid() == 0)
    return {Caller::same_user, Caller::nobody};
  return {Caller::same_user};
}

INSTANTIATE_TEST_SUITE_P(Callers, SandboxTest, testing::ValuesIn(callers()),
                         [](const testing::TestParamInfo<Caller>& of) {
                           return of.param == Caller::nobody ? "Nobody" : "SameUser";
                         });

// --- What a container may change
// ------------------------------------------------------------------

TEST_P(SandboxTest, TwoContainersSideBySideSeeNeitherEachOtherNorChangeTheHost) {
  const std::string token = "taskgroup-trace-" + std::to_string(getpid());
  const std::string etc = fingerprint("/etc");
  as_caller([&] {
    World world;
    const Mount mount{.source = shared(), .target = "/shared"};
    ASSERT_EQ(mkfifo((shared() + "/first").c_str(), 0600), 0);
    ASSERT_EQ(mkfifo((shared() + "/second").c_str(), 0600), 0);
    const auto script = [&](const std::string& own, const std::string& meet) {
      return "set -e\n"
             "mkdir -p $HOME/.cache\n"
             "for f in /etc $HOME $HOME/.cache /tmp /var/tmp /run /dev/shm /usr; do\n"
             "  echo "
             + own + " > $f/" + token + "-" + own
             + "\n"
               "done\n"
               "rm -f /etc/hostname; echo "
             + own + " > /etc/hostname\n" + meet
             + "cat /etc/hostname\n"
               "find /etc $HOME /tmp /var/tmp /run /dev/shm /usr -maxdepth 2 -name '"
             + token
             + "*' | wc -l\n"
               "find /etc $HOME /tmp /var/tmp /run /dev/shm /usr -maxdepth 2 -name '"
             + token + "*' | grep -vc -e -" + own + " || true\n";
    };
    ContainerSpec first =
        World::shell(script("one", "echo > /shared/first; cat /shared/second\n"), "first");
    ContainerSpec second =
        World::shell(script("two", "cat /shared/first; echo > /shared/second\n"), "second");
    first.mounts = second.mounts = {mount};
    world.start(first);
    world.start(second);
    for (int i = 0; i < 2; ++i) {
      const Exit exit = world.wait();
      EXPECT_EQ(exit.status, 0) << exit.name << ": " << world.output(exit.name);
    }
    EXPECT_EQ(world.output("first"), "\none\n8\n0\n");
    EXPECT_EQ(world.output("second"), "\ntwo\n8\n0\n");
  });
  EXPECT_EQ(fingerprint("/etc"), etc);
  for (const std::string folder : {"/etc", "/root", "/tmp", "/var/tmp", "/run", "/dev/shm", "/usr"})
    EXPECT_EQ(find_names(folder, token), "");
}

TEST_P(SandboxTest, AContainerReplacesAndRemovesTheHostsFilesForItselfOnly) {
  as_caller([&] {
    World world;
    EXPECT_EQ(
        world.output_of(
            "set -e\n"
            "cp /etc/passwd /etc/passwd.new\n"
            "mv /etc/passwd.new /etc/passwd\n"
            "rm -f /etc/group\n"
            "if test -w /etc/apt; then perl -e 'rename(\"/etc/apt\", \"/etc/apt2\") or die $!'; "
            "test -e /etc/apt2/apt.conf.d; rm -rf /etc/apt2; mkdir /etc/apt; ls -A "
            "/etc/apt; fi\n"
            "mkdir -p /opt/a/b\n"
            "ln -s nowhere /etc/link\n"
            "rm -rf /opt/a\n"
            "ls /etc/group /opt/a 2>&1 || true"),
        "ls: cannot access '/etc/group': No such file or directory\n"
        "ls: cannot access '/opt/a': No such file or directory\n");
    EXPECT_EQ(world.output_of("test -s /etc/group && test ! -e /etc/link && echo as it was"),
              "as it was\n");
  });
}

TEST_P(SandboxTest, TheContainersTmpIsFreshAndHidesTheTemporaryFolders) {
  as_caller([&] {
    World world;
    EXPECT_EQ(world.output_of("ls -A /tmp /var/tmp; stat -c %a /tmp /var/tmp; ls /run; pwd"),
              "/tmp:\n\n/var/tmp:\n1777\n1777\nlock\n/\n");
    EXPECT_EQ(world.output_of("ls " + world.folder() + " 2>/dev/null || echo hidden"), "hidden\n");
  });
}

TEST_P(SandboxTest, EachContainerHasACleanTmpWhateverTheOneBeforeLeft) {
  as_caller([&] {
    World world;
    const std::string look = "ls -A /tmp /var/tmp | tr '\\n' ' '; stat -c %a /tmp /var/tmp";
    const std::string clean = "/tmp:  /var/tmp: 1777\n1777\n";
    EXPECT_EQ(world.output_of(look + "; echo > /tmp/file; mkdir -p /var/tmp/a/b"), clean);
    EXPECT_EQ(world.output_of(look + "; chmod 700 /tmp"), clean);
    EXPECT_EQ(world.output_of(look + "; echo > /tmp/gone; rm /tmp/gone"), clean);
    EXPECT_EQ(world.output_of(look), clean);
  });
}

TEST_P(SandboxTest, KeepsTheFilesOfEndedContainersIfAsked) {
  as_caller([&] {
    const auto folder = TemporaryFolder::create();
    auto sandbox = Sandbox::create({.temporary_folder = folder->path(), .keep = true});
    ASSERT_TRUE(sandbox->start(World::shell("echo kept > /tmp/file")));
    pollfd polled{sandbox->event_fd(), POLLIN, 0};
    poll(&polled, 1, -1);
    EXPECT_EQ(sandbox->read_exits().at(0).status, 0);
    sandbox->kill_all();
    EXPECT_EQ(read_file(folder->path() + "/host/files/0-tmp/file"), "kept\n");
  });
}

TEST_P(SandboxTest, KernelInterfacesAreNotWritable) {
  as_caller([&] {
    World world;
    EXPECT_EQ(world.output_of("for f in /proc/sys/kernel/hostname /proc/sysrq-trigger "
                              "/sys/power/state /sys/fs/cgroup/x; do\n"
                              "  (echo x > $f) 2>/dev/null && echo wrote $f\n"
                              "done\n"
                              "mount -t tmpfs none /mnt 2>/dev/null && echo mounted\n"
                              "mknod /tmp/disk b 254 0 2>/dev/null && echo made a disk\n"
                              "ls /dev/vda /dev/sda /dev/mem 2>/dev/null\n"
                              "echo x > /dev/null && head -c 1 /dev/urandom | wc -c"),
              "1\n");
  });
}

// --- Mounts
// ---------------------------------------------------------------------------------------

TEST_P(SandboxTest, BoundFoldersAndFilesReachTheHost) {
  as_caller([&] {
    World world;
    write_file(shared() + "/config", "old\n");
    ContainerSpec spec =
        World::shell("cat /workspace/config /deep/er/file && echo new >> /deep/er/file "
                     "&& echo made > /workspace/made && umask");
    // The deeper target comes first on purpose.
    spec.mounts = {{.source = shared() + "/config", .target = "/deep/er/file"},
                   {.source = shared(), .target = "/workspace"}};
    EXPECT_EQ(world.output_of(spec), "old\nold\n0022\n");
    EXPECT_EQ(read_file(shared() + "/config"), "old\nnew\n");
    EXPECT_EQ(read_file(shared() + "/made"), "made\n");
    struct stat facts{};
    ASSERT_EQ(stat((shared() + "/made").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_uid, geteuid());
    EXPECT_EQ(facts.st_mode & 0777U, 0644U);
  });
}

TEST_P(SandboxTest, ReadOnlyMountsAreReadOnly) {
  as_caller([&] {
    World world;
    write_file(shared() + "/secret", "s\n");
    ContainerSpec spec = World::shell("cat /folder/secret /file\n"
                                      "echo x > /folder/new\n"
                                      "rm -f /folder/secret\n"
                                      "echo x > /file\n"
                                      "mount -o remount,rw,bind /folder\n"
                                      "echo x > /folder/new\n"
                                      "true");
    spec.mounts = {{.source = shared(), .target = "/folder", .read_only = true},
                   {.source = shared() + "/secret", .target = "/file", .read_only = true}};
    EXPECT_THAT(world.output_of(spec),
                AllOf(HasSubstr("s\ns\n"), HasSubstr("/folder/new: Read-only file system"),
                      HasSubstr("/folder/secret': Read-only file system"),
                      HasSubstr("/file: Read-only file system")));
    EXPECT_THAT(list(shared()), testing::ElementsAre("secret"));
    EXPECT_EQ(read_file(shared() + "/secret"), "s\n");
  });
}

TEST_P(SandboxTest, WhatIsWrittenToAScratchMountIsTheContainersOwn) {
  as_caller([&] {
    World world;
    write_file(shared() + "/data", "old\n");
    ContainerSpec spec = World::shell("if echo new 2>/dev/null > /folder/data; then\n"
                                      "  echo more > /folder/more; cat /folder/*\n"
                                      "else echo kernel forbids; fi");
    spec.mounts = {{.source = shared(), .target = "/folder", .scratch = true}};
    const std::string output = world.output_of(spec);
    EXPECT_TRUE(output == "new\nmore\n"
                || (GetParam() == Caller::nobody && output == "kernel forbids\n"))
        << output;
    EXPECT_THAT(list(shared()), testing::ElementsAre("data"));
    EXPECT_EQ(read_file(shared() + "/data"), "old\n");
  });
}

TEST_P(SandboxTest, OtherFileSystemsOfTheHostAreVisibleAndNotChanged) {
  in_child([&] {
    // As another user sees it: mounted by root, in a namespace of this child's own.
    ASSERT_EQ(unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("tmpfs", "/srv", "tmpfs", 0, "mode=1777"), 0);
    for (const char* const folder : {"/srv/disk", "/srv/image", "/srv/tmp"}) {
      ASSERT_EQ(mkdir(folder, 0777), 0);
      ASSERT_EQ(chmod(folder, 01777), 0);
    }
    ASSERT_EQ(mount("tmpfs", "/srv/disk", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"), 0);
    ASSERT_EQ(mount("tmpfs", "/srv/image", "tmpfs", 0, "mode=1777"), 0);
    write_file("/srv/disk/data", "on the disk\n");
    write_file("/srv/image/data", "on the image\n");
    if (GetParam() == Caller::nobody) {
      ASSERT_EQ(chown("/srv/disk/data", nobodys_id, nobodys_id), 0);
    }
    ASSERT_EQ(mount(nullptr, "/srv/image", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
    setenv("TMPDIR", "/srv/tmp", 1);
    if (GetParam() == Caller::nobody) {
      become_nobody();
      if (const auto error = obstacle())
        GTEST_SKIP() << *error;
    }
    {
      World world;
      EXPECT_THAT(world.sandbox().notices(), IsEmpty());
      EXPECT_EQ(world.output_of("cat /srv/disk/data /srv/image/data\n"
                                "echo more >> /srv/disk/data && cat /srv/disk/data\n"
                                "echo > /srv/disk/new && stat -c %a /srv/disk\n"
                                "ls /srv/tmp\n"
                                "echo x 2>/dev/null > /srv/image/new; ls /srv/image"),
                "on the disk\non the image\non the disk\nmore\n1777\ndata\n");
    }
    EXPECT_EQ(read_file("/srv/disk/data"), "on the disk\n");
    EXPECT_THAT(list("/srv/disk"), testing::ElementsAre("data"));
    EXPECT_THAT(list("/srv/tmp"), IsEmpty());
  });
}

// --- The process
// ----------------------------------------------------------------------------------

TEST_P(SandboxTest, TheProgramIsTheFirstProcessOfItsOwnAndSeesNoOther) {
  as_caller([&] {
    World world;
    EXPECT_EQ(world.output_of("echo $$; ls -d /proc/[0-9]*; id -u"), "1\n/proc/1\n0\n");
  });
}

TEST_P(SandboxTest, TheProgramStartsWithACleanState) {
  as_caller([&] {
    World world;
    ContainerSpec spec = World::shell("");
    spec.argv = {"/usr/bin/env"};
    spec.env = {"A=1", "EMPTY="};
    EXPECT_EQ(world.output_of(spec), "A=1\nEMPTY=\n");
    spec.argv = {"/bin/sh", "-c",
                 "pwd; ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0; "
                 "grep -E '^Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f6 /proc/self/stat"};
    spec.cwd = "/usr";
    EXPECT_EQ(world.output_of(spec), "/usr\n0 1 2 3 /dev/null\n"
                                     "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n1\n");
  });
}

TEST_P(SandboxTest, NoSignalIsIgnoredBecauseTheCallerIgnoredIt) {
  as_caller([&] {
    struct {
      void (*handler)(int) = SIG_IGN;
      unsigned long flags = 0;
      void (*restorer)() = nullptr;
      std::uint64_t mask = 0;
    } const ignored;
    for (const int signal : {SIGUSR1, 32, 33}) // the last two are glibc's own
      ASSERT_EQ(syscall(SYS_rt_sigaction, signal, &ignored, nullptr, sizeof ignored.mask), 0);
    World world;
    EXPECT_EQ(world.output_of(World::shell("grep SigIgn /proc/self/status")),
              "SigIgn:\t0000000000000000\n");
  });
}

TEST_P(SandboxTest, AProgramThatIsNotIsolatedRunsOnTheHostsRoot) {
  as_caller([&] {
    World world;
    ContainerSpec spec = World::shell("echo hello > " + shared() + "/file; test $$ != 1");
    spec.isolated = false;
    EXPECT_EQ(world.output_of(spec), "");
    EXPECT_EQ(read_file(shared() + "/file"), "hello\n");
  });
}

TEST_P(SandboxTest, ReportsExitCodesAndSignals) {
  as_caller([&] {
    World world;
    Exit exit = world.run(World::shell("exit 7"));
    EXPECT_TRUE(WIFEXITED(exit.status) && WEXITSTATUS(exit.status) == 7) << exit.status;
    ContainerSpec spec = World::shell("kill -TERM $$");
    spec.isolated = false;
    exit = world.run(spec);
    EXPECT_TRUE(WIFSIGNALED(exit.status) && WTERMSIG(exit.status) == SIGTERM) << exit.status;
    world.start(World::shell("exec sleep 1000", "sleeper"));
    world.sandbox().kill("nobody of this name");
    world.sandbox().kill("sleeper");
    exit = world.wait();
    EXPECT_EQ(exit.name, "sleeper");
    EXPECT_TRUE(WIFSIGNALED(exit.status) && WTERMSIG(exit.status) == SIGKILL) << exit.status;
  });
}

TEST_P(SandboxTest, TakesLongCommandLines) {
  as_caller([&] {
    World world;
    ContainerSpec spec = World::shell("echo ${#1} ${#2} $#");
    spec.argv.insert(spec.argv.end(), {"sh", std::string(130000, 'x'), std::string(130000, 'y')});
    spec.argv.insert(spec.argv.end(), 8, std::string(100000, 'z'));
    EXPECT_EQ(world.output_of(spec), "130000 130000 10\n");
  });
}

TEST_P(SandboxTest, ReportsWhyAContainerCannotStart) {
  as_caller([&] {
    World world;
    ContainerSpec spec = World::shell("true");
    spec.argv = {"/no/such/program"};
    EXPECT_EQ(world.run(spec).start_error,
              "cannot execute /no/such/program: No such file or directory");
    spec = World::shell("true");
    spec.cwd = "/no/such/folder";
    EXPECT_EQ(world.run(spec).start_error,
              "cannot change to the working folder /no/such/folder: No such file or directory");
    spec = World::shell("true");
    spec.mounts = {{.source = "/no/such/source", .target = "/workspace"}};
    EXPECT_EQ(world.run(spec).start_error, "cannot open /no/such/source, to be mounted at "
                                           "/workspace: No such file or directory");
    spec.mounts = {{.source = shared(), .target = "/workspace", .read_only = true},
                   {.source = shared(), .target = "/workspace/missing"}};
    EXPECT_EQ(world.run(spec).start_error,
              "cannot make the mount point /workspace/missing: Read-only file system");
    spec.mounts = {{.source = shared(), .target = "/etc/passwd"}};
    EXPECT_EQ(world.run(spec).start_error,
              "cannot make the mount point /etc/passwd: Not a directory");
  });
}

TEST_P(SandboxTest, RefusesWrongSpecifications) {
  as_caller([&] {
    World world;
    Sandbox& sandbox = world.sandbox();
    ContainerSpec spec = World::shell("true");
    spec.argv[0] = "sh";
    EXPECT_THAT(sandbox.start(spec).error(), HasSubstr("absolute path"));
    spec = World::shell("true");
    spec.mounts = {{.source = "/usr", .target = "/"}};
    EXPECT_THAT(sandbox.start(spec).error(), HasSubstr("below /"));
    spec.mounts = {{.source = "usr", .target = "/usr"}};
    EXPECT_THAT(sandbox.start(spec).error(), HasSubstr("absolute path"));
    world.start(World::shell("exec sleep 1000", "twice"));
    EXPECT_EQ(sandbox.start(World::shell("true", "twice")).error(),
              "cannot start container 'twice': one of this name is running");
  });
}

// --- The end
// --------------------------------------------------------------------------------------

// The write end of the pipe is held by every process of a run, so its end of file is theirs.
TEST_P(SandboxTest, KillAllLeavesNoProcess) {
  as_caller([&] {
    World world;
    std::array<int, 2> held{};
    ASSERT_EQ(pipe2(held.data(), O_CLOEXEC), 0);
    ContainerSpec spec = World::shell("setsid sleep 1000 & echo up; exec sleep 1000");
    spec.stdout_fd = held[1];
    for (const bool isolated : {true, false}) {
      spec.isolated = isolated;
      spec.name = isolated ? "isolated" : "plain";
      ASSERT_TRUE(world.sandbox().start(spec));
    }
    close(held[1]);
    std::array<char, 6> up{};
    for (std::size_t got = 0; got < up.size();)
      got += static_cast<std::size_t>(read(held[0], up.data() + got, up.size() - got));
    world.sandbox().kill_all();
    EXPECT_EQ(read(held[0], up.data(), 1), 0);
    EXPECT_FALSE(world.sandbox().alive());
    const std::vector<Exit> exits = world.sandbox().read_exits();
    ASSERT_EQ(exits.size(), 2U);
    EXPECT_EQ(exits[0].status, SIGKILL);
    EXPECT_THAT(world.sandbox().start(World::shell("true")).error(), HasSubstr("gone"));
  });
}

TEST_P(SandboxTest, NoProcessOutlivesAKilledCallerAndTheNextRunRemovesItsFolder) {
  as_caller([&] {
    std::array<int, 2> held{};
    ASSERT_EQ(pipe2(held.data(), O_CLOEXEC), 0);
    const pid_t caller = fork();
    if (caller == 0) {
      World world;
      ContainerSpec spec =
          World::shell("echo > /tmp/file; setsid sleep 1000 & echo up; sleep 1000");
      spec.stdout_fd = held[1];
      for (const bool isolated : {true, false}) {
        spec.isolated = isolated;
        spec.name = isolated ? "isolated" : "plain";
        if (!world.sandbox().start(spec))
          _exit(1);
      }
      world.wait();
      _exit(1);
    }
    close(held[1]);
    std::array<char, 6> up{};
    ssize_t got = 1;
    for (std::size_t sum = 0; sum < up.size() && got > 0; sum += static_cast<std::size_t>(got))
      got = read(held[0], up.data() + sum, up.size() - sum);
    ASSERT_GT(got, 0);
    ASSERT_EQ(kill(caller, SIGKILL), 0);
    EXPECT_EQ(read(held[0], up.data(), 1), 0); // blocks until nobody is left
    ASSERT_EQ(waitpid(caller, nullptr, 0), caller);
    EXPECT_EQ(list(temporary()).size(), 1U);
    const auto next = TemporaryFolder::create();
    ASSERT_TRUE(next);
    EXPECT_THAT(list(temporary()),
                testing::ElementsAre(next->path().substr(temporary().size() + 1)));
  });
}

// --- Other places
// ---------------------------------------------------------------------------------

class ObstacleTest : public SandboxTest {};

INSTANTIATE_TEST_SUITE_P(Callers, ObstacleTest, testing::Values(Caller::same_user),
                         [](const auto&) { return "SameUser"; });

TEST_P(ObstacleTest, RootWithoutCapSysAdminIsToldTheWayOut) {
  if (geteuid() != 0)
    GTEST_SKIP() << "only root can have or lack it";
  in_child([] {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, 2> data{};
    ASSERT_EQ(syscall(SYS_capget, &header, data.data()), 0);
    data[0].effective &= ~(1U << CAP_SYS_ADMIN);
    data[0].permitted &= ~(1U << CAP_SYS_ADMIN);
    ASSERT_EQ(syscall(SYS_capset, &header, data.data()), 0);
    const auto sandbox = Sandbox::create({.temporary_folder = "/nowhere"});
    ASSERT_FALSE(sandbox);
    EXPECT_EQ(sandbox.error().kind, StartError::Kind::prerequisite);
    EXPECT_THAT(sandbox.error().message,
                AllOf(HasSubstr("CAP_SYS_ADMIN"), HasSubstr("--privileged")));
  });
}

TEST_P(ObstacleTest, OthersThanRootAreToldThatAChrootHasNoUserNamespaces) {
  if (geteuid() != 0)
    GTEST_SKIP() << "needs chroot";
  in_child([&] {
    ASSERT_EQ(chroot(shared().c_str()), 0);
    become_nobody();
    const auto sandbox = Sandbox::create({.temporary_folder = "/nowhere"});
    ASSERT_FALSE(sandbox);
    EXPECT_EQ(sandbox.error().kind, StartError::Kind::prerequisite);
    EXPECT_THAT(sandbox.error().message, HasSubstr("in a chroot; run it as root"));
  });
}

TEST_P(ObstacleTest, RootRunsContainersInAChroot) {
  if (geteuid() != 0)
    GTEST_SKIP() << "needs chroot";
  in_child([&] {
    // A folder below a mount, not a mount itself, with the host's programs and without /proc.
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("tmpfs", shared().c_str(), "tmpfs", 0, nullptr), 0);
    const std::string jail = shared() + "/jail";
    for (const char* const folder : {"/usr", "/tmp", "/data"})
      ASSERT_TRUE(make_folders(jail + folder));
    ASSERT_EQ(mount("/usr", (jail + "/usr").c_str(), nullptr, MS_BIND, nullptr), 0);
    for (const char* const name : {"bin", "lib", "lib64"})
      ASSERT_EQ(symlink((std::string("usr/") + name).c_str(), (jail + "/" + name).c_str()), 0);
    ASSERT_EQ(mkdir((jail + "/dev").c_str(), 0755), 0);
    write_file(jail + "/dev/null", "");
    ASSERT_EQ(mount("/dev/null", (jail + "/dev/null").c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(chroot(jail.c_str()), 0);
    ASSERT_EQ(chdir("/"), 0);
    setenv("TMPDIR", "/tmp", 1);
    {
      World world;
      ContainerSpec spec = World::shell("echo $$ > /workspace/pid; echo > /usr/made; echo > /made; "
                                        "test -e /tmp/taskgroup* || exit 5");
      spec.mounts = {{.source = "/data", .target = "/workspace"}};
      EXPECT_EQ(WEXITSTATUS(world.run(spec).status), 5);
    }
    EXPECT_EQ(read_file("/data/pid"), "1\n");
    EXPECT_NE(access("/usr/made", F_OK), 0);
    EXPECT_NE(access("/made", F_OK), 0);
    EXPECT_THAT(list("/tmp"), IsEmpty());
  });
}

} // namespace

} // namespace taskgroup::host
