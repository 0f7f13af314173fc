// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificates/x509.h"
#include "webhook/server/test_client.h"
#include "webhook/server/tls_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace taskgroup {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

struct Identified {
  std::string authority;
  TlsIdentity identity;
};

// An identity with this name, of an authority of its own.
Identified identify(const std::string& name) {
  const auto now = std::chrono::system_clock::now();
  const auto authority = make_authority(name, now, 1h);
  const auto own = make_certificate(authority, {name}, now, 1h);
  return {authority.certificate, make_tls_identity(own.certificate, own.key).value()};
}

// What holds the handler until it is opened.
class Gate {
public:
  void open() {
    const std::scoped_lock lock(m_mutex);
    m_open = true;
    m_changed.notify_all();
  }
  void pass() {
    std::unique_lock lock(m_mutex);
    ++m_arrived;
    m_changed.notify_all();
    m_changed.wait(lock, [this] { return m_open; });
  }
  void wait_for(int arrived) {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [&] { return m_arrived >= arrived; });
  }

private:
  std::mutex m_mutex;
  std::condition_variable m_changed;
  bool m_open = false;
  int m_arrived = 0;
};

// A server with one thread, so that whoever held it would be noticed, and deadlines that no test
// reaches unless it sets them.
class TlsServerTest : public testing::Test {
protected:
  TlsServerTest() {
    settings.port = 0;
    settings.threads = 1;
    settings.handshake = settings.request = settings.answer = settings.idle = settings.linger = 1h;
    handler = [](const HttpRequest& request) {
      return HttpAnswer{.body = "{\"got\":" + std::to_string(request.body.size()) + "}"};
    };
  }

  ~TlsServerTest() override {
    gate.open();
    server.reset(); // it tells what it does to this fixture
  }

  TlsServer& start() {
    server = serve_tls(settings, [this](const HttpRequest& request) { return handler(request); },
                       {.answered =
                            [this](int status, auto) {
                              const std::scoped_lock lock(m_mutex);
                              ++m_answered[status];
                            },
                        .refused =
                            [this](Refusal refusal) {
                              const std::scoped_lock lock(m_mutex);
                              ++m_refused[refusal];
                              m_changed.notify_all();
                            },
                        .in_hand = [](std::size_t) {}})
                 .value();
    server->set_identity(identified.identity);
    return *server;
  }

  // As an ordinary client: connect, ask, read the answer.
  TestAnswer ask(const std::string& body = "{}") const {
    TestClient client(server->port());
    if (!client.start_tls(identified.authority, "webhook.example"))
      return {};
    client.send(post(body));
    return client.receive();
  }

  // A client that has shaken hands.
  std::unique_ptr<TestClient> connected() const {
    auto client = std::make_unique<TestClient>(server->port());
    EXPECT_TRUE(client->start_tls(identified.authority, "webhook.example"));
    return client;
  }

  // Block until so many were refused for this reason.
  void wait_for_refused(Refusal refusal, int count) {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [&] { return m_refused[refusal] >= count; });
  }

  int refused(Refusal refusal) {
    const std::scoped_lock lock(m_mutex);
    return m_refused[refusal];
  }

  int answered(int status) {
    const std::scoped_lock lock(m_mutex);
    return m_answered[status];
  }

  ServerSettings settings;
  HttpHandler handler;
  Gate gate;
  Identified identified = identify("webhook.example");
  std::unique_ptr<TlsServer> server;

private:
  std::mutex m_mutex; // of what follows
  std::condition_variable m_changed;
  std::map<int, int> m_answered;
  std::map<Refusal, int> m_refused;
};

TEST_F(TlsServerTest, AnswersOneRequestAfterAnotherOnOneConnection) {
  start();
  const auto client = connected();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client->send(post(std::string(static_cast<std::size_t>(i), 'x'))));
    const auto answer = client->receive();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "{\"got\":" + std::to_string(i) + "}");
    EXPECT_THAT(answer.head, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_THAT(answer.head, Not(HasSubstr("Connection: close")));
  }
  EXPECT_EQ(answered(200), 100);
}

TEST_F(TlsServerTest, AnswersRequestsThatWereSentTogetherInTheirOrder) {
  start();
  const auto client = connected();
  client->send(post("1") + post("22") + post("333") + "GARBAGE\r\n\r\n");
  for (const char* expected : {"{\"got\":1}", "{\"got\":2}", "{\"got\":3}"})
    EXPECT_EQ(client->receive().body, expected);
  EXPECT_EQ(client->receive().status, 400);
  EXPECT_TRUE(client->wait_for_end());
}

TEST_F(TlsServerTest, TakesALargeBodyThatComesInPieces) {
  start();
  const auto client = connected();
  const std::string request = post(std::string(settings.http.body, 'x'));
  for (std::size_t at = 0; at < request.size(); at += 5000)
    ASSERT_TRUE(client->send(std::string_view(request).substr(at, 5000)));
  EXPECT_EQ(client->receive().body, "{\"got\":3670016}");
}

TEST_F(TlsServerTest, SpeaksTls12And13AndNothingOlder) {
  start();
  for (const int version : {0x0304, 0x0303}) {
    TestClient client(server->port());
    EXPECT_TRUE(client.start_tls(identified.authority, "webhook.example", version));
    client.send(post("{}"));
    EXPECT_EQ(client.receive().status, 200);
  }
  TestClient old(server->port());
  EXPECT_FALSE(old.start_tls({}, {}, 0x0302));
}

TEST_F(TlsServerTest, LetsAClientWaitBeforeItSendsTheBody) {
  start();
  const auto client = connected();
  client->send("POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
               "\r\n");
  EXPECT_EQ(client->receive().status, 100);
  client->send("{}");
  EXPECT_EQ(client->receive().status, 200);

  // What is too large need not be sent at all.
  client->send("POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 67108864\r\n"
               "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client->receive().status, 413);
}

TEST_F(TlsServerTest, AnswersAnErrorOfTheHandlerAndGoesOn) {
  handler = [](const HttpRequest& request) -> HttpAnswer {
    if (request.body == "bad")
      throw std::runtime_error("secret");
    return {};
  };
  start();
  const auto answer = ask("bad");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, Not(HasSubstr("secret")));
  EXPECT_EQ(ask("good").status, 200);
}

// --- Certificates ---

TEST_F(TlsServerTest, ClosesConnectionsWhileThereIsNoCertificate) {
  start().set_identity(nullptr);
  TestClient client(server->port());
  EXPECT_FALSE(client.start_tls());
  wait_for_refused(Refusal::no_certificate, 1);
  server->set_identity(identified.identity);
  EXPECT_EQ(ask().status, 200);
}

TEST_F(TlsServerTest, ServesNewConnectionsWithANewCertificateAndKeepsTheOldOnes) {
  start();
  const auto before = connected();
  const auto other = identify("another.example");
  server->set_identity(other.identity);
  TestClient after(server->port());
  ASSERT_TRUE(after.start_tls(other.authority, "another.example"));
  EXPECT_EQ(after.server_name(), "another.example");
  for (TestClient* client : {before.get(), &after}) {
    client->send(post("{}"));
    EXPECT_EQ(client->receive().status, 200);
  }
}

TEST_F(TlsServerTest, DropsNoRequestWhileCertificatesChange) {
  settings.threads = 4;
  start();
  const auto other = identify("another.example");
  std::atomic<int> good = 0;
  std::atomic<bool> done = false;
  std::thread changing([&] {
    for (int i = 0; !done; ++i)
      server->set_identity(i % 2 == 0 ? other.identity : identified.identity);
  });
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      TestClient lasting(server->port());
      EXPECT_TRUE(lasting.start_tls());
      for (int j = 0; j < 50; ++j) {
        TestClient client(server->port());
        client.start_tls();
        client.send(post("{}"));
        good += client.receive().status == 200 ? 1 : 0;
        lasting.send(post("{}"));
        good += lasting.receive().status == 200 ? 1 : 0;
      }
    });
  }
  for (auto& client : clients)
    client.join();
  done = true;
  changing.join();
  EXPECT_EQ(good, 400);
}

TEST(TlsIdentityTest, TellsWhatIsWrongWithCertificateOrKey) {
  const auto now = std::chrono::system_clock::now();
  const auto authority = make_authority("authority", now, 1h);
  const auto one = make_certificate(authority, {"one"}, now, 1h);
  const auto two = make_certificate(authority, {"two"}, now, 1h);
  EXPECT_TRUE(make_tls_identity(one.certificate, one.key));
  EXPECT_TRUE(make_tls_identity(one.certificate + authority.certificate, one.key));
  const auto error = [](const std::string& certificate, const std::string& key) {
    const auto made = make_tls_identity(certificate, key);
    return made ? "" : made.error();
  };
  EXPECT_THAT(error("", one.key), HasSubstr("the certificate cannot be read"));
  EXPECT_THAT(error("garbage", one.key), HasSubstr("the certificate cannot be read"));
  EXPECT_THAT(error(one.certificate, ""), HasSubstr("the key cannot be read"));
  EXPECT_THAT(error(one.certificate, two.key), HasSubstr("the key does not fit the certificate"));
  EXPECT_THAT(error(one.certificate.substr(0, 200), one.key), HasSubstr("cannot be read"));
}

// --- Attacks. Each leaves the attackers where they are and asks as an ordinary client. ---

// Each client of a test takes a descriptor, and so does its connection at the server.
void allow_files(rlim_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min(std::max(limit.rlim_cur, count), limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
  ASSERT_GE(limit.rlim_cur, count) << "raise the hard limit of open files";
}

TEST_F(TlsServerTest, AnswersBesideThousandSilentClients) {
  allow_files(2500);
  start();
  std::vector<std::unique_ptr<TestClient>> silent;
  for (const std::size_t count : {64U, 1000U}) {
    while (silent.size() < count) {
      silent.push_back(std::make_unique<TestClient>(server->port()));
      ASSERT_TRUE(silent.back()->is_connected());
    }
    EXPECT_EQ(ask().status, 200) << "beside " << count;
  }
  EXPECT_EQ(refused(Refusal::too_many), 0);
}

TEST_F(TlsServerTest, AnswersBesideClientsThatStopAnywhere) {
  settings.connections = 1024;
  start();
  const std::string whole = post("{\"a\":1}");
  std::vector<std::unique_ptr<TestClient>> stuck;
  for (std::size_t length = 0; length < whole.size(); ++length) { // after the handshake
    stuck.push_back(connected());
    stuck.back()->send(whole.substr(0, length));
  }
  const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11); // within it
  for (std::size_t length = 1; length <= hello.size(); ++length) {
    stuck.push_back(std::make_unique<TestClient>(server->port()));
    stuck.back()->send(hello.substr(0, length));
  }
  EXPECT_EQ(ask().status, 200);
}

TEST_F(TlsServerTest, GivesThePlaceOfTheOldestSilentClientToANewOne) {
  settings.connections = 8;
  start();
  const auto kept = connected(); // has asked once, so the silent ones go first
  kept->send(post("{}"));
  ASSERT_EQ(kept->receive().status, 200);
  std::vector<std::unique_ptr<TestClient>> silent;
  for (int i = 0; i < 50; ++i) {
    silent.push_back(std::make_unique<TestClient>(server->port()));
    if (i % 10 == 0) {
      EXPECT_EQ(ask().status, 200) << "after " << i;
    }
  }
  EXPECT_EQ(ask().status, 200);
  EXPECT_TRUE(silent.front()->wait_for_end());
  EXPECT_GT(refused(Refusal::too_many), 30);
  kept->send(post("{}"));
  EXPECT_EQ(kept->receive().status, 200);
}

TEST_F(TlsServerTest, AnswersBesideGarbage) {
  start();
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string(100'000, '\xff'),
        std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x'),
        std::string("\x16\x03\x01\x00\x05hello", 10),
        std::string("\x80\x2e\x01\x00\x02", 5) + std::string(0x2e, 'x'),
        std::string("\x15\x03\x03\x00\x02\x02\x28", 7)}) {
    TestClient client(server->port());
    client.send(garbage);
    while (client.receive().status != 0) {
    }
  }
  EXPECT_EQ(ask().status, 200);
  wait_for_refused(Refusal::handshake, 4);
}

TEST_F(TlsServerTest, AnswersBesideRecordsThatWereTamperedWith) {
  start();
  // A handshake, then bytes under the TLS that are none of its records.
  const auto client = connected();
  client->send(post("{}"));
  ASSERT_EQ(client->receive().status, 200);
  TestClient raw(server->port());
  raw.send(std::string("\x17\x03\x03\x40\x00", 5) + std::string(16'384, 'x'));
  while (raw.receive().status != 0) {
  }
  EXPECT_EQ(ask().status, 200);
}

TEST_F(TlsServerTest, RefusesAHugeBodyAndTheClientGetsToReadWhy) {
  start();
  const auto client = connected();
  client->send("POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 67108864\r\n\r\n");
  for (int i = 0; i < 64; ++i) // it is busy sending, and not cut off
    ASSERT_TRUE(client->send(std::string(65'536, 'x')));
  const auto answer = client->receive();
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
  EXPECT_EQ(ask().status, 200);
}

TEST_F(TlsServerTest, RefusesChunksAndHeadersWithoutEnd) {
  start();
  const auto chunked = connected();
  chunked->send("POST /validate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                "ffffff\r\n");
  EXPECT_EQ(chunked->receive().status, 411);

  const auto talkative = connected();
  talkative->send("POST /validate HTTP/1.1\r\nHost: a\r\n");
  std::string headers;
  for (int i = 0; i < 200'000; ++i)
    headers += "a: b\r\n";
  talkative->send(headers); // the connection may be closed before its end
  EXPECT_EQ(talkative->receive().status, 431);
  EXPECT_EQ(ask().status, 200);
}

TEST_F(TlsServerTest, HoldsNoMoreThanItsShareOfUnfinishedBodies) {
  settings.held_bytes = 2 * 1024 * 1024;
  start();
  std::vector<std::unique_ptr<TestClient>> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(connected());
    slow.back()->send("POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
                      + std::string(500'000, 'x'));
  }
  EXPECT_EQ(slow.front()->receive().status, 503); // the one that has been at it for longest
  EXPECT_EQ(ask(std::string(100'000, 'x')).status, 200);
  EXPECT_GE(answered(503), 14);
  slow.back()->send(std::string(500'000, 'x')); // the last one has its share
  EXPECT_EQ(slow.back()->receive().status, 200);
}

TEST_F(TlsServerTest, RefusesMoreRequestsThanMayWait) {
  settings.waiting_requests = 1;
  handler = [this](const HttpRequest&) {
    gate.pass();
    return HttpAnswer{};
  };
  start();
  const auto first = connected();
  first->send(post("{}"));
  gate.wait_for(1);
  const auto second = connected(); // one of these waits, the other one is refused
  const auto third = connected();
  second->send(post("{}"));
  third->send(post("{}"));
  while (answered(503) == 0)
    std::this_thread::yield();
  gate.open();
  EXPECT_EQ(first->receive().status, 200);
  const auto one = second->receive();
  const auto other = third->receive();
  EXPECT_EQ(one.status + other.status, 200 + 503);
  EXPECT_THAT(one.head + other.head, HasSubstr("Retry-After: 1"));
}

TEST_F(TlsServerTest, ForgetsAClientThatDoesNotWaitForItsAnswer) {
  handler = [this](const HttpRequest&) {
    gate.pass();
    return HttpAnswer{};
  };
  start();
  {
    const auto gone = connected();
    gone->send(post("{}"));
    gate.wait_for(1);
  }
  gate.open();
  EXPECT_EQ(ask().status, 200);
}

// --- Deadlines. Each client stays until the server has had enough. ---

TEST_F(TlsServerTest, ClosesASilentClientInTheEnd) {
  settings.handshake = 30ms;
  start();
  TestClient silent(server->port());
  EXPECT_TRUE(silent.wait_for_end());
  wait_for_refused(Refusal::handshake_timeout, 1);
}

TEST_F(TlsServerTest, ClosesAHandshakeThatNeverEnds) {
  settings.handshake = 30ms;
  start();
  TestClient slow(server->port());
  while (slow.send(std::string_view("\x16\x03\x01\x02\x00", 1))
         && refused(Refusal::handshake_timeout) == 0 && refused(Refusal::handshake) == 0) {
  }
  SUCCEED();
}

TEST_F(TlsServerTest, ClosesARequestThatTricklesByteByByte) {
  settings.request = 50ms;
  start();
  const auto body = connected();
  body->send("POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
  while (refused(Refusal::request_timeout) == 0 && body->send("x")) {
  }
  wait_for_refused(Refusal::request_timeout, 1);
  EXPECT_TRUE(body->wait_for_end());

  const auto head = connected();
  head->send("POST");
  EXPECT_TRUE(head->wait_for_end());
  const auto nothing = connected(); // after the handshake
  EXPECT_TRUE(nothing->wait_for_end());
  wait_for_refused(Refusal::request_timeout, 3);
}

TEST_F(TlsServerTest, ClosesAnIdleConnectionWithoutBlame) {
  settings.idle = 30ms;
  start();
  const auto client = connected();
  client->send(post("{}"));
  EXPECT_EQ(client->receive().status, 200);
  EXPECT_TRUE(client->wait_for_end());
  for (const auto refusal : all_refusals)
    EXPECT_EQ(refused(refusal), 0) << name_of(refusal);
}

// --- The end ---

TEST_F(TlsServerTest, SendsClientsElsewhereAndFinishesWhatIsInHand) {
  handler = [this](const HttpRequest& request) {
    if (request.body == "slow")
      gate.pass();
    return HttpAnswer{};
  };
  settings.threads = 2;
  start();
  const auto idle = connected();
  const auto slow = connected();
  slow->send(post("slow"));
  gate.wait_for(1);
  server->drain();
  const auto answer = ask();
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, HasSubstr("Connection: close"));

  EXPECT_FALSE(server->finish(0ms)); // one is in hand
  EXPECT_TRUE(idle->wait_for_end());
  EXPECT_FALSE(TestClient(server->port()).is_connected());
  std::thread finishing([&] { EXPECT_TRUE(server->finish(1h)); });
  gate.open();
  EXPECT_EQ(slow->receive().status, 200);
  finishing.join();
}

TEST_F(TlsServerTest, Responds) {
  start();
  EXPECT_TRUE(server->responds(1h));
  EXPECT_EQ(ask().status, 200);
  EXPECT_TRUE(server->responds(1h));
}

TEST_F(TlsServerTest, NamesThePortThatIsTaken) {
  start();
  settings.port = server->port();
  const auto second = serve_tls(settings, handler);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr("port " + std::to_string(settings.port)));
}

} // namespace
} // namespace taskgroup
