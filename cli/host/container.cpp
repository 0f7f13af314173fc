// SPDX-License-Identifier: Apache-2.0
#include "cli/host/container.h"

#include "cli/host/files.h"
#include "cli/host/system.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace taskgroup::host {

namespace {

// As in a default OCI container. Unnecessary in a user namespace, where all of it is a stranger's.
constexpr std::array read_only_in_proc{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                       "/proc/sysrq-trigger"};
constexpr std::array masked_in_proc{"/proc/kcore", "/proc/keys", "/proc/timer_list"};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts)
    result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::ptrdiff_t depth_of(const Mount& mount) {
  return std::count(mount.target.begin(), mount.target.end(), '/');
}

// A process on its way to become a container. Every step either succeeds or reports and exits.
class Builder {
public:
  Builder(const ContainerWorld& world, unsigned id, const DiskFolders& disk,
          const ContainerSpec& spec)
      : m_world(world), m_stage(world.stage), m_id(id), m_spec(spec), m_disk(disk) {}

  [[noreturn]] void run() {
    setsid();
    umask(0);
    if (m_spec.isolated) {
      build_root();
      const std::vector<OpenMount> mounts = open_mounts();
      enter_root();
      for (const OpenMount& mount : mounts)
        attach(mount);
      if (!drop_capabilities())
        fail("cannot drop capabilities");
    }
    execute();
  }

private:
  struct OpenMount {
    const Mount* mount = nullptr;
    int fd = -1;
    bool is_folder = true;
  };

  [[noreturn]] void fail(const std::string& what) const {
    fail_with(what + ": " + std::strerror(errno));
  }

  [[noreturn]] void fail_with(const std::string& message) const {
    Failure failure;
    failure.id = m_id;
    message.copy(failure.text.data(), Failure::max_text - 1);
    [[maybe_unused]] const ssize_t written = write(m_world.failures_fd, &failure, sizeof failure);
    _exit(127);
  }

  std::string in_root(const std::string& path) const { return m_stage.root + path; }

  void mount_new(const char* type, const std::string& target, unsigned long flags,
                 const char* options) {
    if (mount(type, target.c_str(), type, flags, options) != 0)
      fail(std::string("cannot mount a new ") + type + " for " + target);
  }

  void bind(const std::string& source, const std::string& target) {
    if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
      fail("cannot bind " + source + " to " + target);
  }

  void make_folder(const std::string& path, mode_t mode) {
    if (mkdir(path.c_str(), mode) != 0)
      fail("cannot make the folder " + path);
  }

  void build_root() {
    if (m_world.root.needs_disk)
      make_folder(m_disk.uppers(), 0700);
    if (m_disk.are_new) {
      make_folder(m_disk.tmp(), 01777);
      make_folder(m_disk.var_tmp(), 01777);
    }
    mount_new("tmpfs", m_stage.store, MS_NOSUID, "mode=755");
    if (!m_world.root.whole) {
      make_folder(m_stage.store + "/root", 0755);
      bind(m_stage.store + "/root", m_stage.root);
    }
    std::size_t number = 0;
    for (const Layer& layer : m_world.root.layers)
      add_layer(layer, number++);
    add_kernel_folders();
    add_fresh_folders();
    add_hidden_folders();
  }

  void add_layer(const Layer& layer, std::size_t number) {
    const std::string target = layer.path == "/" ? m_stage.root : in_root(layer.path);
    switch (layer.kind) {
    case Layer::Kind::overlay:
      make_target(target, true);
      if (!mount_overlay(layer, layer.in_memory ? m_stage.store : m_disk.uppers(), number, target,
                         m_world.privileged))
        fail("cannot mount an overlay over the host's " + layer.path);
      return;
    case Layer::Kind::bind: {
      make_target(target, layer.is_folder);
      const int fd = copy_mounts(layer.path);
      if (fd < 0 || !make_read_only(fd) || !attach_mounts(fd, target))
        fail("cannot bind the host's " + layer.path);
      close(fd);
      return;
    }
    case Layer::Kind::folder:
      make_folder(target, layer.mode);
      return;
    case Layer::Kind::link:
      if (symlink(layer.link.c_str(), target.c_str()) != 0)
        fail("cannot make the link " + layer.path);
      return;
    }
  }

  void make_target(const std::string& path, bool is_folder) {
    umask(022);
    if (!(is_folder ? make_folders(path) : make_file(path)))
      fail("cannot make the mount point "
           + path.substr(path.rfind(m_stage.root, 0) == 0 ? m_stage.root.size() : 0));
    umask(0);
  }

  void add_kernel_folders() {
    for (const char* const folder : {"/proc", "/sys", "/dev"})
      make_target(in_root(folder), true);
    mount_new("proc", in_root("/proc"), MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
    bind(m_stage.sys, in_root("/sys"));
    bind(m_stage.dev, in_root("/dev"));
    mount_new("devpts", in_root("/dev/pts"), MS_NOSUID | MS_NOEXEC,
              m_world.privileged ? "newinstance,ptmxmode=0666,mode=0620,gid=5"
                                 : "newinstance,ptmxmode=0666,mode=0620");
    make_folder(m_stage.store + "/shm", 01777);
    bind(m_stage.store + "/shm", in_root("/dev/shm"));
    if (m_world.privileged)
      protect_proc();
  }

  // What a kernel lacks needs no protection.
  void protect_proc() {
    for (const std::string path : read_only_in_proc) {
      const std::string target = in_root(path);
      if (mount(target.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
        if (errno != ENOENT)
          fail("cannot protect " + path);
      } else if (mount(nullptr, target.c_str(), nullptr,
                       MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr)
                 != 0) {
        fail("cannot protect " + path);
      }
    }
    const std::string null = m_stage.dev + "/null";
    for (const std::string path : masked_in_proc) {
      if (mount(null.c_str(), in_root(path).c_str(), nullptr, MS_BIND, nullptr) != 0
          && errno != ENOENT)
        fail("cannot mask " + path);
    }
  }

  void add_fresh_folders() {
    make_folder(m_stage.store + "/run", 0755);
    make_folder(m_stage.store + "/run/lock", 01777);
    make_target(in_root("/run"), true);
    bind(m_stage.store + "/run", in_root("/run"));
    bind_unless_link(m_disk.tmp(), "/tmp");
    bind_unless_link(m_disk.var_tmp(), "/var/tmp");
    if (!m_world.root.resolver.empty()) {
      const std::string target = in_root(m_world.root.resolver);
      make_target(target, false);
      const int fd = copy_mounts(m_world.root.resolver);
      if (fd < 0 || !make_read_only(fd) || !attach_mounts(fd, target))
        fail("cannot bind the host's " + m_world.root.resolver);
      close(fd);
    }
  }

  // A link leads to another of the fresh folders.
  void bind_unless_link(const std::string& source, const std::string& folder) {
    struct stat facts{};
    if (lstat(in_root(folder).c_str(), &facts) == 0 && S_ISLNK(facts.st_mode))
      return;
    make_target(in_root(folder), true);
    bind(source, in_root(folder));
  }

  void add_hidden_folders() {
    for (const std::string& folder : m_world.root.hidden) {
      const std::string target = in_root(folder);
      if (access(target.c_str(), F_OK) == 0)
        bind(m_stage.empty, target);
    }
  }

  // Open an overlay over a folder, whose upper is in memory; -1 where that cannot be.
  int open_scratch(const std::string& folder, std::size_t number) {
    struct stat facts{};
    if (stat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))
      return -1;
    Layer layer;
    layer.path = folder;
    layer.mode = facts.st_mode & 07777;
    layer.uid = facts.st_uid;
    layer.gid = facts.st_gid;
    const std::string place = m_stage.store + "/scratch" + std::to_string(number);
    const std::string target = place + "/whole";
    if (!make_folders(target) || !mount_overlay(layer, place, 0, target, m_world.privileged))
      return -1;
    return copy_mounts(target);
  }

  // Sources are the host's, so they are opened before the root changes; targets are found after it,
  // so that links in them lead where the container's programs see them lead.
  std::vector<OpenMount> open_mounts() {
    std::vector<OpenMount> result;
    for (const Mount& mount : m_spec.mounts) {
      const int scratch = mount.scratch ? open_scratch(mount.source, result.size()) : -1;
      OpenMount open{.mount = &mount,
                     .fd = scratch >= 0 ? scratch : copy_mounts(mount.source),
                     .is_folder = true};
      struct stat facts{};
      if (open.fd < 0 || fstat(open.fd, &facts) != 0)
        fail("cannot open " + mount.source + ", to be mounted at " + mount.target);
      if ((mount.read_only || (mount.scratch && scratch < 0)) && !make_read_only(open.fd))
        fail("cannot make the mount of " + mount.source + " read-only");
      open.is_folder = S_ISDIR(facts.st_mode);
      result.push_back(open);
    }
    std::stable_sort(result.begin(), result.end(), [](const OpenMount& a, const OpenMount& b) {
      return depth_of(*a.mount) < depth_of(*b.mount);
    });
    return result;
  }

  void enter_root() {
    const int root = open(m_stage.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    // The working folder is the root of the mount namespace. In a chroot that is not the root
    // folder, and pivot_root(2) demands it.
    if (chroot(".") != 0)
      fail("cannot leave the chroot");
    if (fchdir(root) != 0 || !pivot_to_working_folder())
      fail("cannot change the root (pivot_root)");
    close(root);
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
      fail("cannot detach the host's root");
  }

  void attach(const OpenMount& mount) {
    const std::string& target = mount.mount->target;
    make_target(target, mount.is_folder);
    if (!attach_mounts(mount.fd, target))
      fail("cannot mount " + mount.mount->source + " at " + target);
    close(mount.fd);
  }

  [[noreturn]] void execute() {
    umask(022);
    if (m_spec.argv.empty())
      _exit(0);
    if (chdir(m_spec.cwd.c_str()) != 0)
      fail("cannot change to the working folder " + m_spec.cwd);
    int number = 0;
    for (const int fd : {m_spec.stdin_fd, m_spec.stdout_fd, m_spec.stderr_fd}) {
      if (dup2(fd >= 0 ? fd : m_world.null_fd, number++) < 0)
        fail("cannot set the standard streams");
    }
    close_on_exec_from(3);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execve(m_spec.argv[0].c_str(), pointers(m_spec.argv).data(), pointers(m_spec.env).data());
    fail("cannot execute " + m_spec.argv[0]);
  }

  const ContainerWorld& m_world;
  const Stage& m_stage;
  unsigned m_id;
  const ContainerSpec& m_spec;
  const DiskFolders& m_disk;
};

} // namespace

void become_container(const ContainerWorld& world, unsigned id, const DiskFolders& disk,
                      const ContainerSpec& spec) {
  Builder(world, id, disk, spec).run();
}

} // namespace taskgroup::host
