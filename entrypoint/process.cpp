// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/process.h"

#include "entrypoint/clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace taskgroup {

namespace {

constexpr std::string_view default_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The signals by which the kernel says that this program is broken: blocked, they would only hide
// it.
constexpr int kernel_signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};

// Close what was inherited beyond stderr: another container's pipe kept open here would never end.
void close_inherited() {
  if (syscall(SYS_close_range, 3U, std::numeric_limits<unsigned>::max(), 0U) == 0) {
    return;
  }
  const long limit = sysconf(_SC_OPEN_MAX); // a kernel before 5.9, or a seccomp filter
  for (int fd = 3; fd < limit; ++fd) {
    close(fd);
  }
}

std::optional<pid_t> pid_from(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  return error == std::errc() && end == text.data() + text.size() && pid > 0
             ? std::optional<pid_t>(pid)
             : std::nullopt;
}

// Return the parent of a process, from /proc/<pid>/stat: `1 (any name) S 0 …`.
std::optional<pid_t> parent_of(const char* pid) {
  const Fd stat(open((std::string("/proc/") + pid + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[512];
  const ssize_t size = stat ? read(stat.get(), buffer, sizeof buffer) : -1;
  if (size <= 0) {
    return std::nullopt;
  }
  const std::string_view text(buffer, static_cast<std::size_t>(size));
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 4 >= text.size()) {
    return std::nullopt;
  }
  const std::string_view rest = text.substr(name_end + 4);
  return pid_from(rest.substr(0, rest.find(' ')));
}

std::vector<pid_t> descendants() {
  std::vector<std::pair<pid_t, pid_t>> parents; // of all processes: pid, parent
  DIR* const proc = opendir("/proc");
  if (proc == nullptr) {
    return {};
  }
  while (const dirent* const entry = readdir(proc)) {
    const std::optional<pid_t> pid = pid_from(entry->d_name);
    const std::optional<pid_t> parent = pid ? parent_of(entry->d_name) : std::nullopt;
    if (parent) {
      parents.emplace_back(*pid, *parent);
    }
  }
  closedir(proc);
  std::vector<pid_t> family{getpid()};
  for (std::size_t i = 0; i < family.size(); ++i) {
    for (const auto& [pid, parent] : parents) {
      if (parent == family[i]) {
        family.push_back(pid);
      }
    }
  }
  family.erase(family.begin());
  return family;
}

std::string_view path_of(const std::vector<std::string>& env) {
  for (const std::string& variable : env) {
    if (variable.starts_with("PATH=")) {
      return std::string_view(variable).substr(5);
    }
  }
  return default_path;
}

// Find a program as a shell does, seen from the folder `directory`. Return a path, or why there is
// none.
tl::expected<std::string, SpawnError> find_program(const Command& command) {
  const std::string& name = command.argv.front();
  if (name.find('/') != std::string::npos) {
    return name;
  }
  const std::string_view path = path_of(command.env);
  const int directory = command.directory >= 0 ? command.directory : AT_FDCWD;
  int error = ENOENT;
  for (std::size_t begin = 0; !name.empty() && begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string_view folder = path.substr(begin, end - begin);
    std::string file = (folder.empty() ? "." : std::string(folder)) + "/" + name;
    struct stat status{};
    if (fstatat(directory, file.c_str(), &status, 0) == 0 && S_ISREG(status.st_mode)) {
      if (faccessat(directory, file.c_str(), X_OK, AT_EACCESS) == 0) {
        return file;
      }
      error = errno;
    }
    begin = end + 1;
  }
  if (error == ENOENT) {
    return tl::make_unexpected(
        SpawnError{127, "\"" + name + "\" is in no folder of PATH (" + std::string(path) + ")"});
  }
  return tl::make_unexpected(SpawnError{126, with_errno("cannot run \"" + name + "\"", error)});
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& text : strings) {
    result.push_back(const_cast<char*>(text.c_str())); // NOLINT(*-const-cast): exec writes nothing
  }
  result.push_back(nullptr);
  return result;
}

} // namespace

std::string with_errno(std::string what, int error) {
  const char* const name = strerrorname_np(error);
  what += ": ";
  what += strerrordesc_np(error) != nullptr ? strerrordesc_np(error) : "unknown error";
  what += " (" + (name != nullptr ? std::string(name) : std::to_string(error)) + ")";
  return what;
}

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

tl::expected<Init, std::string> Init::become() {
  sigset_t blocked;
  sigfillset(&blocked);
  for (const int signal : kernel_signals) {
    sigdelset(&blocked, signal);
  }
  sigprocmask(SIG_SETMASK, &blocked, nullptr);
  for (int number = 1; number < NSIG; ++number) {
    signal(number, SIG_DFL); // whoever started us may have ignored some, and exec hands that on
  }
  close_inherited();
  if (getpid() != 1) {
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  }
  Fd signals(signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) {
    return tl::make_unexpected(with_errno("cannot make a signalfd", errno));
  }
  return Init(std::move(signals));
}

tl::expected<void, SpawnError> Init::start(const Command& command) {
  const auto program = find_program(command);
  if (!program) {
    return tl::make_unexpected(program.error());
  }
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  std::memset(&all, 0xff,
              sizeof all); // sigfillset() leaves out two, which posix_spawn then ignores
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (command.directory >= 0) {
    posix_spawn_file_actions_addfchdir_np(&actions, command.directory);
  }
  if (command.kept >= 0) {
    posix_spawn_file_actions_adddup2(&actions, command.kept, command.kept); // clears FD_CLOEXEC
  }
  for (const auto& [from, to] :
       {std::pair(command.out, STDOUT_FILENO), std::pair(command.err, STDERR_FILENO)}) {
    if (from >= 0) {
      posix_spawn_file_actions_adddup2(&actions, from, to);
    }
  }
  pid_t child = -1;
  const std::vector<char*> argv = pointers(command.argv);
  const std::vector<char*> env = pointers(command.env);
  const int error =
      posix_spawn(&child, program->c_str(), &actions, &attributes, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) {
    m_child = child;
    return {};
  }
  std::string what = "cannot run \"" + *program + "\"";
  if (error == ENOENT
      && faccessat(command.directory >= 0 ? command.directory : AT_FDCWD, program->c_str(), F_OK, 0)
             == 0) {
    what += " (its interpreter is not there)";
  }
  if (error == ENOEXEC) {
    what += " (a script needs a first line such as #!/bin/sh)";
  }
  return tl::make_unexpected(SpawnError{error == ENOENT ? 127 : 126, with_errno(what, error)});
}

std::optional<int> Init::reap() {
  std::optional<int> code;
  int status = 0;
  for (pid_t ended = 0; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (ended == m_child) {
      code = exit_code_of(status);
      m_child = -1;
    } else {
      m_others.emplace_back(ended, exit_code_of(status));
    }
  }
  return code;
}

void Init::signal_all(int number) {
  if (getpid() == 1) {
    kill(-1, number);
    return;
  }
  for (const pid_t pid : descendants()) {
    kill(pid, number);
  }
}

std::optional<int> Init::kill_all(bool& left) {
  std::optional<int> code;
  const Millis deadline = monotonic_now() + Millis(2000);
  for (;;) {
    const std::optional<int> reaped = reap();
    code = code ? code : reaped;
    left = waitid(P_ALL, 0, nullptr, WEXITED | WNOHANG | WNOWAIT) == 0;
    const Millis wait_time = deadline - monotonic_now();
    if (!left || wait_time <= Millis(0)) {
      return code;
    }
    signal_all(SIGKILL);
    // Each death tells; those that were not yet ours when the list was made are met next time.
    pollfd wait{signals(), POLLIN, 0};
    poll(&wait, 1, static_cast<int>(wait_time.count()));
    drain();
  }
}

bool Init::drain() const {
  bool end = false;
  signalfd_siginfo info{};
  while (read(signals(), &info, sizeof info) > 0) {
    end = end || info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
  }
  return end;
}

} // namespace taskgroup
