// SPDX-License-Identifier: Apache-2.0
#include "kube/fake_clock.h"
#include "kube/fake_kube_api.h"
#include "kube/informer.h"
#include "kube/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup::kube {
namespace {

using testing::ElementsAre;

Json config_map(const std::string& name, const std::string& value = "1") {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"namespace", "ns"}, {"name", name}, {"managedFields", {"x"}}}},
          {"data", {{"value", value}, {"large", "unused"}}}};
}

class InformerTest : public testing::Test {
protected:
  InformerTest() { clock->run_freely(true); }

  void start(Informer::Settings settings = {}) {
    settings.resource = settings.resource.plural.empty() ? config_maps : settings.resource;
    settings.transform = [](Json& object) { object["data"].erase("large"); };
    settings.on_error = [this](const ApiError& error) {
      add("error " + std::to_string(error.code));
    };
    informer.emplace(
        api, settings,
        [this](const ObjectKey& key, const Informer::Object& before,
               const Informer::Object& after) {
          add((!before ? "+" : !after ? "-" : "~") + key.name);
        },
        clock);
    informer->start();
  }

  void add(std::string line) {
    const std::scoped_lock lock(mutex);
    seen.push_back(std::move(line));
    more.notify_all();
  }

  std::vector<std::string> lines(std::size_t count) {
    std::unique_lock lock(mutex);
    more.wait(lock, [&] { return seen.size() >= count; });
    return seen;
  }

  static ObjectKey in_ns(const std::string& name) { return {.namespace_name = "ns", .name = name}; }
  void change(const std::string& name, const std::string& value) {
    api.modify(config_maps, in_ns(name), [&](Json& object) { object["data"]["value"] = value; });
  }

  FakeKubeApi api;
  std::shared_ptr<FakeClock> clock = std::make_shared<FakeClock>();
  std::mutex mutex;
  std::condition_variable more;
  std::vector<std::string> seen;
  std::optional<Informer> informer; // last: its thread uses the others
};

TEST_F(InformerTest, ListsThenFollows) {
  api.put(config_maps, config_map("a"));
  api.put(config_maps, config_map("b"));
  start();
  EXPECT_THAT(lines(2), ElementsAre("+a", "+b"));
  api.wait_for_watches(1);
  EXPECT_TRUE(informer->has_synced());
  change("a", "2");
  api.put(config_maps, config_map("c"));
  api.erase(config_maps, in_ns("b"));
  EXPECT_THAT(lines(5), ElementsAre("+a", "+b", "~a", "+c", "-b"));
  EXPECT_EQ(informer->size(), 2U);
  EXPECT_EQ((*informer->find(in_ns("a")))["data"], Json({{"value", "2"}}));
  EXPECT_FALSE((*informer->find(in_ns("a")))["metadata"].contains("managedFields"));
  EXPECT_EQ(informer->find(in_ns("b")), nullptr);
  EXPECT_EQ(informer->all().back()->at("metadata")["name"], "c");
}

TEST_F(InformerTest, AnEndedOrBrokenWatchGoesOnWhereItWas) {
  start();
  api.wait_for_watches(1);
  api.put(config_maps, config_map("a"));
  lines(1);
  api.break_watches({.kind = ApiError::Kind::transport, .code = 0, .message = "cut"});
  EXPECT_THAT(lines(2), ElementsAre("+a", "error 0"));
  api.set_read_hook([](const std::string& verb, const Resource&, const std::string&) {
    EXPECT_NE(verb, "list");
    return std::optional<ApiError>();
  });
  api.put(config_maps, config_map("b"));
  EXPECT_THAT(lines(3), ElementsAre("+a", "error 0", "+b"));
}

TEST_F(InformerTest, AnExpiredWatchListsAgainAndTellsWhatWentUnseen) {
  api.put(config_maps, config_map("a"));
  api.put(config_maps, config_map("b"));
  api.put(config_maps, config_map("same"));
  start();
  api.wait_for_watches(1);
  api.set_event_filter([](const Resource&, const WatchEvent&) { return true; });
  api.erase(config_maps, in_ns("a"));
  change("b", "2");
  api.put(config_maps, config_map("c"));
  api.break_watches({.kind = ApiError::Kind::expired, .code = 410, .message = "too old"});
  EXPECT_THAT(lines(7), ElementsAre("+a", "+b", "+same", "error 410", "~b", "+c", "-a"));
}

TEST_F(InformerTest, BookmarksMoveTheVersionOfTheNextWatch) {
  start();
  api.wait_for_watches(1);
  api.put(pods, {{"apiVersion", "v1"},
                 {"kind", "Pod"},
                 {"metadata", {{"namespace", "ns"}, {"name", "p"}}},
                 {"spec", {{"containers", Json::array()}}}});
  api.send_bookmarks();
  api.put(config_maps, config_map("a"));
  lines(1); // the bookmark came before it
  api.compact();
  api.break_watches({.kind = ApiError::Kind::transport, .code = 0, .message = "cut"});
  lines(2);
  api.put(config_maps, config_map("b"));
  EXPECT_THAT(lines(3), ElementsAre("+a", "error 0", "+b"));
}

TEST_F(InformerTest, FailuresAreWaitedOutLongerAndLonger) {
  std::atomic<int> failures = 6;
  api.set_read_hook([&](const std::string& verb, const Resource&, const std::string&) {
    return verb == "list" && failures-- > 0
               ? std::optional<ApiError>({.kind = ApiError::Kind::too_many_requests,
                                          .code = 429,
                                          .message = "wait",
                                          .retry_after = std::chrono::seconds(5)})
               : std::nullopt;
  });
  start();
  EXPECT_FALSE(informer->has_synced() && failures > 0);
  api.wait_for_watches(1);
  const auto sleeps = clock->sleeps();
  ASSERT_EQ(sleeps.size(), 6U);
  EXPECT_EQ(sleeps.front(), std::chrono::seconds(5)); // as the server said
  EXPECT_GE(sleeps.back(), std::chrono::milliseconds(800) * 32);
  EXPECT_LE(sleeps.back(), std::chrono::seconds(60));
}

TEST_F(InformerTest, AKindThatTheServerDoesNotKnowIsEmptyIfThatIsAllowed) {
  const Resource legacy{.group = "tekton.dev", .version = "v1alpha1", .plural = "runs"};
  clock->run_freely(false);
  start({.resource = legacy, .selector = {}, .may_be_absent = true});
  clock->wait_for_sleepers(1);
  EXPECT_TRUE(informer->has_synced());
  api.serve({.resource = legacy, .kind = "Run", .prune = {}, .admit = {}});
  api.put(legacy, {{"apiVersion", "tekton.dev/v1alpha1"},
                   {"kind", "Run"},
                   {"metadata", {{"namespace", "ns"}, {"name", "r"}}},
                   {"data", Json::object()}});
  clock->advance(std::chrono::minutes(5));
  EXPECT_THAT(lines(1), ElementsAre("+r"));
}

TEST_F(InformerTest, StopsWhileItWatchesAndWhileItWaits) {
  start();
  api.wait_for_watches(1);
  informer->stop();
  EXPECT_EQ(api.open_watches(), 0U);

  clock->run_freely(false);
  api.set_read_hook([](const std::string&, const Resource&, const std::string&) {
    return std::optional<ApiError>({.kind = ApiError::Kind::internal, .code = 500, .message = "x"});
  });
  start();
  clock->wait_for_sleepers(1);
  informer->stop();
  EXPECT_FALSE(informer->has_synced());
}

} // namespace
} // namespace taskgroup::kube
