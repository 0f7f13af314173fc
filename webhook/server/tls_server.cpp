// SPDX-License-Identifier: Apache-2.0
#include "webhook/server/tls_server.h"

#include "webhook/server/tls_socket.h"
#include "webhook/server/workers.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace taskgroup {

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

constexpr std::uint64_t listener_id = 0;
constexpr std::uint64_t wake_id = 1;
constexpr std::uint64_t first_connection_id = 2;

// How long one connection may keep the thread before the next one has its turn.
constexpr int reads_at_once = 16;
constexpr int accepts_at_once = 64;

// The kernel's buffer of what a client sends, while nobody reads: its memory counts as the pod's.
constexpr int receive_buffer = 64 * 1024;

// How exactly deadlines are kept.
constexpr std::chrono::milliseconds tick{20};

enum class Phase { handshake, reading, working, answering, closing };

struct Connection {
  explicit Connection(int fd) : socket(fd) {}

  TlsSocket socket;
  std::optional<HttpReader> reader; // since the handshake
  Phase phase = Phase::handshake;
  Time deadline;
  Time since;             // of the phase; while reading, of the request's first byte
  bool has_asked = false; // a complete request, once
  bool close_after = false;
  std::uint32_t interest = 0; // epoll's
  std::size_t held = 0;       // bytes, of the server's total
  std::string answer;
  std::size_t sent = 0;

  // No byte of a request has come; idle: but one was answered before.
  bool is_waiting() const {
    return phase == Phase::reading && reader->state() == HttpReader::State::idle;
  }
  bool is_idle() const { return is_waiting() && has_asked; }

  // In what order connections give way to new ones; those in the pool never do, and are fewer.
  std::optional<int> rank() const {
    switch (phase) {
    case Phase::closing:
      return 0;
    case Phase::handshake:
      return 1;
    case Phase::reading:
      return !has_asked ? 1 : is_idle() ? 2 : 3;
    case Phase::answering:
      return 4;
    case Phase::working:
      break;
    }
    return std::nullopt;
  }
};

std::string_view phrase_of(int status) {
  switch (status) {
  case 200:
    return "OK";
  case 400:
    return "Bad Request";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 411:
    return "Length Required";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 417:
    return "Expectation Failed";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 503:
    return "Service Unavailable";
  case 505:
    return "HTTP Version Not Supported";
  default:
    return "Status";
  }
}

std::string text_of(const HttpAnswer& answer, bool close) {
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
  text += phrase_of(answer.status);
  text += "\r\nContent-Type: " + answer.content_type
          + "\r\nContent-Length: " + std::to_string(answer.body.size());
  if (answer.status == 405)
    text += "\r\nAllow: POST";
  if (answer.status == 503)
    text += "\r\nRetry-After: 1";
  text += close ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n";
  text += answer.body;
  return text;
}

HttpAnswer plain(int status, std::string_view why) {
  return {.status = status, .content_type = "text/plain", .body = std::string(why) + "\n"};
}

class EpollServer final : public TlsServer {
public:
  EpollServer(ServerSettings settings, HttpHandler handler, ServerObserver observer)
      : m_settings(settings),
        m_handler(std::move(handler)),
        m_observer(std::move(observer)),
        m_workers(std::in_place, settings.threads, settings.waiting_requests) {}

  ~EpollServer() override {
    {
      const std::scoped_lock lock(m_mutex);
      m_ends = true;
    }
    wake();
    if (m_thread.joinable())
      m_thread.join();
    m_workers.reset(); // they post into this object, which nobody reads any more
    m_connections.clear();
    for (const int fd : {m_listener, m_wake, m_epoll}) {
      if (fd >= 0)
        close(fd);
    }
  }

  EpollServer(const EpollServer&) = delete;
  EpollServer& operator=(const EpollServer&) = delete;

  // Errno, or 0.
  int listen_and_run() {
    raise_limit_of_files();
    m_epoll = epoll_create1(EPOLL_CLOEXEC);
    m_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m_epoll < 0 || m_wake < 0 || !(listen_on(AF_INET6) || listen_on(AF_INET)))
      return errno;
    watch(m_listener, listener_id, EPOLLIN);
    watch(m_wake, wake_id, EPOLLIN);
    m_thread = std::thread([this] { run(); });
    return 0;
  }

  int port() const override { return m_port; }

  void set_identity(TlsIdentity identity) override {
    const std::scoped_lock lock(m_mutex);
    m_identity = std::move(identity);
  }

  bool responds(std::chrono::milliseconds patience) override {
    std::unique_lock lock(m_mutex);
    const std::uint64_t asked = ++m_asked;
    wake();
    return m_changed.wait_for(lock, patience, [&] { return m_came_round >= asked; });
  }

  void drain() override { m_drains = true; }

  bool finish(std::chrono::milliseconds patience) override {
    m_drains = true;
    std::unique_lock lock(m_mutex);
    m_finishes = true;
    wake();
    return m_changed.wait_for(lock, patience, [this] { return m_is_finished; });
  }

private:
  using Connections = std::unordered_map<std::uint64_t, std::unique_ptr<Connection>>;

  // --- Setting up ---

  // A pod's soft limit may be 1,024; each connection takes a descriptor.
  void raise_limit_of_files() const {
    rlimit limit{};
    const rlim_t wanted = m_settings.connections + 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
      limit.rlim_cur = std::min(wanted, limit.rlim_max);
      setrlimit(RLIMIT_NOFILE, &limit);
    }
  }

  bool listen_on(int family) {
    if (m_listener >= 0)
      close(m_listener);
    m_listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (m_listener < 0)
      return false;
    const int on = 1;
    const int off = 0;
    setsockopt(m_listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Accepted sockets have it too.
    setsockopt(m_listener, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_storage address{};
    socklen_t size = 0;
    if (family == AF_INET6) {
      setsockopt(m_listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
      sockaddr_in6 all{};
      all.sin6_family = AF_INET6;
      all.sin6_addr = in6addr_any;
      all.sin6_port = htons(static_cast<std::uint16_t>(m_settings.port));
      size = sizeof all;
      std::memcpy(&address, &all, size);
    } else {
      sockaddr_in all{};
      all.sin_family = AF_INET;
      all.sin_port = htons(static_cast<std::uint16_t>(m_settings.port));
      size = sizeof all;
      std::memcpy(&address, &all, size);
    }
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    if (bind(m_listener, name, size) != 0 || listen(m_listener, SOMAXCONN) != 0)
      return false;
    getsockname(m_listener, name, &size);
    // The port is at the same place in both.
    sockaddr_in bound{};
    std::memcpy(&bound, &address, sizeof bound);
    m_port = ntohs(bound.sin_port);
    return true;
  }

  void watch(int fd, std::uint64_t id, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    epoll_ctl(m_epoll, EPOLL_CTL_ADD, fd, &event);
  }

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(m_wake, &one, sizeof one);
  }

  // --- The thread ---

  void run() {
    std::array<epoll_event, 128> events{};
    while (true) {
      const int count =
          epoll_wait(m_epoll, events.data(), static_cast<int>(events.size()), wait_ms());
      m_now = Clock::now();
      for (const auto& event :
           std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
        if (event.data.u64 == listener_id)
          accept_some();
        else if (event.data.u64 == wake_id)
          take_answers();
        else
          go_on(event.data.u64, event.events);
      }
      if (m_now >= m_next_check)
        check_deadlines();
      const std::scoped_lock lock(m_mutex);
      if (m_ends)
        return;
      if (std::exchange(m_came_round, m_asked) != m_asked)
        m_changed.notify_all();
      if (m_finishes && !m_is_finished)
        finish_some();
    }
  }

  int wait_ms() const {
    if (m_connections.empty() && m_listens)
      return -1;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(m_next_check - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count() + 1, 0, 60'000));
  }

  void accept_some() {
    for (int i = 0; i < accepts_at_once && m_listens; ++i) {
      if (m_connections.size() >= m_settings.connections && !make_room())
        return;
      const int fd = accept4(m_listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) {
        if ((errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            && make_room())
          continue;
        return;
      }
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::uint64_t id = m_next_id++;
      auto& connection = *m_connections.emplace(id, std::make_unique<Connection>(fd)).first->second;
      enter(connection, Phase::handshake, m_settings.handshake);
      connection.interest = EPOLLIN;
      watch(fd, id, EPOLLIN);
    }
  }

  // Close the connection that has waited longest for its client. False: there is none.
  bool make_room() {
    // Ids tell apart those that came at once.
    const auto order = [](Connections::iterator it) {
      return std::tuple(*it->second->rank(), it->second->since, it->first);
    };
    auto victim = m_connections.end();
    for (auto it = m_connections.begin(); it != m_connections.end(); ++it) {
      if (it->second->rank() && (victim == m_connections.end() || order(it) < order(victim)))
        victim = it;
    }
    if (victim == m_connections.end())
      return false;
    if (victim->second->phase != Phase::closing && !victim->second->is_idle())
      refused(Refusal::too_many);
    drop(victim);
    return true;
  }

  void check_deadlines() {
    m_next_check = m_now + std::chrono::hours(1);
    for (auto it = m_connections.begin(); it != m_connections.end();) {
      Connection& connection = *it->second;
      const auto next = std::next(it);
      if (connection.deadline <= m_now) {
        if (connection.phase == Phase::handshake)
          refused(Refusal::handshake_timeout);
        else if (connection.phase == Phase::answering)
          refused(Refusal::answer_timeout);
        else if (connection.phase == Phase::reading && !connection.is_idle())
          refused(Refusal::request_timeout);
        drop(it);
      } else if (connection.deadline != Time::max()) {
        m_next_check = std::min(m_next_check, connection.deadline);
      }
      it = next;
    }
    m_next_check = std::max(m_next_check, m_now + tick);
  }

  // With m_mutex held.
  void finish_some() {
    if (std::exchange(m_listens, false)) {
      epoll_ctl(m_epoll, EPOLL_CTL_DEL, m_listener, nullptr);
      close(std::exchange(m_listener, -1));
    }
    for (auto it = m_connections.begin(); it != m_connections.end();) {
      const auto next = std::next(it);
      if (it->second->is_waiting() || it->second->phase == Phase::handshake) {
        it->second->socket.end();
        drop(it);
      }
      it = next;
    }
    const bool busy =
        std::any_of(m_connections.begin(), m_connections.end(),
                    [](const auto& entry) { return entry.second->phase != Phase::closing; });
    if (!busy) {
      m_is_finished = true;
      m_changed.notify_all();
    }
  }

  // --- One connection ---

  void enter(Connection& connection, Phase phase, std::chrono::milliseconds patience) {
    connection.phase = phase;
    connection.since = m_now;
    connection.deadline = m_now + patience;
    m_next_check = std::min(m_next_check, connection.deadline);
  }

  void drop(Connections::iterator it) {
    m_held -= it->second->held;
    m_connections.erase(it); // closes, which ends epoll's interest too
  }

  void want(std::uint64_t id, Connection& connection, std::uint32_t events) const {
    if (connection.interest == events)
      return;
    connection.interest = events;
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    epoll_ctl(m_epoll, EPOLL_CTL_MOD, connection.socket.fd(), &event);
  }

  // Tell whether the connection has to wait, and let it; closes it where it cannot go on.
  bool waits(std::uint64_t id, Progress progress) {
    const auto it = m_connections.find(id);
    switch (progress) {
    case Progress::done:
      return false;
    case Progress::wants_readable:
      want(id, *it->second, EPOLLIN);
      return true;
    case Progress::wants_writable:
      want(id, *it->second, EPOLLOUT);
      return true;
    case Progress::ended:
    case Progress::broken:
      drop(it);
      return true;
    }
    return true;
  }

  void go_on(std::uint64_t id, std::uint32_t events) {
    const auto it = m_connections.find(id);
    if (it == m_connections.end())
      return;
    Connection& connection = *it->second;
    switch (connection.phase) {
    case Phase::handshake:
      shake_hands(id, connection);
      break;
    case Phase::reading:
      read(id, connection);
      break;
    case Phase::working: // nothing was asked for: the client has gone
      if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        drop(it);
      break;
    case Phase::answering:
      send(id, connection);
      break;
    case Phase::closing:
      for (int i = 0; i < reads_at_once; ++i) {
        if (waits(id, connection.socket.discard(m_scratch)))
          break;
      }
      break;
    }
  }

  void shake_hands(std::uint64_t id, Connection& connection) {
    TlsIdentity identity;
    {
      const std::scoped_lock lock(m_mutex);
      identity = m_identity;
    }
    if (!identity) {
      refused(Refusal::no_certificate);
      drop(m_connections.find(id));
      return;
    }
    const Progress progress = connection.socket.handshake(identity);
    if (progress == Progress::broken || progress == Progress::ended)
      refused(Refusal::handshake);
    if (waits(id, progress))
      return;
    connection.reader.emplace(m_settings.http);
    enter(connection, Phase::reading, m_settings.request);
    read(id, connection);
  }

  void read(std::uint64_t id, Connection& connection) {
    for (int i = 0; i < reads_at_once; ++i) {
      std::size_t got = 0;
      if (waits(id, connection.socket.read(m_scratch, got)))
        return;
      if (connection.is_idle())
        enter(connection, Phase::reading, m_settings.request);
      connection.reader->feed({m_scratch.data(), got});
      hold(connection, connection.reader->kept());
      if (connection.reader->wants_continue() && !send_continue(id, connection))
        return;
      if (react(id, connection) || (m_held > m_settings.held_bytes && cut_longest(id)))
        return;
    }
    want(id, connection, EPOLLIN); // there may be more; others first
  }

  bool send_continue(std::uint64_t id, Connection& connection) {
    constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
    std::size_t written = 0;
    if (connection.socket.write(text, written) == Progress::done && written == text.size())
      return true;
    drop(m_connections.find(id)); // nothing else is on its way; a client without room is none
    return false;
  }

  // Do what the request is ready for. True: nothing is to be read for the time being.
  bool react(std::uint64_t id, Connection& connection) {
    switch (connection.reader->state()) {
    case HttpReader::State::refused:
      refuse(id, connection, connection.reader->status(), connection.reader->why());
      return true;
    case HttpReader::State::complete:
      hand_over(id, connection);
      return true;
    case HttpReader::State::idle:
    case HttpReader::State::head:
    case HttpReader::State::body:
      break;
    }
    return false;
  }

  void hold(Connection& connection, std::size_t bytes) {
    m_held += bytes - connection.held; // the sum is never below zero
    connection.held = bytes;
  }

  // Refuse the request that has been coming for longest. True: it was this connection's.
  bool cut_longest(std::uint64_t current) {
    bool own = false;
    while (m_held > m_settings.held_bytes) {
      auto victim = m_connections.end();
      for (auto it = m_connections.begin(); it != m_connections.end(); ++it) {
        if (it->second->phase == Phase::reading && !it->second->is_waiting()
            && (victim == m_connections.end() || it->second->since < victim->second->since))
          victim = it;
      }
      if (victim == m_connections.end())
        break;
      const auto id = victim->first;
      own = own || id == current;
      hold(*victim->second, 0);
      victim->second->reader.emplace(m_settings.http); // frees what came
      refuse(id, *victim->second, 503, "too many unfinished requests");
    }
    return own;
  }

  void hand_over(std::uint64_t id, Connection& connection) {
    const auto request = std::make_shared<HttpRequest>(connection.reader->take());
    connection.phase = Phase::working;
    connection.since = m_now;
    connection.deadline = Time::max(); // the pool's business
    connection.has_asked = true;
    connection.close_after = request->close;
    hold(connection, request->body.capacity() + connection.reader->kept());
    want(id, connection, 0);
    const bool large = request->body.size() >= m_settings.large_body;
    if (!m_workers->add([this, id, request] { post(id, work(*request)); }, large)) {
      refuse(id, connection, 503, "too many requests wait");
      return;
    }
    ++m_in_hand;
    if (m_observer.in_hand)
      m_observer.in_hand(m_in_hand);
  }

  // On a thread of the pool.
  HttpAnswer work(const HttpRequest& request) const {
    try {
      return m_handler(request);
    } catch (const std::exception&) {
      return plain(500, "the request could not be handled");
    }
  }

  void post(std::uint64_t id, HttpAnswer answer) {
    {
      const std::scoped_lock lock(m_mutex);
      m_answers.emplace_back(id, std::move(answer));
    }
    wake();
  }

  void take_answers() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(m_wake, &count, sizeof count);
    std::vector<std::pair<std::uint64_t, HttpAnswer>> answers;
    {
      const std::scoped_lock lock(m_mutex);
      answers.swap(m_answers);
    }
    for (const auto& [id, ready] : answers) {
      --m_in_hand;
      if (m_observer.in_hand)
        m_observer.in_hand(m_in_hand);
      const auto it = m_connections.find(id);
      if (it == m_connections.end())
        continue; // the client did not wait
      if (m_observer.answered)
        m_observer.answered(ready.status, m_now - it->second->since);
      answer(id, *it->second, ready, it->second->close_after);
    }
  }

  void refuse(std::uint64_t id, Connection& connection, int status, std::string_view why) {
    if (m_observer.answered)
      m_observer.answered(status, std::nullopt);
    answer(id, connection, plain(status, why), true);
  }

  void answer(std::uint64_t id, Connection& connection, const HttpAnswer& ready, bool close) {
    connection.close_after = close || m_drains;
    connection.answer = text_of(ready, connection.close_after);
    connection.sent = 0;
    hold(connection, connection.reader->kept());
    enter(connection, Phase::answering, m_settings.answer);
    send(id, connection);
  }

  void send(std::uint64_t id, Connection& connection) {
    while (connection.sent < connection.answer.size()) {
      std::size_t written = 0;
      const auto rest = std::string_view(connection.answer).substr(connection.sent);
      if (waits(id, connection.socket.write(rest, written)))
        return;
      connection.sent += written;
    }
    std::string().swap(connection.answer); // assigning would keep its memory
    if (connection.close_after) {
      connection.socket.end();
      connection.reader.reset();
      hold(connection, 0);
      enter(connection, Phase::closing, m_settings.linger);
      want(id, connection, EPOLLIN);
      return;
    }
    const bool idle = connection.reader->state() == HttpReader::State::idle;
    enter(connection, Phase::reading, idle ? m_settings.idle : m_settings.request);
    if (!react(id, connection)) // what came behind the request
      want(id, connection, EPOLLIN);
  }

  void refused(Refusal refusal) const {
    if (m_observer.refused)
      m_observer.refused(refusal);
  }

  const ServerSettings m_settings;
  const HttpHandler m_handler;
  const ServerObserver m_observer;
  std::atomic<bool> m_drains = false;

  std::mutex m_mutex; // of all up to the next empty line
  std::condition_variable m_changed;
  TlsIdentity m_identity;
  std::vector<std::pair<std::uint64_t, HttpAnswer>> m_answers;
  std::uint64_t m_asked = 0; // of responds()
  std::uint64_t m_came_round = 0;
  bool m_finishes = false;
  bool m_is_finished = false;
  bool m_ends = false;

  // Of the server's thread, once it runs.
  int m_epoll = -1;
  int m_wake = -1;
  int m_listener = -1;
  int m_port = 0;
  bool m_listens = true;
  Connections m_connections;
  std::uint64_t m_next_id = first_connection_id;
  std::size_t m_held = 0;
  std::size_t m_in_hand = 0;
  Time m_now;
  Time m_next_check;
  std::array<char, 16 * 1024> m_scratch{}; // one record of TLS

  std::optional<Workers> m_workers;
  std::thread m_thread;
};

} // namespace

std::string_view name_of(Refusal refusal) {
  switch (refusal) {
  case Refusal::handshake:
    return "handshake";
  case Refusal::handshake_timeout:
    return "handshake_timeout";
  case Refusal::request_timeout:
    return "request_timeout";
  case Refusal::answer_timeout:
    return "answer_timeout";
  case Refusal::too_many:
    return "too_many";
  case Refusal::no_certificate:
    return "no_certificate";
  }
  return "";
}

tl::expected<std::unique_ptr<TlsServer>, std::string>
serve_tls(ServerSettings settings, HttpHandler handler, ServerObserver observer) {
  const int port = settings.port;
  auto server = std::make_unique<EpollServer>(settings, std::move(handler), std::move(observer));
  if (const int error = server->listen_and_run(); error != 0)
    return tl::unexpected("cannot listen on port " + std::to_string(port) + ": "
                          + std::generic_category().message(error));
  return std::unique_ptr<TlsServer>(std::move(server));
}

} // namespace taskgroup
