// SPDX-License-Identifier: Apache-2.0
#include "cli/host/sandbox.h"

#include "cli/host/prerequisites.h"
#include "cli/host/protocol.h"
#include "cli/host/supervisor.h"
#include "cli/host/system.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace taskgroup::host {

namespace {

struct Event {
  EventHead head;
  std::string text;
};

enum class Wait { yes, no };

// Nothing: no event is there, or, if waited for, the supervisor is gone.
std::optional<Event> receive_event(int fd, Wait wait) {
  std::array<char, max_event> buffer{};
  ssize_t size = 0;
  do {
    size = recv(fd, buffer.data(), buffer.size(), wait == Wait::yes ? 0 : MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < static_cast<ssize_t>(sizeof(EventHead)))
    return std::nullopt;
  Event event;
  std::memcpy(&event.head, buffer.data(), sizeof event.head);
  event.text.assign(buffer.data() + sizeof event.head,
                    static_cast<std::size_t>(size) - sizeof event.head);
  return event;
}

bool is_absolute(const std::string& path) { return !path.empty() && path[0] == '/'; }

std::string problem_of(const ContainerSpec& spec) {
  if (spec.argv.empty() || !is_absolute(spec.argv[0]))
    return "the program must be given by an absolute path";
  if (!is_absolute(spec.cwd))
    return "the working folder must be an absolute path, not '" + spec.cwd + "'";
  for (const Mount& mount : spec.mounts) {
    if (!is_absolute(mount.source))
      return "the source of a mount must be an absolute path, not '" + mount.source + "'";
    if (!is_absolute(mount.target) || mount.target == "/")
      return "the target of a mount must be an absolute path below /, not '" + mount.target + "'";
  }
  if (!spec.isolated && !spec.mounts.empty())
    return "a program that is not isolated cannot have mounts";
  return {};
}

void close_if_open(int& fd) {
  if (fd >= 0)
    close(std::exchange(fd, -1));
}

} // namespace

tl::expected<Sandbox, StartError> Sandbox::create(const SandboxOptions& options) {
  if (std::optional<std::string> obstacle = find_obstacle())
    return tl::make_unexpected(StartError{StartError::Kind::prerequisite, *obstacle});
  const auto internal = [](const std::string& what) {
    return tl::make_unexpected(
        StartError{StartError::Kind::internal, what + ": " + std::strerror(errno)});
  };
  std::array<int, 2> requests{};
  std::array<int, 2> events{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, requests.data()) != 0)
    return internal("cannot make a socket");
  Sandbox sandbox;
  sandbox.m_requests = requests[0];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, events.data()) != 0) {
    close(requests[1]);
    return internal("cannot make a socket");
  }
  sandbox.m_events = events[0];

  const bool user_namespace = geteuid() != 0;
  const SupervisorOptions supervisor{.temporary_folder = options.temporary_folder,
                                     .keep = options.keep,
                                     .user_namespace = user_namespace,
                                     .privileged = !user_namespace && is_in_first_user_namespace(),
                                     .uid = geteuid(),
                                     .gid = getegid(),
                                     .requests = requests[1],
                                     .events = events[1]};
  sandbox.m_supervisor = clone_process(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS
                                           | (user_namespace ? std::uint64_t{CLONE_NEWUSER} : 0),
                                       &sandbox.m_supervisor_fd);
  if (sandbox.m_supervisor == 0)
    supervise(supervisor);
  const int error = errno;
  close(requests[1]);
  close(events[1]);
  if (sandbox.m_supervisor < 0) {
    const std::string what =
        std::string("the kernel refuses new namespaces (clone3: ") + std::strerror(error) + ")";
    return tl::make_unexpected(explain_refusal(what));
  }
  while (std::optional<Event> event = receive_event(sandbox.m_events, Wait::yes)) {
    switch (event->head.kind) {
    case EventHead::Kind::notice:
      sandbox.m_notices.push_back(std::move(event->text));
      break;
    case EventHead::Kind::ready:
      return sandbox;
    case EventHead::Kind::prerequisite:
      return tl::make_unexpected(explain_refusal(event->text));
    case EventHead::Kind::internal:
      return tl::make_unexpected(StartError{StartError::Kind::internal, std::move(event->text)});
    case EventHead::Kind::exited:
      break;
    }
  }
  return tl::make_unexpected(
      StartError{StartError::Kind::internal, "the sandbox's supervisor ended before it was ready"});
}

Sandbox::Sandbox(Sandbox&& other) noexcept { swap(other); }

Sandbox& Sandbox::operator=(Sandbox&& other) noexcept {
  swap(other);
  return *this;
}

void Sandbox::swap(Sandbox& other) noexcept {
  std::swap(m_supervisor, other.m_supervisor);
  std::swap(m_supervisor_fd, other.m_supervisor_fd);
  std::swap(m_requests, other.m_requests);
  std::swap(m_events, other.m_events);
  std::swap(m_next_id, other.m_next_id);
  std::swap(m_running, other.m_running);
  std::swap(m_notices, other.m_notices);
}

Sandbox::~Sandbox() {
  kill_all();
  close_if_open(m_requests);
  close_if_open(m_events);
}

tl::expected<void, std::string> Sandbox::start(const ContainerSpec& spec) {
  const auto refuse = [&](const std::string& why) {
    return tl::make_unexpected("cannot start container '" + spec.name + "': " + why);
  };
  if (const std::string problem = problem_of(spec); !problem.empty())
    return refuse(problem);
  if (std::any_of(m_running.begin(), m_running.end(),
                  [&](const auto& running) { return running.second == spec.name; }))
    return refuse("one of this name is running");
  const std::string bytes = encode(spec);
  const RequestHead head{.kind = RequestHead::Kind::start,
                         .id = m_next_id,
                         .size = static_cast<std::uint32_t>(bytes.size())};
  char answer = 0;
  if (!alive() || !send_head(m_requests, head, spec)
      || !send_all(m_requests, bytes.data(), bytes.size()) || !receive_all(m_requests, &answer, 1))
    return refuse("the sandbox's supervisor is gone");
  m_running.emplace(m_next_id++, spec.name);
  return {};
}

void Sandbox::kill(std::string_view name) {
  for (const auto& [id, running] : m_running) {
    char answer = 0;
    if (running == name && alive()
        && send_head(m_requests, {.kind = RequestHead::Kind::kill, .id = id}, ContainerSpec{}))
      receive_all(m_requests, &answer, 1);
  }
}

std::vector<Exit> Sandbox::read_exits() {
  std::vector<Exit> exits;
  while (const std::optional<Event> event = receive_event(m_events, Wait::no)) {
    const auto found = m_running.find(event->head.id);
    if (event->head.kind != EventHead::Kind::exited || found == m_running.end())
      continue;
    exits.push_back({found->second, event->head.status, event->text});
    m_running.erase(found);
  }
  pollfd supervisor{m_supervisor_fd, POLLIN, 0};
  if (alive() && poll(&supervisor, 1, 0) > 0)
    kill_all();
  if (!alive()) {
    for (const auto& [id, name] : m_running)
      exits.push_back({name, SIGKILL, {}});
    m_running.clear();
  }
  return exits;
}

void Sandbox::kill_all() {
  if (!alive())
    return;
  // Its pid might be another process's by now, if somebody else has waited for it.
  syscall(SYS_pidfd_send_signal, m_supervisor_fd, SIGKILL, nullptr, 0);
  while (waitpid(m_supervisor, nullptr, 0) < 0 && errno == EINTR) {
  }
  close_if_open(m_supervisor_fd);
}

} // namespace taskgroup::host
