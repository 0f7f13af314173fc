// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/caretaker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

namespace taskgroup {

namespace {

constexpr Millis try_again{200}; // what is not ready yet

// Return a connection to an address, IPv4 or IPv6.
Fd connect_to(const std::string& host, int port) {
  sockaddr_in ipv4{};
  sockaddr_in6 ipv6{};
  const auto number = htons(static_cast<std::uint16_t>(port));
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = number;
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = number;
  const bool is_ipv4 = inet_pton(AF_INET, host.c_str(), &ipv4.sin_addr) == 1;
  if (!is_ipv4 && inet_pton(AF_INET6, host.c_str(), &ipv6.sin6_addr) != 1) {
    return Fd();
  }
  Fd connection(socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* const address =
      is_ipv4 ? reinterpret_cast<const sockaddr*>(&ipv4) : reinterpret_cast<const sockaddr*>(&ipv6);
  const bool connected =
      connection && connect(connection.get(), address, is_ipv4 ? sizeof ipv4 : sizeof ipv6) == 0;
  return connected ? std::move(connection) : Fd();
}

Fd connect_to(const PlanHandler& handler) {
  if (!handler.host.empty()) {
    return connect_to(handler.host, handler.port);
  }
  Fd connection = connect_to("127.0.0.1", handler.port);
  return connection ? std::move(connection) : connect_to("::1", handler.port);
}

// Send a GET request and return the status of the answer; 0 if there is none.
int status_of(const PlanHandler& handler) {
  const Fd connection = connect_to(handler);
  if (!connection) {
    return 0;
  }
  const bool is_ipv6 = handler.host.find(':') != std::string::npos;
  const std::string host = handler.host.empty() ? "localhost"
                           : is_ipv6            ? "[" + handler.host + "]"
                                                : handler.host;
  std::string request = "GET " + handler.path + " HTTP/1.1\r\n";
  const auto is_host = [](const std::string& header) {
    return header.size() > 5 && strncasecmp(header.c_str(), "host:", 5) == 0;
  };
  if (std::none_of(handler.headers.begin(), handler.headers.end(), is_host)) {
    request += "Host: " + host + ":" + std::to_string(handler.port) + "\r\n";
  }
  request += "User-Agent: kube-probe/1\r\nAccept: */*\r\nConnection: close\r\n";
  for (const std::string& header : handler.headers) {
    request += header + "\r\n";
  }
  request += "\r\n";
  if (send(connection.get(), request.data(), request.size(), MSG_NOSIGNAL)
      != static_cast<ssize_t>(request.size())) {
    return 0;
  }
  char answer[12]; // HTTP/1.1 200
  std::size_t size = 0;
  while (size < sizeof answer) {
    const ssize_t more = recv(connection.get(), answer + size, sizeof answer - size, 0);
    if (more <= 0) {
      return 0;
    }
    size += static_cast<std::size_t>(more);
  }
  const std::string_view text(answer, sizeof answer);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!text.starts_with("HTTP/1.") || !std::all_of(text.begin() + 9, text.end(), is_digit)) {
    return 0;
  }
  return (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
}

// In the child: do it, and return the exit code.
int try_it(const PlanHandler& handler, bool any_status) {
  switch (handler.kind) {
  case PlanHandler::Kind::exec:
    break; // has been executed
  case PlanHandler::Kind::http_get: {
    const int status = status_of(handler);
    return status != 0 && (any_status || (status >= 200 && status < 400)) ? 0 : 1;
  }
  case PlanHandler::Kind::tcp_socket:
    return connect_to(handler) ? 0 : 1;
  case PlanHandler::Kind::sleep: {
    const timespec time{handler.duration.count() / 1000, handler.duration.count() % 1000 * 1000000};
    nanosleep(&time, nullptr);
    return 0;
  }
  }
  return 1;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& text : strings) {
    result.push_back(const_cast<char*>(text.c_str())); // NOLINT(*-const-cast): exec writes nothing
  }
  result.push_back(nullptr);
  return result;
}

} // namespace

Caretaker::Caretaker(PlanCare care, CareSurroundings surroundings)
    : m_care(std::move(care)), m_surroundings(std::move(surroundings)) {
  m_startup.probe = m_care.startup;
  m_startup.name = "startup";
  m_startup.until = Until::first_success;
  m_readiness.probe = m_care.readiness;
  m_readiness.name = "readiness";
  m_readiness.until = Until::first_success;
  m_liveness.probe = m_care.liveness;
  m_liveness.name = "liveness";
}

void Caretaker::started(Millis now) {
  m_started = now;
  if (!m_care.post_start) {
    begin_probes(now);
    return;
  }
  m_post_start = launch(*m_care.post_start, true);
  if (m_post_start == 0) {
    fail("its postStart hook could not be started", std::nullopt);
  }
}

void Caretaker::begin_probes(Millis now) {
  if (m_startup.probe) {
    begin(m_startup, now);
  } else {
    begin_steady_probes(now);
  }
}

void Caretaker::begin_steady_probes(Millis now) {
  if (m_readiness.probe) {
    begin(m_readiness, now);
  } else {
    m_ready = true;
  }
  if (m_liveness.probe) {
    begin(m_liveness, now);
  }
}

void Caretaker::begin(Probing& probing, Millis now) const {
  probing.active = true;
  probing.next = std::max(now, m_started + probing.probe->initial_delay);
  probing.count_from = probing.next;
}

void Caretaker::tick(Millis now) {
  for (Probing* const probing : {&m_startup, &m_readiness, &m_liveness}) {
    if (!probing->active) {
      continue;
    }
    if (probing->child > 0 && now >= probing->overdue) {
      kill(-probing->child, SIGKILL);
      kill(probing->child, SIGKILL); // it may not lead its group yet
      probing->overdue = Millis::max();
    } else if (probing->child == 0 && now >= probing->next) {
      probing->child = launch(probing->probe->handler, false);
      probing->overdue = now + probing->probe->timeout;
      if (probing->child == 0) {
        ended(*probing, false, now);
      }
    }
  }
}

std::optional<Millis> Caretaker::due() const {
  std::optional<Millis> first;
  for (const Probing* const probing : {&m_startup, &m_readiness, &m_liveness}) {
    if (probing->active) {
      const Millis at = probing->child > 0 ? probing->overdue : probing->next;
      first = std::min(first.value_or(at), at);
    }
  }
  return first;
}

void Caretaker::child_ended(pid_t pid, int code, Millis now) {
  if (pid == m_pre_stop) {
    m_pre_stop = 0;
  } else if (pid == m_post_start) {
    m_post_start = 0;
    if (code != 0) {
      fail("its postStart hook failed with code " + std::to_string(code), std::nullopt);
    } else if (!m_stopping) {
      begin_probes(now);
    }
  }
  for (Probing* const probing : {&m_startup, &m_readiness, &m_liveness}) {
    if (probing->child == pid) {
      probing->child = 0;
      if (probing->active) {
        ended(*probing, code == 0, now);
      }
    }
  }
}

void Caretaker::ended(Probing& probing, bool success, Millis now) {
  const PlanProbe& probe = *probing.probe;
  probing.next = now + probe.period;
  if (success) {
    probing.failures = 0;
    if (++probing.successes >= probe.success_threshold) {
      probing.active = probing.until == Until::stopped;
      succeeded(probing, now);
    }
    return;
  }
  probing.successes = 0;
  if (probing.until == Until::first_success) {
    probing.next = now + std::min(probe.period, try_again);
  }
  if (now >= probing.count_from) {
    probing.count_from = now + probe.period;
    ++probing.failures;
  }
  if (&probing != &m_readiness && probing.failures >= probe.failure_threshold) {
    fail("its " + std::string(probing.name) + " probe failed " + std::to_string(probing.failures)
             + (probing.failures == 1 ? " time" : " times"),
         probe.grace);
  }
}

void Caretaker::succeeded(const Probing& probing, Millis now) {
  if (&probing == &m_startup) {
    begin_steady_probes(now);
  } else if (&probing == &m_readiness) {
    m_ready = true;
  }
}

void Caretaker::fail(std::string why, const std::optional<Millis>& grace) {
  if (!m_stopping && !m_failure) {
    m_failure = std::move(why);
    m_failure_grace = grace.value_or(m_care.grace);
  }
}

bool Caretaker::begin_stop() {
  if (!m_stopping) {
    m_stopping = true;
    for (Probing* const probing : {&m_startup, &m_readiness, &m_liveness}) {
      probing->active = false;
    }
    if (m_care.pre_stop) {
      m_pre_stop = launch(*m_care.pre_stop, true);
    }
  }
  return m_pre_stop > 0;
}

bool Caretaker::take_ready() { return !m_stopping && std::exchange(m_ready, false); }

std::optional<std::string> Caretaker::take_failure(Millis& grace) {
  if (m_failure && !m_stopping) {
    grace = m_failure_grace;
    return std::exchange(m_failure, std::nullopt);
  }
  return std::nullopt;
}

pid_t Caretaker::launch(const PlanHandler& handler, bool any_status) const {
  const std::vector<char*> argv = pointers(handler.command);
  const std::vector<char*> env = pointers(m_surroundings.env);
  const pid_t child = fork();
  if (child != 0) {
    return std::max<pid_t>(child, 0);
  }
  setsid();
  if (handler.kind != PlanHandler::Kind::exec) {
    _exit(try_it(handler, any_status));
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (const int nothing = open("/dev/null", O_RDWR); nothing >= 0) { // nobody reads what it says
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
  }
  if (m_surroundings.directory && fchdir(m_surroundings.directory.get()) != 0) {
    _exit(126);
  }
  for (const std::string& variable : m_surroundings.env) {
    if (variable.starts_with("PATH=")) {
      setenv("PATH", variable.c_str() + 5, 1); // where execvpe() looks
    }
  }
  execvpe(argv.front(), argv.data(), env.data());
  _exit(127);
}

} // namespace taskgroup
