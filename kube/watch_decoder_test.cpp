// SPDX-License-Identifier: Apache-2.0
#include "kube/answer.h"
#include "kube/watch_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string two_events = R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}
{"type":"DELETED","object":{"metadata":{"resourceVersion":"2","name":"ä}"}}}
)";

std::vector<std::string> versions(WatchDecoder& decoder, std::string_view bytes) {
  std::vector<std::string> seen;
  decoder.feed(bytes, [&](const WatchEvent& event) {
    seen.push_back(event.object["metadata"]["resourceVersion"]);
  });
  return seen;
}

TEST(WatchDecoder, PiecesMayEndAnywhere) {
  for (std::size_t cut = 0; cut <= two_events.size(); ++cut) {
    WatchDecoder decoder("watch", 1000);
    auto seen = versions(decoder, two_events.substr(0, cut));
    for (const std::string& more : versions(decoder, two_events.substr(cut))) {
      seen.push_back(more);
    }
    EXPECT_THAT(seen, ElementsAre("1", "2")) << cut;
    EXPECT_FALSE(decoder.error());
  }
}

TEST(WatchDecoder, ALineThatNeverEndsCostsNoMemory) {
  WatchDecoder decoder("watch", 100);
  EXPECT_TRUE(decoder.feed(std::string(100, ' '), [](const WatchEvent&) {}));
  EXPECT_FALSE(decoder.feed(" ", [](const WatchEvent&) {}));
  EXPECT_THAT(decoder.error()->message, HasSubstr("more than 100 bytes"));
}

TEST(WatchDecoder, WhatIsNoEventBreaksTheWatch) {
  for (const char* line : {"garbage", "[]", R"({"type":"ADDED"})", R"({"type":1,"object":{}})",
                           R"({"type":"ADDED","object":{"metadata":{}}})",
                           R"({"type":"NEW","object":{"metadata":{"resourceVersion":"1"}}})"}) {
    WatchDecoder decoder("watch", 1000);
    EXPECT_FALSE(decoder.feed(std::string(line) + "\n", [](const WatchEvent&) { FAIL(); })) << line;
    EXPECT_EQ(decoder.error()->kind, ApiError::Kind::transport);
  }
}

TEST(WatchDecoder, NothingIsReadAfterAnError) {
  WatchDecoder decoder("watch", 1000);
  EXPECT_THAT(versions(decoder, R"({"type":"ERROR","object":{"code":500,"message":"etcd"}})"
                                "\n" + two_events),
              ElementsAre());
  EXPECT_EQ(decoder.error()->kind, ApiError::Kind::internal);
}

TEST(Answer, KindsFollowReasonAndCode) {
  const auto kind = [](int code, const std::string& body) {
    return error_of_answer({.status = code, .body = body, .retry_after = ""}, "x").kind;
  };
  using Kind = ApiError::Kind;
  EXPECT_EQ(kind(409, R"({"kind":"Status","reason":"Conflict"})"), Kind::conflict);
  EXPECT_EQ(kind(409, R"({"kind":"Status","reason":"AlreadyExists"})"), Kind::already_exists);
  EXPECT_EQ(kind(410, R"({"kind":"Status","reason":"Expired"})"), Kind::expired);
  EXPECT_EQ(kind(500, R"({"kind":"Status","reason":"ServerTimeout"})"), Kind::timeout);
  EXPECT_EQ(kind(500, R"({"kind":"Status","message":"etcdserver: request is too large"})"),
            Kind::too_large);
  EXPECT_EQ(kind(413, "too large"), Kind::too_large);
  EXPECT_EQ(kind(401, ""), Kind::unauthorized);
  EXPECT_EQ(kind(403, ""), Kind::forbidden);
  EXPECT_EQ(kind(404, "404 page not found"), Kind::not_found);
  EXPECT_EQ(kind(422, ""), Kind::invalid);
  EXPECT_EQ(kind(429, ""), Kind::too_many_requests);
  EXPECT_EQ(kind(503, "<html>"), Kind::internal);
  EXPECT_EQ(kind(504, ""), Kind::timeout);
  EXPECT_EQ(kind(415, ""), Kind::bad_request);
}

TEST(Answer, TheTimeToWaitIsRead) {
  const auto from_header = error_of_answer({.status = 429, .body = "", .retry_after = "7"}, "x");
  EXPECT_EQ(from_header.retry_after, std::chrono::seconds(7));
  const auto from_details = error_of_answer(
      {.status = 500, .body = R"({"kind":"Status","details":{"retryAfterSeconds":3}})"}, "x");
  EXPECT_EQ(from_details.retry_after, std::chrono::seconds(3));
  EXPECT_FALSE(
      error_of_answer({.status = 429, .body = "", .retry_after = "tomorrow"}, "x").retry_after);
}

TEST(Answer, JsonThatNestsTooDeepIsNotRead) {
  EXPECT_TRUE(parse_bounded(std::string(200, '[') + std::string(200, ']')));
  EXPECT_FALSE(parse_bounded(std::string(201, '[') + std::string(201, ']')));
  EXPECT_TRUE(parse_bounded("\"" + std::string(500, '[') + R"(\"[")"));
  EXPECT_FALSE(parse_bounded("{"));
}

} // namespace
} // namespace taskgroup::kube
