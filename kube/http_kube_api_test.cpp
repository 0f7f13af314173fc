// SPDX-License-Identifier: Apache-2.0
#include "kube/http_kube_api.h"
#include "kube/resources.h"
#include "kube/test_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>

namespace taskgroup::kube {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const Resource runs{.group = "example.dev", .version = "v1", .plural = "runs"};
const ObjectKey key{.namespace_name = "ns", .name = "a"};

Json run_object() {
  return {{"apiVersion", "example.dev/v1"},
          {"kind", "Run"},
          {"metadata", {{"namespace", "ns"}, {"name", "a"}, {"resourceVersion", "5"}}}};
}

// Waits until it is opened. Shared with the server's handlers, which outlive a test's body.
class Gate {
public:
  void open() {
    const std::scoped_lock lock(m_mutex);
    m_is_open = true;
    m_changed.notify_all();
  }
  void wait() {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [&] { return m_is_open; });
  }

private:
  std::mutex m_mutex;
  std::condition_variable m_changed;
  bool m_is_open = false;
};

class HttpKubeApiTest : public testing::Test {
protected:
  std::shared_ptr<KubeApi> api(HttpSettings settings = {}) {
    server.start();
    auto made = connect(config(), std::move(settings));
    EXPECT_TRUE(made) << made.error();
    return *made;
  }
  virtual ClusterConfig config() { return server.config(); }

  // Answer with `body` to every request.
  void answer(const std::string& body, int status = 200) {
    const auto handler = [=](const httplib::Request&, httplib::Response& response) {
      response.status = status;
      response.set_content(body, "application/json");
    };
    server.server().Get(".*", handler);
    server.server().Post(".*", handler);
    server.server().Put(".*", handler);
    server.server().Patch(".*", handler);
    server.server().Delete(".*", handler);
  }

  // Answer to GET with pieces: `next` writes one, or waits, and says whether there are more.
  void answer_in_pieces(const std::function<bool(httplib::DataSink& sink)>& next) {
    server.server().Get(".*", [=](const httplib::Request&, httplib::Response& response) {
      response.set_chunked_content_provider(
          "application/json", [=](std::size_t, httplib::DataSink& sink) { return next(sink); });
    });
  }

  static bool write(httplib::DataSink& sink, std::string_view text) {
    return sink.write(text.data(), text.size());
  }

  TestServer server;
  std::stop_token go;
};

TEST_F(HttpKubeApiTest, EachVerbIsTheRequestThatTheApiWants) {
  answer(R"({"kind":"Run"})");
  const auto client = api();
  ASSERT_TRUE(client->get(pods, key, go));
  ASSERT_TRUE(client->create(runs, run_object(), go));
  ASSERT_TRUE(client->replace(runs, run_object(), go));
  ASSERT_TRUE(client->replace_status(runs, run_object(), go));
  ASSERT_TRUE(client->patch(runs, key, PatchType::json, Json::array(), go));
  ASSERT_TRUE(client->patch(runs, key, PatchType::merge, Json::object(), go));
  ASSERT_TRUE(client->remove(runs, key, "u-1", go));
  ASSERT_TRUE(client->get(nodes, {.namespace_name = "", .name = "n 1/x"}, go));
  const std::string object = run_object().dump();
  const std::string path = "/apis/example.dev/v1/namespaces/ns/runs";
  EXPECT_THAT(
      server.requests(),
      ElementsAre("GET /api/v1/namespaces/ns/pods/a",
                  "POST " + path + " application/json " + object,
                  "PUT " + path + "/a application/json " + object,
                  "PUT " + path + "/a/status application/json " + object,
                  "PATCH " + path + "/a application/json-patch+json []",
                  "PATCH " + path + "/a application/merge-patch+json {}",
                  "DELETE " + path
                      + R"(/a application/json {"apiVersion":"v1","kind":"DeleteOptions",)"
                        R"("preconditions":{"uid":"u-1"},"propagationPolicy":"Background"})",
                  "GET /api/v1/nodes/n%201%2Fx"));
}

TEST_F(HttpKubeApiTest, EachRequestIsToldOf) {
  std::mutex mutex;
  std::vector<std::string> calls;
  HttpSettings settings;
  settings.on_call = [&](const HttpCall& call) {
    const std::scoped_lock lock(mutex);
    EXPECT_GT(call.duration, 0ns);
    calls.push_back(call.method + " " + std::to_string(call.status)
                    + (call.is_stream ? " stream" : ""));
  };
  server.server().Get(".*/log", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("text", "text/plain");
  });
  server.server().Post(
      ".*", [](const httplib::Request&, httplib::Response& response) { response.status = 409; });
  const auto client = api(settings);
  const auto take_all = [](std::string_view) { return true; };
  EXPECT_TRUE(client->pod_log(key, "c", true, take_all, go));
  EXPECT_FALSE(client->create(runs, run_object(), go));
  EXPECT_FALSE(client->get(pods, key, go));
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_FALSE(client->get(pods, key, stopped.get_token()));
  EXPECT_THAT(calls, ElementsAre("GET 200 stream", "POST 409", "GET 404"));
}

TEST_F(HttpKubeApiTest, ARequestWithoutAWholeAnswerIsToldOfAsZero) {
  std::vector<int> statuses;
  HttpSettings settings;
  settings.on_call = [&](const HttpCall& call) { statuses.push_back(call.status); };
  settings.max_answer = 10;
  answer(R"({"kind":"A long one"})");
  const auto client = api(settings);
  EXPECT_FALSE(client->get(pods, key, go));
  EXPECT_THAT(statuses, ElementsAre(0));
}

TEST_F(HttpKubeApiTest, ARefusalIsAnErrorOfItsKind) {
  answer(R"({"kind":"Status","reason":"AlreadyExists","message":"runs \"a\" already exists",
           "code":409})",
         409);
  const auto made = api()->create(runs, run_object(), go);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ApiError::Kind::already_exists);
  EXPECT_EQ(made.error().code, 409);
  EXPECT_EQ(made.error().message, "create runs.example.dev ns/a: runs \"a\" already exists");
}

TEST_F(HttpKubeApiTest, AnAnswerThatIsNoObjectIsNoSuccess) {
  answer("<html>");
  EXPECT_EQ(api()->get(runs, key, go).error().kind, ApiError::Kind::transport);
}

TEST_F(HttpKubeApiTest, ListsComeInPagesAndItemsGetTheirKind) {
  server.server().Get(".*", [](const httplib::Request& request, httplib::Response& response) {
    response.set_content(
        request.has_param("continue")
            ? R"({"kind":"PodList","metadata":{"resourceVersion":"7"},
              "items":[{"metadata":{"name":"b"}}]})"
            : R"({"kind":"PodList","metadata":{"resourceVersion":"7","continue":"x/="},
              "items":[{"metadata":{"name":"a"}}]})",
        "application/json");
  });
  const auto found =
      api()->list(pods, {.namespace_name = "", .labels = "a in (b)", .fields = ""}, go);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->resource_version, "7");
  ASSERT_EQ(found->items.size(), 2U);
  EXPECT_EQ(found->items[1],
            Json::parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}})"));
  EXPECT_THAT(server.requests(),
              ElementsAre("GET /api/v1/pods?limit=500&labelSelector=a%20in%20%28b%29",
                          "GET /api/v1/pods?limit=500&continue=x%2F%3D"
                          "&labelSelector=a%20in%20%28b%29"));
}

TEST_F(HttpKubeApiTest, AnExpiredPageMakesAListBeginAnew) {
  auto pages = std::make_shared<std::atomic<int>>(0);
  server.server().Get(".*", [=](const httplib::Request& request, httplib::Response& response) {
    if (++*pages == 2) {
      response.status = 410;
      response.set_content(R"({"kind":"Status","reason":"Expired","code":410})",
                           "application/json");
      return;
    }
    const bool is_last = request.has_param("continue");
    response.set_content(std::string(R"({"kind":"PodList","items":[{"metadata":{}}],"metadata":)")
                             + (is_last ? "{}}" : R"({"continue":"x"}})"),
                         "application/json");
  });
  const auto found = api()->list(pods, {}, go);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->items.size(), 2U);
  EXPECT_EQ(*pages, 4);
}

TEST_F(HttpKubeApiTest, AWatchHandsEventsOverAsTheyCome) {
  const auto step = std::make_shared<int>(0);
  const auto first_seen = std::make_shared<Gate>();
  answer_in_pieces([=](httplib::DataSink& sink) {
    switch ((*step)++) {
    case 0:
      return write(sink,
                   R"({"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"6"}}}
{"type":"MODIF)");
    case 1:
      first_seen->wait(); // the next piece goes out only after the first event has arrived
      return write(sink, R"(IED","object":{"metadata":{"name":"a","resourceVersion":"7"}}}
{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}
)");
    default:
      sink.done();
      return true;
    }
  });
  std::vector<std::string> seen;
  const auto ended = api()->watch(
      runs, {.namespace_name = "ns", .labels = "", .fields = "metadata.name=a"}, "5",
      [&](const WatchEvent& event) {
        seen.push_back(event.object["metadata"]["resourceVersion"]);
        if (event.type == WatchEvent::Type::added) {
          first_seen->open();
        }
      },
      go);
  EXPECT_TRUE(ended) << ended.error().message;
  EXPECT_THAT(seen, ElementsAre("6", "7", "9"));
  EXPECT_THAT(server.requests(),
              ElementsAre(testing::MatchesRegex(
                  "GET /apis/example.dev/v1/namespaces/ns/runs.watch=true&allowWatchBookmarks=true"
                  "&resourceVersion=5&timeoutSeconds=[0-9]+&fieldSelector=metadata.name%3Da")));
}

TEST_F(HttpKubeApiTest, AnErrorEventInsideAWatchIsItsError) {
  answer_in_pieces([](httplib::DataSink& sink) {
    write(sink, R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired",)"
                R"("message":"too old"}})"
                "\n");
    sink.done();
    return true;
  });
  const auto ended = api()->watch(runs, {}, "5", [](const WatchEvent&) {}, go);
  EXPECT_EQ(ended.error().kind, ApiError::Kind::expired);
  EXPECT_EQ(ended.error().message, "watch runs.example.dev: too old");
}

TEST_F(HttpKubeApiTest, AWatchThatIsRefusedIsAnError) {
  answer(R"({"kind":"Status","reason":"Forbidden","code":403})", 403);
  const auto ended = api()->watch(runs, {}, "5", [](const WatchEvent&) {}, go);
  EXPECT_EQ(ended.error().kind, ApiError::Kind::forbidden);
}

TEST_F(HttpKubeApiTest, AWatchThatIsCutIsAnError) {
  auto step = std::make_shared<int>(0);
  answer_in_pieces([step](httplib::DataSink& sink) {
    return (*step)++ == 0 && write(sink, R"({"type":"ADDED","obj)");
  });
  const auto ended = api()->watch(runs, {}, "5", [](const WatchEvent&) {}, go);
  EXPECT_EQ(ended.error().kind, ApiError::Kind::transport);
}

TEST_F(HttpKubeApiTest, ASilentWatchEndsWhenItsCallerWantsToStop) {
  const auto asked = std::make_shared<Gate>();
  const auto ended = std::make_shared<Gate>();
  const auto first = std::make_shared<std::atomic<bool>>(true);
  answer_in_pieces([=](httplib::DataSink& sink) {
    if (first->exchange(false)) {
      asked->open();
      ended->wait();
    }
    sink.done();
    return true;
  });
  const auto client = api();
  std::stop_source source;
  std::jthread stopper([&] {
    asked->wait();
    source.request_stop();
  });
  const auto result = client->watch(runs, {}, "5", [](const WatchEvent&) {}, source.get_token());
  ended->open();
  EXPECT_EQ(result.error().kind, ApiError::Kind::transport);
  EXPECT_THAT(result.error().message, HasSubstr("stopped by the caller"));
}

TEST_F(HttpKubeApiTest, AStalledRequestEndsInTime) {
  const auto ended = std::make_shared<Gate>();
  server.server().Get(".*", [=](const httplib::Request&, httplib::Response&) { ended->wait(); });
  const auto result = api({.request_timeout = 200ms})->get(runs, key, go);
  ended->open();
  EXPECT_EQ(result.error().kind, ApiError::Kind::transport);
}

TEST_F(HttpKubeApiTest, AnAnswerThatDripsEndsInTime) {
  answer_in_pieces([](httplib::DataSink& sink) {
    std::this_thread::sleep_for(10ms); // the server's pace; the client waits for nothing here
    return write(sink, " ");
  });
  const auto result = api({.request_timeout = 300ms})->get(runs, key, go);
  EXPECT_THAT(result.error().message, HasSubstr("no whole answer within 300 ms"));
}

TEST_F(HttpKubeApiTest, AnAnswerThatIsTooLargeIsRefused) {
  answer("\"" + std::string(5000, 'x') + "\"");
  const auto result = api({.max_answer = 4096})->get(runs, key, go);
  EXPECT_THAT(result.error().message, HasSubstr("larger than 4096 bytes"));
}

TEST_F(HttpKubeApiTest, AConnectionThatTheServerHasClosedIsOpenedAgain) {
  server.server().set_keep_alive_max_count(1);
  answer("{}");
  const auto client = api();
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(client->get(runs, key, go));
  }
}

TEST_F(HttpKubeApiTest, ManyThreadsMayCallAtOnce) {
  answer("{}");
  const auto client = api();
  std::atomic<int> answers = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 20; ++j) {
          answers += client->get(runs, key, go) ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(answers, 160);
}

TEST_F(HttpKubeApiTest, NobodyThereIsATransportError) {
  ClusterConfig config;
  config.host = "127.0.0.1";
  config.port = 1;
  config.tls = false;
  const auto result = (*connect(config))->get(runs, key, go);
  EXPECT_EQ(result.error().kind, ApiError::Kind::transport);
  EXPECT_THAT(result.error().message, HasSubstr("127.0.0.1 port 1: no connection"));
}

TEST_F(HttpKubeApiTest, ALogIsReadUntilItsReaderHasEnough) {
  answer_in_pieces([](httplib::DataSink& sink) { return write(sink, "line\n"); });
  std::string text;
  const auto ended = api()->pod_log(
      key, "step one", true,
      [&](std::string_view bytes) {
        text += bytes;
        return text.size() < 12;
      },
      go);
  EXPECT_TRUE(ended);
  EXPECT_EQ(text.substr(0, 12), "line\nline\nli");
}

TEST_F(HttpKubeApiTest, ALogThatCannotBeReadIsAnError) {
  answer(R"({"kind":"Status","reason":"BadRequest","message":"is waiting to start","code":400})",
         400);
  const auto ended = api()->pod_log(key, "one", false, [](std::string_view) { return true; }, go);
  EXPECT_EQ(ended.error().kind, ApiError::Kind::bad_request);
  EXPECT_THAT(server.requests(), ElementsAre("GET /api/v1/namespaces/ns/pods/a/log?container=one"));
}

TEST_F(HttpKubeApiTest, ALogOfAPodWithoutANodeIsEmpty) {
  answer("", 204); // what the API server says then
  const auto ended = api()->pod_log(key, "one", true, [](std::string_view) { return false; }, go);
  EXPECT_TRUE(ended) << ended.error().message;
}

class HttpKubeApiTokenTest : public HttpKubeApiTest {
protected:
  HttpKubeApiTokenTest() : m_path(testing::TempDir() + "token-" + std::to_string(::getpid())) {}
  ~HttpKubeApiTokenTest() override { std::remove(m_path.c_str()); }

  ClusterConfig config() override {
    ClusterConfig result = server.config();
    result.token_file = m_path;
    return result;
  }
  void write_token(const std::string& token) const { std::ofstream(m_path) << token << "\n"; }

private:
  std::string m_path;
};

TEST_F(HttpKubeApiTokenTest, ARefusedTokenIsReadAgain) {
  write_token("old");
  server.server().Get(".*", [](const httplib::Request& request, httplib::Response& response) {
    response.status = request.get_header_value("Authorization") == "Bearer new" ? 200 : 401;
    response.set_content("{}", "application/json");
  });
  const auto client = api();
  EXPECT_EQ(client->get(runs, key, go).error().kind, ApiError::Kind::unauthorized);
  write_token("new");
  EXPECT_TRUE(client->get(runs, key, go));
  EXPECT_TRUE(client->get(runs, key, go));
  EXPECT_EQ(server.requests().size(), 5U); // old, old; old, new; new
}

// --- TLS ---

class HttpKubeApiTlsTest : public testing::Test {
protected:
  const Identity authority = make_identity("authority", "");
  const Identity other = make_identity("other authority", "");
  const Identity by_address = make_identity("server", "IP:127.0.0.1", &authority);
  const Identity by_name = make_identity("server", "DNS:api.example.dev", &authority);
  const Identity client = make_identity("system:admin", "", &authority);

  // Ask a server with this certificate; returns the name it knew us by, or the error.
  std::string ask(const Identity& identity, const std::function<void(ClusterConfig&)>& change,
                  const std::string& client_ca = "") {
    TestServer server(identity, client_ca);
    server.server().Get(".*", [](const httplib::Request& request, httplib::Response& response) {
      std::string name = "nobody";
      if (X509* peer = SSL_get1_peer_certificate(request.ssl)) {
        std::array<char, 64> text{};
        X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, text.data(),
                                  static_cast<int>(text.size()));
        name = text.data();
        X509_free(peer);
      }
      response.set_content(Json({{"name", name}}).dump(), "application/json");
    });
    server.start();
    ClusterConfig config = server.config();
    config.ca = authority.certificate;
    change(config);
    const auto api = connect(config);
    if (!api) {
      return api.error();
    }
    const auto answer = (*api)->get(runs, key, {});
    return answer ? (*answer)["name"].get<std::string>() : answer.error().message;
  }
};

TEST_F(HttpKubeApiTlsTest, AServerIsKnownByItsAuthorityAndItsAddress) {
  EXPECT_EQ(ask(by_address, [](ClusterConfig&) {}), "nobody");
  EXPECT_THAT(ask(by_address, [&](ClusterConfig& config) { config.ca = other.certificate; }),
              HasSubstr("its certificate is not trusted"));
  EXPECT_THAT(ask(by_name, [](ClusterConfig&) {}), HasSubstr("certificate is for another name"));
}

TEST_F(HttpKubeApiTlsTest, ANameForTlsMayDifferFromTheHost) {
  EXPECT_EQ(ask(by_name, [](ClusterConfig& config) { config.tls_server_name = "api.example.dev"; }),
            "nobody");
}

TEST_F(HttpKubeApiTlsTest, ChecksCanBeSwitchedOff) {
  EXPECT_EQ(ask(by_name,
                [](ClusterConfig& config) {
                  config.ca.clear();
                  config.insecure_skip_tls_verify = true;
                }),
            "nobody");
}

TEST_F(HttpKubeApiTlsTest, AClientCertificateTellsWhoWeAre) {
  const auto with_identity = [&](ClusterConfig& config) {
    config.client_certificate = client.certificate;
    config.client_key = client.key;
  };
  EXPECT_EQ(ask(by_address, with_identity, authority.certificate), "system:admin");
  EXPECT_EQ(ask(by_address,
                [&](ClusterConfig& config) {
                  config.client_certificate = client.certificate;
                  config.client_key = other.key;
                }),
            "the client key does not belong to the client certificate");
  EXPECT_EQ(ask(by_address, [](ClusterConfig& config) { config.ca = "x"; }),
            "the certificate authority is no PEM certificate");
}

} // namespace
} // namespace taskgroup::kube
