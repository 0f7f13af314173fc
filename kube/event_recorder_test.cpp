// SPDX-License-Identifier: Apache-2.0
#include "kube/event_recorder.h"
#include "kube/fake_clock.h"
#include "kube/fake_kube_api.h"
#include "kube/resources.h"

#include <gtest/gtest.h>

namespace taskgroup::kube {
namespace {

using namespace std::chrono_literals;

const Json run = {{"apiVersion", "example.dev/v1"},
                  {"kind", "Run"},
                  {"metadata",
                   {{"namespace", "ns"},
                    {"name", "r"},
                    {"uid", "u"},
                    {"resourceVersion", "7"},
                    {"labels", {{"not", "sent"}}}}}};

class EventRecorderTest : public testing::Test {
protected:
  void record(const std::string& note, const std::string& reason = "PodCreated") {
    recorder.record(run, EventRecorder::Type::normal, reason, "Create", note);
    recorder.flush();
  }

  FakeKubeApi api;
  std::shared_ptr<FakeClock> clock = std::make_shared<FakeClock>();
  EventRecorder recorder{
      api, {.controller = "example.dev/controller", .instance = "pod-1", .burst = 3}, clock};
};

TEST_F(EventRecorderTest, WritesWhatTheApiAsksFor) {
  recorder.record(run, EventRecorder::Type::warning, "PodLost", "Watch", "The pod is gone");
  recorder.flush();
  const auto all = api.all(events);
  ASSERT_EQ(all.size(), 1U);
  Json event = all[0];
  EXPECT_EQ(event["metadata"]["namespace"], "ns");
  EXPECT_EQ(event["metadata"]["name"].get<std::string>().substr(0, 2), "r.");
  event.erase("metadata");
  EXPECT_EQ(event, Json::parse(R"({"apiVersion": "events.k8s.io/v1", "kind": "Event",
    "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "example.dev/controller",
    "reportingInstance": "pod-1", "action": "Watch", "reason": "PodLost", "type": "Warning",
    "note": "The pod is gone", "regarding": {"apiVersion": "example.dev/v1", "kind": "Run",
    "namespace": "ns", "name": "r", "uid": "u", "resourceVersion": "7"}})"));
}

TEST_F(EventRecorderTest, TheSameAgainRaisesASeries) {
  record("x");
  record("x");
  record("x"); // too soon to be written
  clock->advance(1min);
  record("x");
  ASSERT_EQ(api.all(events).size(), 1U);
  EXPECT_EQ(api.all(events)[0]["series"]["count"], 4);
  EXPECT_EQ(api.all(events)[0]["series"]["lastObservedTime"], "2026-01-01T00:01:00.000000Z");
  clock->advance(7min);
  record("x");
  EXPECT_EQ(api.all(events).size(), 2U);
}

TEST_F(EventRecorderTest, ASeriesWhoseEventIsGoneBeginsAnew) {
  record("x");
  const Json first = api.all(events)[0];
  api.erase(events, {.namespace_name = "ns", .name = first["metadata"]["name"]});
  record("x");
  EXPECT_EQ(api.all(events).size(), 1U);
}

TEST_F(EventRecorderTest, AnObjectThatTellsTooMuchIsHeldBack) {
  for (const char* note : {"1", "2", "3", "4", "5"}) {
    record(note);
  }
  EXPECT_EQ(api.all(events).size(), 3U);
  EXPECT_EQ(recorder.figures().dropped, 2U);
  clock->advance(5min);
  record("6");
  record("7");
  EXPECT_EQ(api.all(events).size(), 4U);
}

TEST_F(EventRecorderTest, AFailureIsCountedAndForgotten) {
  api.set_write_hook([](const FakeWrite&) {
    return Fate{.kind = Fate::Kind::refuse,
                .error = {.kind = ApiError::Kind::forbidden, .code = 403, .message = "no"}};
  });
  record("x");
  EXPECT_EQ(recorder.figures().failed, 1U);
  api.set_write_hook(nullptr);
  record("x");
  EXPECT_EQ(recorder.figures().written, 1U);
}

TEST_F(EventRecorderTest, ALongNoteIsCutBetweenCharacters) {
  std::string text = "x";
  for (int i = 0; i < 600; ++i) {
    text += "ä";
  }
  record(text);
  const std::string note = api.all(events)[0]["note"];
  EXPECT_LE(note.size(), 1024U);
  EXPECT_EQ(note.substr(note.size() - 5), "ä...");
}

} // namespace
} // namespace taskgroup::kube
