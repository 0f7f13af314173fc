// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/test_support.h"

#include "entrypoint/files.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace taskgroup::testing {

namespace {

constexpr int patience_ms = 60'000;

// Wait until there is something to read, and read it. Empty at the end, or when patience is over.
std::string read_some(int fd) {
  pollfd ready{fd, POLLIN, 0};
  if (poll(&ready, 1, patience_ms) <= 0) {
    ADD_FAILURE() << "nothing came in a minute";
    return {};
  }
  std::array<char, 65536> buffer{};
  const ssize_t size = read(fd, buffer.data(), buffer.size());
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

std::string read_to_end(int fd) {
  std::string all;
  for (std::string some = read_some(fd); !some.empty(); some = read_some(fd)) {
    all += some;
  }
  return all;
}

std::pair<Fd, Fd> make_pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  EXPECT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

} // namespace

TemporaryFolder::TemporaryFolder() : m_path("/tmp/taskgroup-test-XXXXXX") {
  EXPECT_NE(mkdtemp(m_path.data()), nullptr);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(m_path, ignored);
}

std::optional<std::string> content_of(const std::string& path) {
  const auto content = read_file(path, std::size_t{1} << 30U);
  return content ? std::optional(*content) : std::nullopt;
}

std::string gzip(std::string_view text, int level, int strategy) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, 16 + MAX_WBITS, 9, strategy), Z_OK);
  std::string in(text);
  std::string out(2 * in.size() + 1000, '\0'); // deflateBound() may be too low with Z_FIXED
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void write_content(const std::string& path, std::string_view content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  EXPECT_TRUE(write_file(path, content, 0644));
}

bool is_alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  return std::getline(stat, line) && line.find(") Z ") == std::string::npos;
}

void wait_for_end(pid_t pid) {
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (process) {
    pollfd ended{process.get(), POLLIN, 0};
    EXPECT_EQ(poll(&ended, 1, patience_ms), 1) << "process " << pid << " does not end";
  }
}

Program::Program(std::vector<std::string> argv, std::vector<std::string> env) {
  auto [out, out_end] = make_pipe();
  auto [err, err_end] = make_pipe();
  for (char** variable = environ; *variable != nullptr; ++variable) {
    env.emplace_back(*variable);
  }
  const auto pointers = [](std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& text : strings) {
      result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err_end.get(), STDERR_FILENO);
  EXPECT_EQ(posix_spawn(&m_pid, argv.front().c_str(), &actions, nullptr, pointers(argv).data(),
                        pointers(env).data()),
            0)
      << argv.front();
  posix_spawn_file_actions_destroy(&actions);
  m_stdout = std::move(out);
  m_stderr = std::move(err);
}

Program::Program(Program&& other) noexcept
    : m_pid(std::exchange(other.m_pid, -1)),
      m_stdout(std::move(other.m_stdout)),
      m_stderr(std::move(other.m_stderr)),
      m_unread(std::move(other.m_unread)) {}

Program::~Program() {
  if (m_pid > 0) {
    kill(m_pid, SIGKILL);
    waitpid(m_pid, nullptr, 0);
  }
}

std::optional<std::string> Program::line() {
  for (;;) {
    const std::size_t end = m_unread.find('\n');
    if (end != std::string::npos) {
      std::string line = m_unread.substr(0, end);
      m_unread.erase(0, end + 1);
      return line;
    }
    const std::string some = read_some(m_stdout.get());
    if (some.empty()) {
      return std::nullopt;
    }
    m_unread += some;
  }
}

std::string Program::rest() { return std::exchange(m_unread, {}) + read_to_end(m_stdout.get()); }

std::string Program::errors() { return read_to_end(m_stderr.get()); }

void Program::signal(int number) const { EXPECT_EQ(kill(m_pid, number), 0); }

int Program::wait() {
  wait_for_end(m_pid);
  int status = 0;
  EXPECT_EQ(waitpid(m_pid, &status, 0), m_pid);
  m_pid = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string agent_program() { return TASKGROUP_AGENT; }

Fd listen_at(const std::string& path) {
  Fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  EXPECT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(listen(listener.get(), 1), 0);
  return listener;
}

Peer Peer::accept(const Fd& listener) {
  pollfd ready{listener.get(), POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, patience_ms), 1) << "nobody connects";
  return Peer(Fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
}

Peer Peer::connect(const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
      << path;
  return Peer(std::move(socket));
}

void Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      return; // the other end has had enough, which is what some tests are about
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::optional<std::string> Peer::line() {
  for (;;) {
    if (const auto line = m_lines.next()) {
      return std::string(*line);
    }
    const std::string some = read_some(m_socket.get());
    if (some.empty()) {
      return std::nullopt;
    }
    m_lines.append(some);
  }
}

} // namespace taskgroup::testing
