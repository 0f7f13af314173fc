// SPDX-License-Identifier: Apache-2.0
#include "cli/containers/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace taskgroup::containers {

namespace {

// Becomes the program, or says through `failure_fd` why it cannot. Never returns.
[[noreturn]] void become(const ChildOptions& options, int out, int err, pid_t caller,
                         int failure_fd) {
  setsid();
  if (options.ends_with_caller) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != caller) {
      _exit(127); // it has just ended
    }
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<char*> argv;
  for (const std::string& word : options.argv) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  if (const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC); nothing >= 0) {
    dup2(nothing, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execvp(argv[0], argv.data());
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t told = write(failure_fd, &error, sizeof error);
  _exit(127);
}

std::string content_of(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t size = 0;
  while (fd >= 0
         && (size = pread(fd, buffer, sizeof buffer, static_cast<off_t>(text.size()))) > 0) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  return text;
}

void close_if_open(int fd) {
  if (fd >= 0) {
    close(fd);
  }
}

} // namespace

tl::expected<Child, std::string> Child::start(const ChildOptions& options) {
  const auto failed = [&](int error) {
    return tl::make_unexpected("cannot run " + options.argv.front() + ": " + std::strerror(error));
  };
  Child child;
  if (options.stdout_fd < 0) {
    child.m_stdout = memfd_create("stdout", MFD_CLOEXEC);
  }
  if (options.stderr_fd < 0) {
    child.m_stderr = memfd_create("stderr", MFD_CLOEXEC);
  }
  const int out = options.stdout_fd < 0 ? child.m_stdout : options.stdout_fd;
  const int err = options.stderr_fd < 0 ? child.m_stderr : options.stderr_fd;
  int failure[2];
  if (out < 0 || err < 0 || pipe2(failure, O_CLOEXEC) != 0) {
    return failed(errno);
  }
  const pid_t caller = getpid();
  child.m_pid = fork();
  if (child.m_pid == 0) {
    become(options, out, err, caller, failure[1]);
  }
  const int fork_error = errno;
  close(failure[1]);
  int error = 0;
  const bool told = child.m_pid > 0 && read(failure[0], &error, sizeof error) == sizeof error;
  close(failure[0]);
  if (child.m_pid < 0 || told) {
    return failed(told ? error : fork_error); // the child, if there is one, is reaped on the way
  }
  child.m_pidfd = static_cast<int>(syscall(SYS_pidfd_open, child.m_pid, 0));
  if (child.m_pidfd < 0) {
    return failed(errno);
  }
  return child;
}

Child::Child(Child&& other) noexcept { swap(other); }

Child& Child::operator=(Child&& other) noexcept {
  Child(std::move(other)).swap(*this);
  return *this;
}

void Child::swap(Child& other) noexcept {
  std::swap(m_pid, other.m_pid);
  std::swap(m_pidfd, other.m_pidfd);
  std::swap(m_stdout, other.m_stdout);
  std::swap(m_stderr, other.m_stderr);
  std::swap(m_code, other.m_code);
}

Child::~Child() {
  if (m_pid > 0 && !m_code) {
    ::kill(m_pid, SIGKILL);
    while (waitpid(m_pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  close_if_open(m_pidfd);
  close_if_open(m_stdout);
  close_if_open(m_stderr);
}

std::optional<int> Child::exit_code() {
  int status = 0;
  if (!m_code && waitpid(m_pid, &status, WNOHANG) == m_pid) {
    m_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return m_code;
}

std::optional<int> Child::wait(std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + limit;
  while (!exit_code()) {
    int left = -1;
    if (limit.count() >= 0) {
      const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      if (rest.count() <= 0) {
        break;
      }
      left = static_cast<int>(rest.count());
    }
    pollfd ended{m_pidfd, POLLIN, 0};
    poll(&ended, 1, left);
  }
  return m_code;
}

void Child::kill(int signal) const {
  if (!m_code) {
    ::kill(m_pid, signal);
  }
}

std::string Child::output() const { return content_of(m_stdout); }
std::string Child::errors() const { return content_of(m_stderr); }

tl::expected<Finished, std::string> run_to_end(const std::vector<std::string>& argv,
                                               std::chrono::milliseconds limit) {
  auto child = Child::start({argv});
  if (!child) {
    return tl::make_unexpected(child.error());
  }
  const std::optional<int> code = child->wait(limit);
  if (!code) {
    return tl::make_unexpected(argv.front() + " does not answer within "
                               + std::to_string(limit.count()) + " ms");
  }
  return Finished{*code, child->output(), child->errors()};
}

} // namespace taskgroup::containers
