// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/caretaker.h"
#include "entrypoint/test_support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <thread>

namespace taskgroup::testing {
namespace {

using namespace std::chrono_literals;

PlanHandler exec(const std::string& script) { return {.command = {"/bin/sh", "-c", script}}; }

PlanProbe probe(PlanHandler handler) {
  return {.handler = std::move(handler), .period = 10s, .timeout = 60s};
}

// A caretaker whose children are real and whose time is the test's.
class CareTest : public ::testing::Test {
protected:
  Caretaker& begin(PlanCare care) {
    m_care = std::make_unique<Caretaker>(std::move(care), CareSurroundings{});
    m_care->started(now);
    m_care->tick(now);
    return *m_care;
  }

  // Wait for the end of a child, and tell of it.
  void child_ends() {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, 0);
    ASSERT_GT(pid, 0);
    m_care->child_ended(pid, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
                        now);
  }

  // Let time pass until something is due.
  void wait() {
    now = m_care->due().value_or(now);
    m_care->tick(now);
  }

  std::string failure() { return m_care->take_failure(grace).value_or(""); }

  Millis now{1000};
  Millis grace{0};

private:
  std::unique_ptr<Caretaker> m_care;
};

TEST_F(CareTest, WithoutProbesASidecarIsReadyAtOnce) {
  Caretaker& care = begin({});
  EXPECT_TRUE(care.take_ready());
  EXPECT_FALSE(care.take_ready());
  EXPECT_EQ(care.due(), std::nullopt);
}

TEST_F(CareTest, ReadinessIsTriedUntilItSucceedsAndNeverFails) {
  const TemporaryFolder folder;
  PlanCare wanted;
  wanted.readiness = probe(exec("test -e " + folder / "ready"));
  wanted.readiness->initial_delay = 3s;
  wanted.readiness->failure_threshold = 1;
  Caretaker& care = begin(wanted);
  EXPECT_EQ(care.due(), Millis(4000));
  for (int i = 0; i < 3; ++i) {
    wait();
    child_ends();
    EXPECT_FALSE(care.take_ready());
    EXPECT_EQ(failure(), "");
    EXPECT_EQ(care.due(), now + 200ms) << "sooner than the period says";
  }
  write_content(folder / "ready", "");
  wait();
  child_ends();
  EXPECT_TRUE(care.take_ready());
  EXPECT_EQ(care.due(), std::nullopt) << "nobody minds what becomes of it";
}

TEST_F(CareTest, SeveralSuccessesMayBeAskedFor) {
  PlanCare wanted;
  wanted.readiness = probe(exec("true"));
  wanted.readiness->success_threshold = 2;
  Caretaker& care = begin(wanted);
  child_ends();
  EXPECT_FALSE(care.take_ready());
  EXPECT_EQ(care.due(), now + 10s);
  wait();
  child_ends();
  EXPECT_TRUE(care.take_ready());
}

TEST_F(CareTest, StartupHoldsTheOthersBackAndItsFailuresCountOnceAPeriod) {
  const TemporaryFolder folder;
  PlanCare wanted;
  wanted.startup = probe(exec("echo x >> " + folder / "tries; false"));
  wanted.startup->period = 1s;
  wanted.startup->failure_threshold = 2;
  wanted.startup->grace = 7s;
  wanted.liveness = probe(exec("touch " + folder / "liveness"));
  begin(wanted);
  const Millis first = now;
  child_ends();
  std::string why;
  while (why.empty()) {
    wait();
    child_ends();
    why = failure();
  }
  EXPECT_EQ(why, "its startup probe failed 2 times");
  EXPECT_EQ(now, first + 1s);
  EXPECT_EQ(grace, 7s);
  EXPECT_EQ(content_of(folder / "tries").value_or("").size(), 2 * 6U) << "tried between them, too";
  EXPECT_FALSE(content_of(folder / "liveness"));
}

TEST_F(CareTest, LivenessFailsAfterItsThresholdInARow) {
  const TemporaryFolder folder;
  write_content(folder / "alive", "");
  PlanCare wanted;
  wanted.liveness = probe(exec("test -e " + folder / "alive"));
  Caretaker& care = begin(wanted);
  EXPECT_TRUE(care.take_ready());
  child_ends();
  unlink((folder / "alive").c_str());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(failure(), "");
    EXPECT_EQ(care.due(), now + 10s);
    wait();
    child_ends();
  }
  EXPECT_EQ(failure(), "its liveness probe failed 3 times");
  EXPECT_EQ(grace, 30s);
}

TEST_F(CareTest, WhatTakesTooLongHasFailed) {
  PlanCare wanted;
  wanted.liveness = probe(exec("sleep 1000"));
  wanted.liveness->timeout = 2s;
  wanted.liveness->failure_threshold = 1;
  begin(wanted);
  wait();
  EXPECT_EQ(now, Millis(3000));
  child_ends();
  EXPECT_EQ(failure(), "its liveness probe failed 1 time");
}

TEST_F(CareTest, PostStartComesBeforeTheProbesAndItsFailureEndsTheSidecar) {
  PlanCare wanted;
  wanted.post_start = exec("true");
  Caretaker& care = begin(wanted);
  EXPECT_FALSE(care.take_ready());
  child_ends();
  EXPECT_TRUE(care.take_ready());
  wanted.post_start = exec("exit 3");
  begin(wanted);
  child_ends();
  EXPECT_EQ(failure(), "its postStart hook failed with code 3");
}

TEST_F(CareTest, PreStopIsWaitedForAndEndsTheProbes) {
  PlanCare wanted;
  wanted.liveness = probe(exec("true"));
  wanted.pre_stop = {.kind = PlanHandler::Kind::sleep, .duration = 1ms};
  Caretaker& care = begin(wanted);
  child_ends();
  EXPECT_TRUE(care.begin_stop());
  EXPECT_EQ(care.due(), std::nullopt);
  EXPECT_TRUE(care.pre_stop_runs());
  child_ends();
  EXPECT_FALSE(care.pre_stop_runs());
}

// A server on a port of this machine's own that gives one answer to whoever connects.
class Server {
public:
  explicit Server(std::string answer) : m_listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(m_listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(m_listener.get(), 8), 0);
    getsockname(m_listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    m_port = ntohs(address.sin_port);
    m_thread = std::thread([this, answer = std::move(answer)] {
      const Fd connection(accept(m_listener.get(), nullptr, nullptr));
      char buffer[4096];
      const ssize_t got = recv(connection.get(), buffer, sizeof buffer, 0);
      m_request.assign(buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
  }
  ~Server() { join(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const { return m_port; }
  std::string request() {
    join();
    return m_request;
  }

private:
  void join() {
    if (m_thread.joinable()) {
      m_thread.join();
    }
  }

  Fd m_listener;
  int m_port = 0;
  std::string m_request;
  std::thread m_thread;
};

TEST_F(CareTest, HttpGetSucceedsByTheAnswersStatus) {
  for (const auto& [status, good] : {std::pair("200 OK", true), std::pair("302 Found", true),
                                     std::pair("404 Not Found", false), std::pair("", false)}) {
    Server server(std::string("HTTP/1.1 ") + status + "\r\n\r\n");
    PlanCare wanted;
    wanted.readiness = probe({.kind = PlanHandler::Kind::http_get,
                              .port = server.port(),
                              .path = "/healthz?x=1",
                              .headers = {"X-A: b"}});
    Caretaker& care = begin(wanted);
    child_ends();
    EXPECT_EQ(care.take_ready(), good) << status;
    const std::string request = server.request();
    EXPECT_TRUE(request.starts_with("GET /healthz?x=1 HTTP/1.1\r\nHost: localhost:")) << request;
    EXPECT_NE(request.find("\r\nX-A: b\r\n"), std::string::npos) << request;
  }
}

TEST_F(CareTest, TcpSocketSucceedsWhereSomebodyListens) {
  const Fd listener(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  socklen_t size = sizeof address;
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    GTEST_SKIP() << "no IPv6 here";
  }
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  PlanCare wanted;
  wanted.readiness =
      probe({.kind = PlanHandler::Kind::tcp_socket, .port = ntohs(address.sin6_port)});
  Caretaker& care = begin(wanted);
  child_ends();
  EXPECT_FALSE(care.take_ready()) << "nobody listens yet";
  ASSERT_EQ(listen(listener.get(), 1), 0);
  wait();
  child_ends();
  EXPECT_TRUE(care.take_ready());
}

} // namespace
} // namespace taskgroup::testing
