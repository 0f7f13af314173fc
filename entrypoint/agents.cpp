// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/agents.h"

#include "entrypoint/files.h"
#include "entrypoint/process.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace taskgroup {

namespace {

constexpr const char* lost_reason = "ContainerLost";

std::uint64_t listener_data(std::size_t index) { return 2 * index; }
std::uint64_t connection_data(std::size_t index) { return 2 * index + 1; }

} // namespace

Agents::Agents(const Plan& plan, std::string folder, int epoll, Millis grace)
    : m_plan(plan), m_folder(std::move(folder)), m_epoll(epoll), m_grace(grace) {
  for (const PlanTask& task : plan.tasks) {
    m_index.emplace_back(container_count(task));
  }
  for (const StepId id : container_order(plan)) {
    m_index[id.task][id.step] = m_containers.size();
    m_containers.emplace_back().id = id;
  }
}

std::optional<std::size_t> Agents::find(std::string_view container) const {
  for (std::size_t i = 0; i < m_containers.size(); ++i) {
    if (step_of(m_containers[i]).container == container) {
      return i;
    }
  }
  return std::nullopt;
}

tl::expected<void, std::string> Agents::open(std::size_t index) {
  Container& container = m_containers[index];
  if (container.listener || container.connection) {
    return {};
  }
  const std::string folder = m_folder + "/" + std::to_string(index);
  if (auto made = make_folders(folder, 0777); !made) {
    return made;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  container.path = folder + "/s";
  if (container.path.size() >= sizeof address.sun_path) {
    return tl::make_unexpected("the socket's path \"" + container.path
                               + "\" is longer than 107 bytes");
  }
  std::memcpy(address.sun_path, container.path.c_str(), container.path.size() + 1);
  unlink(container.path.c_str());
  container.listener = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  epoll_event wanted{EPOLLIN, {.u64 = listener_data(index)}};
  if (!container.listener
      || bind(container.listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address)
             != 0
      || chmod(container.path.c_str(), 0777) != 0 || listen(container.listener.get(), 1) != 0
      || epoll_ctl(m_epoll, EPOLL_CTL_ADD, container.listener.get(), &wanted) != 0) {
    const int error = errno;
    stop_listening(container);
    return tl::make_unexpected(with_errno("cannot open the socket \"" + folder + "/s\"", error));
  }
  return {};
}

void Agents::apply(const action::StartStep& action) {
  const std::size_t index = index_of(action.id);
  Container& container = m_containers[index];
  if (container.greeted) {
    send_start(index, action);
  } else {
    container.waiting = action;
  }
}

void Agents::apply(const action::StopStep& action) {
  const std::size_t index = index_of(action.id);
  Container& container = m_containers[index];
  if (container.waiting) {
    container.waiting.reset(); // never began: ended as if by the TERM it would have got
    m_events.emplace_back(event::StepExited{action.id, action.attempt, 128 + SIGTERM, {}, {}});
  } else if (container.phase == Phase::starting || container.phase == Phase::running) {
    const PlanSidecar* const sidecar = sidecar_of(container);
    send(index, wire::Stop{action.attempt, sidecar != nullptr ? sidecar->care.grace : m_grace});
  }
}

void Agents::apply(const action::ResetStep& action) {
  const std::size_t index = index_of(action.id);
  Container& container = m_containers[index];
  if (!container.greeted) {
    // Its step has never run: there is nothing of its own to empty.
    m_events.emplace_back(event::StepReset{action.id, action.attempt, {}});
    return;
  }
  container.phase = Phase::resetting;
  container.attempt = action.attempt;
  // Only steps mount all of what is the task's alone.
  const bool is_step = sidecar_of(container) == nullptr;
  send(index, wire::Reset{action.attempt,
                          is_step ? task_of(container).emptied : std::vector<std::string>()});
}

void Agents::apply(const action::ReleaseStep& action) {
  const std::size_t index = index_of(action.id);
  Container& container = m_containers[index];
  container.released = true;
  container.waiting.reset();
  if (container.greeted && !container.told) {
    container.told = true;
    send(index, wire::Done{});
  }
}

void Agents::lose(std::size_t index, std::string reason, std::string message) {
  Container& container = m_containers[index];
  if (container.lost || container.told) {
    return;
  }
  container.lost = true;
  container.released = true; // should its agent be there or come after all, it may end
  container.waiting.reset();
  if (container.greeted) {
    container.told = true;
    send(index, wire::Done{});
  }
  m_events.emplace_back(event::ContainerLost{container.id, std::move(reason), std::move(message)});
}

void Agents::handle(std::uint64_t data, std::uint32_t events) {
  const std::size_t index = data / 2;
  if (data == listener_data(index)) {
    accept(index);
    return;
  }
  if ((events & EPOLLOUT) != 0) {
    flush(index);
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && m_containers[index].connection) {
    receive(index);
  }
}

std::vector<Event> Agents::take_events() { return std::exchange(m_events, {}); }

bool Agents::all_told(bool absent) const {
  for (const Container& container : m_containers) {
    const bool connected = static_cast<bool>(container.connection);
    if (connected ? !container.told || !container.out.empty()
                  : absent && container.listener && !container.lost) {
      return false;
    }
  }
  return true;
}

void Agents::accept(std::size_t index) {
  Container& container = m_containers[index];
  Fd connection(accept4(container.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection) {
    return; // it has already gone again; the next one may come
  }
  stop_listening(container);
  container.connection = std::move(connection);
  container.watched = EPOLLIN;
  epoll_event wanted{container.watched, {.u64 = connection_data(index)}};
  epoll_ctl(m_epoll, EPOLL_CTL_ADD, container.connection.get(), &wanted);
}

void Agents::receive(std::size_t index) {
  static char buffer[65536];
  Container& container = m_containers[index];
  const auto end = [&](const std::string& why) {
    container.connection.reset();
    container.out.clear();
    container.greeted = false;
    lose(index, lost_reason,
         "the agent of container \"" + step_of(container).container + "\" " + why);
  };
  const ssize_t size = recv(container.connection.get(), buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (size <= 0) {
    end("is gone without an exit record");
    return;
  }
  container.lines.append({buffer, static_cast<std::size_t>(size)});
  while (const std::optional<std::string_view> line = container.lines.next()) {
    auto message = wire::decode_from_agent(*line);
    if (!message) {
      end("sent what is no message: " + message.error());
      return;
    }
    const char* const wrong =
        std::visit([&](auto& content) { return take(index, content); }, *message);
    if (wrong != nullptr) {
      end(wrong);
      return;
    }
  }
  if (container.lines.overflow()) {
    end("sent a message of more than 16 MiB");
  }
}

const char* Agents::take(std::size_t index, wire::Hello& message) {
  Container& container = m_containers[index];
  if (message.version != wire::version) {
    return "speaks another version of the protocol: agent and coordinator must be of one release";
  }
  if (container.greeted || message.container != step_of(container).container) {
    return "is not the one this socket is for";
  }
  container.greeted = true;
  if (container.released) {
    container.told = true;
    send(index, wire::Done{});
  } else if (container.waiting) {
    send_start(index, *std::exchange(container.waiting, std::nullopt));
  }
  return nullptr;
}

const char* Agents::take(std::size_t index, wire::Started& message) {
  Container& container = m_containers[index];
  if (container.phase != Phase::starting || message.attempt != container.attempt) {
    return "says that a step has started that it was not told to start";
  }
  container.phase = Phase::running;
  m_events.emplace_back(event::StepStarted{container.id, message.attempt});
  return nullptr;
}

const char* Agents::take(std::size_t index, wire::Paused& message) {
  Container& container = m_containers[index];
  const bool is_possible =
      container.phase == Phase::starting || (container.phase == Phase::running && !message.before);
  if (!is_possible || message.attempt != container.attempt || sidecar_of(container) != nullptr) {
    return "says that a breakpoint holds a step that does not run";
  }
  m_events.emplace_back(event::StepPaused{container.id, message.attempt, message.before,
                                          message.code, std::move(message.error)});
  return nullptr;
}

const char* Agents::take(std::size_t index, wire::Ready& message) {
  Container& container = m_containers[index];
  if (container.phase != Phase::running || message.attempt != container.attempt
      || sidecar_of(container) == nullptr) {
    return "says that a sidecar is ready that does not run";
  }
  m_events.emplace_back(event::SidecarReady{container.id, message.attempt});
  return nullptr;
}

const char* Agents::take(std::size_t index, wire::Exited& message) {
  Container& container = m_containers[index];
  if ((container.phase != Phase::starting && container.phase != Phase::running)
      || message.attempt != container.attempt) {
    return "says that a step has ended that does not run";
  }
  container.phase = Phase::idle;
  m_events.emplace_back(event::StepExited{container.id, message.attempt, message.code,
                                          std::move(message.error), std::move(message.results),
                                          message.out_of_memory, std::move(message.step_results),
                                          message.marked_failed});
  return nullptr;
}

const char* Agents::take(std::size_t index, wire::ResetDone& message) {
  Container& container = m_containers[index];
  if (container.phase != Phase::resetting || message.attempt != container.attempt) {
    return "answers what it was not asked";
  }
  container.phase = Phase::idle;
  m_events.emplace_back(event::StepReset{container.id, message.attempt, std::move(message.error)});
  return nullptr;
}

void Agents::send_start(std::size_t index, const action::StartStep& action) {
  Container& container = m_containers[index];
  const PlanStep& step = step_of(container);
  wire::Start start;
  start.attempt = action.attempt;
  start.step = step.name;
  start.index = action.id.step;
  start.carry_on = action.carries_on;
  start.working_dir = action.working_dir;
  start.script = action.script;
  start.values = action.values;
  if (const PlanSidecar* const sidecar = sidecar_of(container)) {
    start.care = to_json(sidecar->care);
  } else {
    for (const PlanResult& result : task_of(container).results) {
      start.results.push_back(result.name);
    }
  }
  for (const PlanResult& result : step.results) {
    start.step_results.push_back(result.name);
  }
  start.stdout_path = action.stdout_path;
  start.stderr_path = action.stderr_path;
  start.skipped = action.skipped;
  start.pause_before = step.pause_before;
  start.pause_on_failure = step.pause_on_failure;
  std::string line = wire::encode(start);
  if (line.size() > wire::max_message) {
    m_events.emplace_back(event::StepExited{
        action.id,
        action.attempt,
        1,
        "script and results that this step refers to have more than 16 MiB together; pass large "
        "data through a workspace",
        {}});
    return;
  }
  container.phase = Phase::starting;
  container.attempt = action.attempt;
  container.out += line;
  flush(index);
}

void Agents::send(std::size_t index, const wire::ToAgent& message) {
  m_containers[index].out += wire::encode(message);
  flush(index);
}

void Agents::flush(std::size_t index) {
  Container& container = m_containers[index];
  if (!container.connection) {
    return;
  }
  while (!container.out.empty()) {
    const ssize_t sent = ::send(container.connection.get(), container.out.data(),
                                container.out.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      container.out.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      container.out.clear(); // it is gone; the end of what it sent before says so
    }
  }
  const std::uint32_t watched = container.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  if (watched != std::exchange(container.watched, watched)) {
    epoll_event wanted{watched, {.u64 = connection_data(index)}};
    epoll_ctl(m_epoll, EPOLL_CTL_MOD, container.connection.get(), &wanted);
  }
}

void Agents::stop_listening(Container& container) {
  container.listener.reset();
  if (!container.path.empty()) {
    unlink(container.path.c_str());
    container.path.clear();
  }
}

} // namespace taskgroup
