// SPDX-License-Identifier: Apache-2.0
#include "cli/host/supervisor.h"

#include "cli/host/container.h"
#include "cli/host/files.h"
#include "cli/host/protocol.h"
#include "cli/host/stage.h"
#include "cli/host/system.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <string_view>
#include <vector>

namespace taskgroup::host {

namespace {

struct Device {
  const char* name;
  unsigned major;
  unsigned minor;
};
constexpr std::array devices{Device{"null", 1, 3},   Device{"zero", 1, 5},    Device{"full", 1, 7},
                             Device{"random", 1, 8}, Device{"urandom", 1, 9}, Device{"tty", 5, 0}};

struct Link {
  const char* name;
  const char* target;
};
constexpr std::array device_links{Link{"fd", "/proc/self/fd"}, Link{"stdin", "/proc/self/fd/0"},
                                  Link{"stdout", "/proc/self/fd/1"},
                                  Link{"stderr", "/proc/self/fd/2"}, Link{"ptmx", "pts/ptmx"}};

constexpr unsigned survey_id = 0; // container 0 is built to see that it can be

class Supervisor {
public:
  explicit Supervisor(const SupervisorOptions& options)
      : m_options(options),
        m_world{.stage = Stage(options.temporary_folder),
                .root = {},
                .privileged = options.privileged} {}

  [[noreturn]] void run() {
    detach_from_caller();
    map_users();
    die_with_caller();
    separate_mounts();
    make_stage();
    make_dev();
    make_sys();
    if (access("/proc/self", F_OK) != 0
        && mount("proc", m_world.stage.proc.c_str(), "proc", 0, nullptr) != 0)
      fail("cannot mount a new proc");
    survey();
    try_container();
    for (const std::string& notice : m_world.root.notices)
      send_event({.kind = EventHead::Kind::notice}, notice);
    send_event({.kind = EventHead::Kind::ready}, {});
    serve();
  }

private:
  [[noreturn]] void fail(const std::string& what, int error = errno) {
    const bool is_forbidden =
        error == EPERM || error == EACCES || error == ENOSYS || error == ENODEV || error == EINVAL;
    fail_as(is_forbidden ? EventHead::Kind::prerequisite : EventHead::Kind::internal,
            what + ": " + std::strerror(error));
  }

  [[noreturn]] void fail_as(EventHead::Kind kind, const std::string& text) {
    send_event({.kind = kind}, text);
    _exit(1);
  }

  // --- Getting there
  // ------------------------------------------------------------------------------

  // By the system call: signal(3) refuses the two that glibc uses itself, 32 and 33, and a caller
  // may have handed those on as ignored (some versions of make and ctest do).
  static void reset_signals() {
    struct {
      void (*handler)(int) = SIG_DFL;
      unsigned long flags = 0;
      void (*restorer)() = nullptr;
      std::uint64_t mask = 0;
    } const action;
    for (int signal = 1; signal <= SIGRTMAX; ++signal)
      syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
  }

  void detach_from_caller() {
    reset_signals();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, nullptr);
    setsid();
    // First out of the way of 0 to 4, where they will be.
    m_options.requests = fcntl(m_options.requests, F_DUPFD_CLOEXEC, 10);
    m_options.events = fcntl(m_options.events, F_DUPFD_CLOEXEC, 10);
    const int null = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, 10);
    if (null < 0)
      fail("cannot open /dev/null");
    for (int fd = 0; fd < 3; ++fd)
      dup2(null, fd);
    m_options.requests = dup3(m_options.requests, 3, O_CLOEXEC);
    m_options.events = dup3(m_options.events, 4, O_CLOEXEC);
    close_from(5);
    m_world.null_fd = 0;
    std::array<int, 2> failures{};
    if (pipe2(failures.data(), O_CLOEXEC) != 0 || fcntl(failures[0], F_SETFL, O_NONBLOCK) != 0)
      fail("cannot make a pipe");
    m_failures = failures[0];
    m_world.failures_fd = failures[1];
    m_signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (m_signals < 0)
      fail("cannot make a signalfd");
  }

  void map_users() {
    if (!m_options.user_namespace)
      return;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); // else /proc/self belongs to root
    if (!write_whole("/proc/self/setgroups", "deny")
        || !write_whole("/proc/self/uid_map", "0 " + std::to_string(m_options.uid) + " 1")
        || !write_whole("/proc/self/gid_map", "0 " + std::to_string(m_options.gid) + " 1"))
      fail("cannot map the user into a user namespace");
  }

  // Only the death of the caller itself counts; if it died already, its sockets' end says so.
  void die_with_caller() {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
      fail("cannot tie the supervisor to its caller");
  }

  // In a chroot, "/" is no mount whose propagation could be changed. So this goes up to the root of
  // the mount namespace, and stays there with the working folder: each container needs it once
  // more. (In a user namespace there is no chroot: the kernel refuses to make one there.)
  void separate_mounts() {
    const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || chdir("/") != 0 || chroot(m_options.temporary_folder.c_str()) != 0)
      fail("cannot leave the root folder");
    ascend();
    if (chroot(".") != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
      fail("cannot separate the mounts from the host's");
    const int top = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fchdir(root) != 0 || chroot(".") != 0 || fchdir(top) != 0)
      fail("cannot use chroot");
    close(top);
    close(root);
  }

  // Until ".." leads nowhere else.
  static void ascend() {
    for (;;) {
      struct statx here{};
      struct statx above{};
      if (statx(AT_FDCWD, ".", 0, STATX_INO | STATX_MNT_ID, &here) != 0
          || statx(AT_FDCWD, "..", 0, STATX_INO | STATX_MNT_ID, &above) != 0
          || (here.stx_ino == above.stx_ino && here.stx_mnt_id == above.stx_mnt_id)
          || chdir("..") != 0)
        return;
    }
  }

  void make_stage() {
    const Stage& stage = m_world.stage;
    umask(0);
    if (mkdir(stage.base.c_str(), 0700) != 0 || mkdir(stage.files.c_str(), 0711) != 0
        || mkdir(stage.mounts.c_str(), 0700) != 0)
      fail("cannot make folders in " + m_options.temporary_folder);
    if (mount("tmpfs", stage.mounts.c_str(), "tmpfs", MS_NOSUID, "mode=755") != 0)
      fail("cannot mount a tmpfs");
    for (const std::string& folder :
         {stage.root, stage.store, stage.proc, stage.dev, stage.sys, stage.empty}) {
      if (mkdir(folder.c_str(), 0755) != 0)
        fail("cannot make the folder " + folder);
    }
    if (mount(stage.empty.c_str(), stage.empty.c_str(), nullptr, MS_BIND, nullptr) != 0
        || !make_tree_read_only(stage.empty))
      fail("cannot make an empty folder");
  }

  static bool make_tree_read_only(const std::string& path) {
    const int fd = open(path.c_str(), O_PATH | O_CLOEXEC);
    const bool done = fd >= 0 && make_read_only(fd);
    const int error = errno;
    if (fd >= 0)
      close(fd);
    errno = error;
    return done;
  }

  void make_dev() {
    const std::string& dev = m_world.stage.dev;
    if (mount("tmpfs", dev.c_str(), "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") != 0)
      fail("cannot mount a tmpfs");
    for (const Device& device : devices)
      make_device(device);
    for (const Link& link : device_links)
      if (symlink(link.target, (dev + "/" + link.name).c_str()) != 0)
        fail(std::string("cannot make the link /dev/") + link.name);
    for (const char* const folder : {"/pts", "/shm"})
      if (mkdir((dev + folder).c_str(), 0755) != 0)
        fail(std::string("cannot make the folder /dev") + folder);
    if (!make_tree_read_only(dev))
      fail("cannot make /dev read-only");
  }

  void make_device(const Device& device) {
    const std::string target = m_world.stage.dev + "/" + device.name;
    if (m_world.privileged
        && mknod(target.c_str(), S_IFCHR | 0666, makedev(device.major, device.minor)) == 0)
      return;
    const std::string source = std::string("/dev/") + device.name;
    if (!make_file(target) || mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0)
      fail("cannot bind " + source);
  }

  void make_sys() {
    const std::string& sys = m_world.stage.sys;
    if (access("/sys", F_OK) == 0
        && (mount("/sys", sys.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0
            || !make_tree_read_only(sys)))
      fail("cannot bind /sys");
  }

  void survey() {
    auto root = survey_host(m_world.stage, m_options.temporary_folder, m_world.privileged);
    if (!root)
      fail("cannot mount a tmpfs", root.error());
    m_world.root = std::move(*root);
  }

  void try_container() {
    const DiskFolders disk = take_folders();
    const pid_t pid = clone_process(CLONE_NEWPID | CLONE_NEWNS, nullptr);
    if (pid < 0)
      fail("cannot clone a process into new pid and mount namespaces");
    if (pid == 0)
      become_container(m_world, survey_id, disk, ContainerSpec{});
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0)
      fail_as(EventHead::Kind::prerequisite, take_failure(survey_id).value_or("it ended early"));
    give_back(disk);
  }

  // --- Serving
  // ------------------------------------------------------------------------------------

  [[noreturn]] void serve() {
    for (;;) {
      const short events = m_unsent.empty() ? short{0} : short{POLLOUT};
      std::array<pollfd, 4> polled{pollfd{m_options.requests, POLLIN, 0},
                                   pollfd{m_options.events, events, 0},
                                   pollfd{m_signals, POLLIN, 0}, pollfd{m_failures, POLLIN, 0}};
      if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR)
        _exit(1);
      if ((polled[1].revents & (POLLHUP | POLLERR)) != 0)
        _exit(0);
      if (polled[3].revents != 0)
        read_failures();
      if (polled[2].revents != 0)
        reap();
      flush();
      if (polled[0].revents != 0)
        take_request();
    }
  }

  void take_request() {
    RequestHead head;
    ContainerSpec streams;
    if (!receive_head(m_options.requests, head, streams))
      _exit(0);
    std::string bytes(head.size, '\0');
    if (!receive_all(m_options.requests, bytes.data(), bytes.size()))
      _exit(0);
    if (head.kind == RequestHead::Kind::start)
      start(head.id, bytes, streams);
    else
      kill(head.id);
    for (const int fd : {streams.stdin_fd, streams.stdout_fd, streams.stderr_fd})
      if (fd >= 0)
        close(fd);
    const char answer = '.';
    if (!send_all(m_options.requests, &answer, 1))
      _exit(0);
  }

  void start(unsigned id, std::string_view bytes, const ContainerSpec& streams) {
    std::optional<ContainerSpec> spec = decode(bytes);
    if (!spec)
      return post_exit(id, 0, "the request is not well-formed");
    spec->stdin_fd = streams.stdin_fd;
    spec->stdout_fd = streams.stdout_fd;
    spec->stderr_fd = streams.stderr_fd;
    const DiskFolders disk = spec->isolated ? take_folders() : DiskFolders{};
    const pid_t pid = clone_process(spec->isolated ? CLONE_NEWPID | CLONE_NEWNS : 0, nullptr);
    if (pid < 0)
      return post_exit(id, 0, std::string("cannot clone a process: ") + std::strerror(errno));
    if (pid == 0)
      become_container(m_world, id, disk, *spec);
    m_containers[pid] = {id, disk};
  }

  void kill(unsigned id) {
    for (const auto& [pid, container] : m_containers)
      if (container.id == id)
        ::kill(pid, SIGKILL);
  }

  void reap() {
    signalfd_siginfo info{};
    while (read(m_signals, &info, sizeof info) > 0) {
    }
    int status = 0;
    while (const pid_t pid = waitpid(-1, &status, WNOHANG)) {
      if (pid < 0)
        return;
      const auto found = m_containers.find(pid);
      if (found == m_containers.end())
        continue; // an orphan of a program that is not isolated, or a cleaner
      const Container container = std::move(found->second);
      m_containers.erase(found);
      post_exit(container.id, status, take_failure(container.id).value_or(""));
      if (!m_options.keep && !container.disk.base.empty())
        give_back(container.disk);
    }
  }

  // A container writes its failure before it ends, so it is in the pipe when the end is seen.
  std::optional<std::string> take_failure(unsigned id) {
    read_failures();
    const auto found = m_read_failures.find(id);
    if (found == m_read_failures.end())
      return std::nullopt;
    std::string text = std::move(found->second);
    m_read_failures.erase(found);
    return text;
  }

  void read_failures() {
    Failure failure;
    while (read(m_failures, &failure, sizeof failure) == static_cast<ssize_t>(sizeof failure))
      m_read_failures[failure.id] = failure.text.data();
  }

  DiskFolders take_folders() {
    if (m_clean.empty())
      return {.base = m_world.stage.files + "/" + std::to_string(m_next_folder++), .are_new = true};
    DiskFolders disk = std::move(m_clean.back());
    m_clean.pop_back();
    return disk;
  }

  // Mostly nothing is left in the folders; else a process of its own takes the time it takes.
  void give_back(const DiskFolders& disk) {
    if (is_clean(disk.tmp()) && is_clean(disk.var_tmp()) && !m_world.root.needs_disk) {
      m_clean.push_back({.base = disk.base, .are_new = false});
    } else if (clone_process(0, nullptr) == 0) {
      remove_tree(disk.tmp());
      remove_tree(disk.var_tmp());
      remove_tree(disk.uppers());
      _exit(0);
    }
  }

  // As a new one is.
  static bool is_clean(const std::string& path) {
    struct stat facts{};
    return lstat(path.c_str(), &facts) == 0 && facts.st_mode == (S_IFDIR | 01777U)
           && facts.st_uid == geteuid() && facts.st_gid == getegid() && is_empty_folder(path)
           && listxattr(path.c_str(), nullptr, 0) <= 0;
  }

  void post_exit(unsigned id, int status, const std::string& error) {
    send_event({.kind = EventHead::Kind::exited, .id = id, .status = status}, error);
  }

  void send_event(const EventHead& head, const std::string& text) {
    std::string datagram(reinterpret_cast<const char*>(&head), sizeof head);
    datagram += text.substr(0, max_event - sizeof head);
    m_unsent.push_back(std::move(datagram));
    flush();
  }

  // Never blocks: the caller may be waiting for an answer meanwhile.
  void flush() {
    while (!m_unsent.empty()
           && send(m_options.events, m_unsent.front().data(), m_unsent.front().size(),
                   MSG_DONTWAIT | MSG_NOSIGNAL)
                  >= 0)
      m_unsent.pop_front();
  }

  SupervisorOptions m_options;
  ContainerWorld m_world;
  int m_signals = -1;
  int m_failures = -1;
  struct Container {
    unsigned id = 0;
    DiskFolders disk;
  };

  std::map<pid_t, Container> m_containers;
  std::vector<DiskFolders> m_clean;
  unsigned m_next_folder = 0;
  std::map<unsigned, std::string> m_read_failures;
  std::deque<std::string> m_unsent;
};

} // namespace

void supervise(const SupervisorOptions& options) { Supervisor(options).run(); }

} // namespace taskgroup::host
