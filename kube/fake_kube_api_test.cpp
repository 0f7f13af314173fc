// SPDX-License-Identifier: Apache-2.0
#include "kube/fake_kube_api.h"
#include "kube/resources.h"
#include "kube/term_selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace taskgroup::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Resource runs{.group = "example.dev", .version = "v1", .plural = "runs"};

Json run_object(const std::string& name) {
  return {{"apiVersion", "example.dev/v1"},
          {"kind", "Run"},
          {"metadata", {{"namespace", "ns"}, {"name", name}}},
          {"spec", {{"size", 1}}},
          {"status", {{"made", "up"}}}};
}

Json pod_object(const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"namespace", "ns"}, {"name", name}}},
          {"spec", {{"containers", {{{"name", "one"}, {"image", "a"}, {"command", {"true"}}}}}}}};
}

// Watches from a thread of its own; what it has seen can be waited for.
class Watcher {
public:
  Watcher(FakeKubeApi& api, const Resource& resource, Selector selector, std::string version) {
    m_thread = std::jthread([this, &api, resource, selector = std::move(selector),
                             version = std::move(version)](const std::stop_token& stop) {
      auto end = api.watch(
          resource, selector, version, [&](const WatchEvent& event) { add(describe(event)); },
          stop);
      add(end ? "end" : "error " + std::to_string(end.error().code));
    });
  }

  // Wait until so many lines are there, then return all.
  std::vector<std::string> lines(std::size_t count) {
    std::unique_lock lock(m_mutex);
    m_more.wait(lock, [&] { return m_lines.size() >= count; });
    return m_lines;
  }
  void stop() { m_thread.request_stop(); }

private:
  static std::string describe(const WatchEvent& event) {
    const char* types[] = {"added", "modified", "deleted", "bookmark"};
    const Json& metadata = event.object["metadata"];
    return std::string(types[static_cast<int>(event.type)]) + " " + metadata.value("name", "") + "@"
           + metadata.value("resourceVersion", "");
  }

  void add(std::string line) {
    const std::scoped_lock lock(m_mutex);
    m_lines.push_back(std::move(line));
    m_more.notify_all();
  }

  std::mutex m_mutex;
  std::condition_variable m_more;
  std::vector<std::string> m_lines;
  std::jthread m_thread;
};

class FakeKubeApiTest : public testing::Test {
protected:
  FakeKubeApiTest() {
    api.serve({.resource = runs,
               .kind = "Run",
               .has_status = true,
               .prune = [](Json& object) { object.erase("unknown"); },
               .admit = [](const Json&, const Json& after) -> std::optional<std::string> {
                 return after["spec"]["size"] == 13
                            ? std::optional<std::string>("spec.size: unlucky")
                            : std::nullopt;
               }});
    // 2026-01-02T03:04:05Z
    api.set_clock([] { return WallTime(std::chrono::seconds(1767323045)); });
  }

  static ObjectKey in_ns(const std::string& name) { return {.namespace_name = "ns", .name = name}; }

  FakeKubeApi api;
  std::stop_token go;
};

TEST_F(FakeKubeApiTest, CreateAddsMetadataAndDropsTheStatus) {
  Json object = run_object("a");
  object["unknown"] = 1;
  const auto made = api.create(runs, object, go);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)["metadata"]["generation"], 1);
  EXPECT_EQ((*made)["metadata"]["creationTimestamp"], "2026-01-02T03:04:05Z");
  EXPECT_EQ((*made)["metadata"]["uid"].get<std::string>().size(), 36U);
  EXPECT_FALSE(made->contains("status"));
  EXPECT_FALSE(made->contains("unknown"));
  EXPECT_EQ(*api.get(runs, in_ns("a"), go), *made);
}

TEST_F(FakeKubeApiTest, CreateRefusesWhatAServerRefuses) {
  ASSERT_TRUE(api.create(runs, run_object("a"), go));
  const auto again = api.create(runs, run_object("a"), go);
  EXPECT_EQ(again.error().kind, ApiError::Kind::already_exists);
  EXPECT_EQ(again.error().message, "runs.example.dev \"a\" already exists");

  Json unlucky = run_object("b");
  unlucky["spec"]["size"] = 13;
  EXPECT_EQ(api.create(runs, unlucky, go).error().message,
            "Run.example.dev \"b\" is invalid: spec.size: unlucky");
  EXPECT_EQ(api.create(runs, run_object("Upper"), go).error().code, 422);
  EXPECT_EQ(api.create(runs, pod_object("b"), go).error().code, 400);

  Json labelled = run_object("b");
  labelled["metadata"]["labels"]["ok.dev/name"] = std::string(64, 'x');
  EXPECT_EQ(api.create(runs, labelled, go).error().code, 422);

  Json large = run_object("b");
  large["spec"]["text"] = std::string(1600000, 'x');
  EXPECT_EQ(api.create(runs, large, go).error().kind, ApiError::Kind::too_large);

  const Resource nothing{.group = "tekton.dev", .version = "v1alpha1", .plural = "runs"};
  EXPECT_EQ(api.list(nothing, {}, go).error().code, 404);
}

TEST_F(FakeKubeApiTest, SpecAndStatusAreWrittenApart) {
  const Json made = *api.create(runs, run_object("a"), go);
  Json both = made;
  both["spec"]["size"] = 2;
  both["status"]["phase"] = "Done";

  const Json with_spec = *api.replace(runs, both, go);
  EXPECT_EQ(with_spec["spec"]["size"], 2);
  EXPECT_FALSE(with_spec.contains("status"));
  EXPECT_EQ(with_spec["metadata"]["generation"], 2);

  both = with_spec;
  both["spec"]["size"] = 3;
  both["status"]["phase"] = "Done";
  const Json with_status = *api.replace_status(runs, both, go);
  EXPECT_EQ(with_status["spec"]["size"], 2);
  EXPECT_EQ(with_status["status"]["phase"], "Done");
  EXPECT_EQ(with_status["metadata"]["generation"], 2);
}

TEST_F(FakeKubeApiTest, AnOldVersionConflictsAndAnEqualObjectIsNotWritten) {
  Json old = *api.create(runs, run_object("a"), go);
  Json next = old;
  next["spec"]["size"] = 2;
  const Json stored = *api.replace(runs, next, go);
  EXPECT_EQ(api.replace(runs, old, go).error().kind, ApiError::Kind::conflict);
  EXPECT_EQ(*api.replace(runs, stored, go), stored);
  EXPECT_FALSE(api.writes().back().changed);

  Json without = stored;
  without["metadata"].erase("resourceVersion");
  EXPECT_EQ(api.replace(runs, without, go).error().kind, ApiError::Kind::invalid);
  Json other = stored;
  other["metadata"]["uid"] = "another";
  EXPECT_EQ(api.replace(runs, other, go).error().kind, ApiError::Kind::conflict);
}

TEST_F(FakeKubeApiTest, PatchesOfAPodChangeImagesAndLowerTheDeadlineOnly) {
  ASSERT_TRUE(api.create(pods, pod_object("p"), go));
  const auto patch = [&](PatchType type, const char* text) {
    return api.patch(pods, in_ns("p"), type, Json::parse(text), go);
  };
  const auto image =
      patch(PatchType::json, R"([{"op":"test","path":"/spec/containers/0/image","value":"a"},
      {"op":"replace","path":"/spec/containers/0/image","value":"b"},
      {"op":"add","path":"/metadata/annotations","value":{"k":"v"}}])");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ((*image)["spec"]["containers"][0]["image"], "b");
  EXPECT_EQ((*image)["metadata"]["annotations"]["k"], "v");
  EXPECT_EQ((*image)["status"]["phase"], "Pending");

  EXPECT_EQ(
      patch(PatchType::json, R"([{"op":"test","path":"/spec/containers/0/image","value":"a"}])")
          .error()
          .code,
      422);
  EXPECT_TRUE(patch(PatchType::merge, R"({"spec":{"activeDeadlineSeconds":100}})"));
  EXPECT_TRUE(patch(PatchType::merge, R"({"spec":{"activeDeadlineSeconds":1}})"));
  EXPECT_EQ(patch(PatchType::merge, R"({"spec":{"activeDeadlineSeconds":2}})").error().code, 422);
  EXPECT_EQ(patch(PatchType::merge, R"({"spec":{"hostNetwork":true}})").error().code, 422);
  EXPECT_EQ(patch(PatchType::merge, R"({"metadata":{"resourceVersion":"1"}})").error().code, 409);
  EXPECT_EQ(patch(PatchType::merge, R"({"metadata":{"uid":"1"}})").error().code, 422);
  EXPECT_EQ(patch(PatchType::json, R"([{"op":"frob","path":"/x"}])").error().code, 422);
}

TEST_F(FakeKubeApiTest, RemoveTakesOnlyTheUidThatWasMeant) {
  const Json first = *api.create(runs, run_object("a"), go);
  EXPECT_EQ(api.remove(runs, in_ns("a"), "another", go).error().kind, ApiError::Kind::conflict);
  EXPECT_TRUE(api.remove(runs, in_ns("a"), first["metadata"]["uid"], go));
  EXPECT_EQ(api.remove(runs, in_ns("a"), first["metadata"]["uid"], go).error().code, 404);
}

TEST_F(FakeKubeApiTest, FinalizersHoldADeletionBack) {
  Json object = run_object("a");
  object["metadata"]["finalizers"] = {"one.dev/x"};
  const Json made = *api.create(runs, object, go);
  ASSERT_TRUE(api.remove(runs, in_ns("a"), made["metadata"]["uid"], go));
  Json going = *api.find(runs, in_ns("a"));
  EXPECT_EQ(going["metadata"]["deletionTimestamp"], "2026-01-02T03:04:05Z");
  EXPECT_EQ(api.create(runs, run_object("a"), go).error().kind, ApiError::Kind::already_exists);

  Json more = going;
  more["metadata"]["finalizers"].push_back("two.dev/y");
  EXPECT_EQ(api.replace(runs, more, go).error().code, 422);
  going["metadata"]["finalizers"] = Json::array();
  ASSERT_TRUE(api.replace(runs, going, go));
  EXPECT_EQ(api.find(runs, in_ns("a")), std::nullopt);
}

TEST_F(FakeKubeApiTest, ABoundPodWaitsForItsKubelet) {
  ASSERT_TRUE(api.create(pods, pod_object("unbound"), go));
  EXPECT_TRUE(api.erase(pods, in_ns("unbound")));
  EXPECT_EQ(api.find(pods, in_ns("unbound")), std::nullopt);

  ASSERT_TRUE(api.create(pods, pod_object("p"), go));
  api.modify(pods, in_ns("p"), [](Json& pod) { pod["spec"]["nodeName"] = "node"; });
  EXPECT_TRUE(api.erase(pods, in_ns("p")));
  EXPECT_EQ((*api.find(pods, in_ns("p")))["metadata"]["deletionTimestamp"], "2026-01-02T03:04:35Z");
  EXPECT_TRUE(api.erase_now(pods, in_ns("p")));
  EXPECT_FALSE(api.erase_now(pods, in_ns("p")));
}

TEST_F(FakeKubeApiTest, DependentsGoWithTheirOwner) {
  const Json owner = *api.create(runs, run_object("a"), go);
  Json pod = pod_object("p");
  pod["metadata"]["ownerReferences"] = {{{"apiVersion", "example.dev/v1"},
                                         {"kind", "Run"},
                                         {"name", "a"},
                                         {"uid", owner["metadata"]["uid"]},
                                         {"controller", true}}};
  ASSERT_TRUE(api.create(pods, pod, go));
  ASSERT_TRUE(api.create(pods, pod_object("free"), go));
  EXPECT_TRUE(api.erase(runs, in_ns("a")));
  EXPECT_EQ(api.find(pods, in_ns("p")), std::nullopt);
  EXPECT_NE(api.find(pods, in_ns("free")), std::nullopt);
}

TEST_F(FakeKubeApiTest, AWatchReplaysFollowsAndEnds) {
  const auto start = api.list(runs, {}, go)->resource_version;
  ASSERT_EQ(start, "100");
  ASSERT_TRUE(api.create(runs, run_object("a"), go));
  Watcher watcher(api, runs, {.namespace_name = "ns", .labels = {}, .fields = {}}, start);
  watcher.lines(1);
  api.modify(runs, in_ns("a"), [](Json& run) { run["status"] = {{"phase", "Done"}}; });
  ASSERT_TRUE(api.create(pods, pod_object("other-kind"), go));
  watcher.lines(2);
  api.erase(runs, in_ns("a"));
  watcher.lines(3);
  api.send_bookmarks();
  watcher.lines(4);
  api.end_watches();
  EXPECT_THAT(watcher.lines(5), ElementsAre("added a@101", "modified a@102", "deleted a@104",
                                            "bookmark @104", "end"));
}

TEST_F(FakeKubeApiTest, AnObjectThatLeavesTheSelectionIsDeletedForItsWatch) {
  Json object = run_object("a");
  object["metadata"]["labels"]["app"] = "x";
  api.put(runs, object);
  Watcher watcher(api, runs, {.namespace_name = {}, .labels = "app=x", .fields = {}}, "100");
  watcher.lines(1);
  api.modify(runs, in_ns("a"), [](Json& run) { run["metadata"]["labels"]["app"] = "y"; });
  api.modify(runs, in_ns("a"), [](Json& run) { run["metadata"]["labels"]["app"] = "x"; });
  EXPECT_THAT(watcher.lines(3), ElementsAre("added a@101", "deleted a@102", "added a@103"));
  watcher.stop();
  EXPECT_EQ(watcher.lines(4).back(), "error 0");
}

TEST_F(FakeKubeApiTest, AWatchFromBeforeACompactionIsExpired) {
  api.put(runs, run_object("a"));
  api.compact();
  Watcher late(api, runs, {}, "100");
  EXPECT_THAT(late.lines(1), ElementsAre("error 410"));
  Watcher fresh(api, runs, {}, "101");
  api.put(runs, run_object("b"));
  fresh.lines(1);
  api.break_watches({.kind = ApiError::Kind::internal, .code = 500, .message = "gone"});
  EXPECT_THAT(fresh.lines(2), ElementsAre("added b@102", "error 500"));
}

TEST_F(FakeKubeApiTest, PausedWatchesLagBehindReads) {
  Watcher watcher(api, runs, {}, "100");
  api.wait_for_watches(1);
  api.pause_watches(true);
  api.put(runs, run_object("a"));
  EXPECT_NE(api.find(runs, in_ns("a")), std::nullopt);
  api.send_bookmarks();
  EXPECT_THAT(watcher.lines(1), ElementsAre("bookmark @100"));
  api.pause_watches(false);
  EXPECT_THAT(watcher.lines(2), ElementsAre("bookmark @100", "added a@101"));
}

TEST_F(FakeKubeApiTest, TheHookDecidesWhatBecomesOfAWrite) {
  std::vector<Fate::Kind> fates{Fate::Kind::lose, Fate::Kind::refuse, Fate::Kind::lose_reply};
  api.set_write_hook([&](const FakeWrite& write) {
    EXPECT_EQ(write.key.name, "a");
    const Fate::Kind kind = fates.front();
    fates.erase(fates.begin());
    return Fate{.kind = kind,
                .error = {.kind = ApiError::Kind::forbidden, .code = 403, .message = "quota"}};
  });
  EXPECT_EQ(api.create(runs, run_object("a"), go).error().kind, ApiError::Kind::transport);
  EXPECT_EQ(api.create(runs, run_object("a"), go).error().code, 403);
  EXPECT_EQ(api.find(runs, in_ns("a")), std::nullopt);
  EXPECT_EQ(api.create(runs, run_object("a"), go).error().kind, ApiError::Kind::transport);
  EXPECT_NE(api.find(runs, in_ns("a")), std::nullopt);

  const auto writes = api.writes();
  ASSERT_EQ(writes.size(), 3U);
  EXPECT_FALSE(writes[1].applied);
  EXPECT_TRUE(writes[2].applied && writes[2].answer.has_value());
}

TEST_F(FakeKubeApiTest, AReadHookCanForbid) {
  api.set_read_hook([](const std::string& verb, const Resource&, const std::string&) {
    return verb == "list"
               ? std::optional<ApiError>({.kind = ApiError::Kind::forbidden, .code = 403})
               : std::nullopt;
  });
  EXPECT_EQ(api.list(secrets, {}, go).error().code, 403);
  EXPECT_EQ(api.get(secrets, in_ns("s"), go).error().code, 404);
}

TEST_F(FakeKubeApiTest, LogsAreFollowedUntilTheContainerEnds) {
  const ObjectKey pod = in_ns("p");
  std::string text;
  const auto read = [&](bool follow) {
    text.clear();
    return api.pod_log(
        pod, "one", follow,
        [&](std::string_view bytes) {
          text += bytes;
          if (bytes == "first\n") {
            api.append_log(pod, "one", "second\n");
            api.end_log(pod, "one");
          }
          return true;
        },
        go);
  };
  EXPECT_EQ(read(true).error().code, 404);
  ASSERT_TRUE(api.create(pods, pod_object("p"), go));
  EXPECT_TRUE(read(true)); // as a server does while the pod is not bound
  EXPECT_EQ(text, "");
  api.modify(pods, pod, [](Json& object) { object["spec"]["nodeName"] = "node"; });
  EXPECT_THAT(read(true).error().message, HasSubstr("is waiting to start"));
  api.append_log(pod, "one", "first\n");
  EXPECT_TRUE(read(true));
  EXPECT_EQ(text, "first\nsecond\n");
  api.rotate_log(pod, "one", "nd\n");
  EXPECT_TRUE(read(false));
  EXPECT_EQ(text, "nd\n");
}

TEST_F(FakeKubeApiTest, AFollowEndsWithItsPod) {
  ASSERT_TRUE(api.create(pods, pod_object("p"), go));
  api.append_log(in_ns("p"), "one", "x");
  std::thread remover([&] {
    api.wait_for_logs(1);
    api.erase(pods, in_ns("p"));
  });
  EXPECT_TRUE(api.pod_log(in_ns("p"), "one", true, [](std::string_view) { return true; }, go));
  remover.join();
}

TEST(TermSelector, ReadsWhatTheServerReads) {
  const Json object = {{"metadata", {{"name", "n"}, {"labels", {{"a", "1"}, {"x.dev/b", "2"}}}}},
                       {"status", {{"phase", "Running"}}}};
  const auto labels = [&](const char* text) {
    return TermSelector::parse(text, TermSelector::Kind::labels)->matches(object);
  };
  for (const char* text : {"", "a", "a=1", "a==1,x.dev/b=2", "a!=2", "c!=1", "!c", "a in (0,1)",
                           "a notin (2, 3)", "c notin (1)"}) {
    EXPECT_TRUE(labels(text)) << text;
  }
  for (const char* text : {"c", "a=2", "!a", "a!=1", "a in (2)", "a notin (1)", "c in (1)"}) {
    EXPECT_FALSE(labels(text)) << text;
  }
  const auto fields = [&](const char* text) {
    return TermSelector::parse(text, TermSelector::Kind::fields)->matches(object);
  };
  EXPECT_TRUE(fields("metadata.name=n,status.phase!=Succeeded"));
  EXPECT_FALSE(fields("status.phase=Succeeded"));
  EXPECT_FALSE(fields("spec.nodeName!="));
  EXPECT_FALSE(TermSelector::parse("a of (1)", TermSelector::Kind::labels));
}

} // namespace
} // namespace taskgroup::kube
