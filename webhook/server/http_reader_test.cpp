// SPDX-License-Identifier: Apache-2.0
#include "webhook/server/http_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace taskgroup {
namespace {

using State = HttpReader::State;

const std::string plain_post =
    "POST /validate?timeout=5s HTTP/1.1\r\nHost: a\r\ncontent-type: application/json; charset=utf-8"
    "\r\nContent-LENGTH: 5\r\n\r\nhello";

HttpReader fed(const std::string& bytes, HttpLimits limits = {}) {
  HttpReader reader(limits);
  reader.feed(bytes);
  return reader;
}

std::string with_header(const std::string& header) {
  return "POST /validate HTTP/1.1\r\nHost: a\r\n" + header + "\r\n\r\n";
}

TEST(HttpReader, ReadsARequestInOnePiece) {
  HttpReader reader = fed(plain_post);
  ASSERT_EQ(reader.state(), State::complete);
  const HttpRequest request = reader.take();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/validate");
  EXPECT_EQ(request.query, "timeout=5s");
  EXPECT_EQ(request.content_type, "application/json");
  EXPECT_EQ(request.body, "hello");
  EXPECT_FALSE(request.close);
  EXPECT_EQ(reader.state(), State::idle);
}

TEST(HttpReader, ReadsTheSameHoweverTheBytesAreCut) {
  const std::string two = plain_post + plain_post;
  for (std::size_t cut = 1; cut < two.size(); ++cut) {
    HttpReader reader(HttpLimits{});
    std::vector<std::string> bodies;
    for (std::size_t at = 0; at < two.size(); at += cut) {
      reader.feed(std::string_view(two).substr(at, cut));
      while (reader.state() == State::complete)
        bodies.push_back(reader.take().body);
    }
    EXPECT_EQ(bodies, (std::vector<std::string>{"hello", "hello"})) << "pieces of " << cut;
    EXPECT_EQ(reader.state(), State::idle);
  }
}

TEST(HttpReader, KnowsThatTheClientWantsToCloseOrWaits) {
  HttpReader closing = fed("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n");
  ASSERT_EQ(closing.state(), State::complete);
  EXPECT_TRUE(closing.take().close);

  HttpReader waiting = fed(with_header("Content-Length: 5\r\nExpect: 100-Continue"));
  EXPECT_TRUE(waiting.wants_continue());
  EXPECT_FALSE(waiting.wants_continue());
  waiting.feed("hello");
  EXPECT_EQ(waiting.state(), State::complete);

  // It did not wait: the answer is on its way.
  EXPECT_FALSE(
      fed(with_header("Content-Length: 5\r\nExpect: 100-continue") + "he").wants_continue());
}

TEST(HttpReader, RefusesByStatusWhatItDoesNotRead) {
  struct Case {
    std::string bytes;
    int status;
  };
  const std::string host = " HTTP/1.1\r\nHost: a\r\n";
  const std::vector<Case> cases{
      {"\x16\x03\x01\r\n\r\n", 400},
      {"\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"G(T /" + host + "\r\n", 400},
      {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/2\r\nHost: a\r\n\r\n", 505},
      {"GET / FTP\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},            // no Host
      {"GET /" + host + "Host: b\r\n\r\n", 400},  // two of them
      {"GET /" + host + "name\r\n\r\n", 400},     // no colon
      {"GET /" + host + "name : v\r\n\r\n", 400}, // a space before it
      {"GET /" + host + "a: b\r\n folded\r\n\r\n", 400},
      {"GET /" + host + "a: b\nc: d\r\n\r\n", 400}, // a bare line feed
      {"GET /" + host + std::string("a: \0\r\n\r\n", 8), 400},
      {"POST /" + host + "\r\n", 411},
      {with_header("Transfer-Encoding: chunked"), 411},
      {with_header("Transfer-Encoding: gzip, chunked"), 411},
      {with_header("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400},
      {with_header("Content-Length: 5\r\nContent-Length: 5"), 400},
      {with_header("Content-Length: 5, 5"), 400},
      {with_header("Content-Length: -1"), 400},
      {with_header("Content-Length: +1"), 400},
      {with_header("Content-Length: 0x10"), 400},
      {with_header("Content-Length:"), 400},
      {with_header("Content-Length: 67108864"), 413},
      {with_header("Content-Length: 99999999999999999999999999"), 413},
      {with_header("Content-Length: 3670017"), 413}, // 3.5 MiB and one
      {with_header("Content-Length: 5\r\nExpect: a-pony"), 417},
  };
  for (const auto& one : cases) {
    const HttpReader reader = fed(one.bytes);
    EXPECT_EQ(reader.state(), State::refused) << one.bytes;
    EXPECT_EQ(reader.status(), one.status) << one.bytes << reader.why();
    EXPECT_FALSE(reader.why().empty());
  }
  EXPECT_EQ(fed(with_header("Content-Length: 3670016")).state(), State::body);
}

TEST(HttpReader, BoundsTheHead) {
  const HttpLimits limits{.head = 100, .headers = 3, .body = 10};
  const std::string line = "GET / HTTP/1.1\r\nHost: a\r\n"; // 25 bytes
  const auto padded = [&](std::size_t size) {
    return line + "a: " + std::string(size - line.size() - 7, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(padded(100).size(), 100U);
  EXPECT_EQ(fed(padded(100), limits).state(), State::complete);
  EXPECT_EQ(fed(padded(101), limits).status(), 431);
  EXPECT_EQ(fed(line + "a: b\r\nc: d\r\n\r\n", limits).state(), State::complete);
  EXPECT_EQ(fed(line + "a: b\r\nc: d\r\ne: f\r\n\r\n", limits).status(), 431);

  // One that never ends is not kept.
  HttpReader endless(limits);
  for (int i = 0; i < 200'000 && endless.state() != State::refused; ++i)
    endless.feed("a: b\r\n");
  EXPECT_EQ(endless.status(), 431);
  EXPECT_LT(endless.kept(), 100U);
  endless.feed(std::string(1000, 'x'));
  EXPECT_LT(endless.kept(), 100U);
}

TEST(HttpReader, HoldsNothingBetweenRequests) {
  HttpReader reader = fed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
                          + std::string(100'000, 'x'));
  ASSERT_EQ(reader.state(), State::complete);
  EXPECT_GE(reader.kept(), 100'000U);
  EXPECT_EQ(reader.take().body.size(), 100'000U);
  EXPECT_LT(reader.kept(), 100U);
}

} // namespace
} // namespace taskgroup
