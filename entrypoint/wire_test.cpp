// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/wire.h"

#include <gmock/gmock.h>

#include <random>
#include <string>
#include <vector>

namespace taskgroup::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Cut the bytes with reads of `size` bytes and return the lines.
std::vector<std::string> lines_of(std::string_view bytes, std::size_t size) {
  Lines lines;
  std::vector<std::string> result;
  for (std::size_t i = 0; i < bytes.size(); i += size) {
    lines.append(bytes.substr(i, size));
    while (const auto line = lines.next()) {
      result.emplace_back(*line);
    }
  }
  return result;
}

template <typename Message>
Message from_agent(const FromAgent& message) {
  std::string line = encode(message);
  EXPECT_EQ(line.back(), '\n');
  line.pop_back();
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  const auto read = decode_from_agent(line);
  EXPECT_TRUE(read) << line;
  return std::get<Message>(read.value());
}

template <typename Message>
Message to_agent(const ToAgent& message) {
  std::string line = encode(message);
  line.pop_back();
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  const auto read = decode_to_agent(line);
  EXPECT_TRUE(read) << line;
  return std::get<Message>(read.value());
}

TEST(WireTest, LinesDoNotDependOnTheEndsOfReads) {
  const std::string stream = "one\n\ntwo two\n" + std::string(1000, 'x') + "\nunfinished";
  for (const std::size_t size : {1U, 2U, 3U, 7U, 100U, 5000U}) {
    EXPECT_THAT(lines_of(stream, size), ElementsAre("one", "", "two two", std::string(1000, 'x')))
        << size << " bytes a read";
  }
}

TEST(WireTest, LineWithoutEndOverflows) {
  Lines lines;
  const std::string megabyte(std::size_t{1} << 20U, 'x');
  for (int i = 0; i < 15; ++i) {
    lines.append(megabyte);
    EXPECT_FALSE(lines.next());
  }
  EXPECT_FALSE(lines.overflow());
  lines.append(megabyte);
  EXPECT_TRUE(lines.overflow());
}

TEST(WireTest, MessagesFromTheAgentSurviveTheWay) {
  const auto hello = from_agent<Hello>(Hello{version, "step-build-compile"});
  EXPECT_EQ(hello.version, version);
  EXPECT_EQ(hello.container, "step-build-compile");

  EXPECT_EQ(from_agent<Started>(Started{3}).attempt, 3);

  const Exited exit{1, 137, "why \"not\"\n", {{"digest", "sha256:1\n"}, {"empty", ""}}, true};
  const auto exited = from_agent<Exited>(exit);
  EXPECT_EQ(exited.attempt, 1);
  EXPECT_EQ(exited.code, 137);
  EXPECT_EQ(exited.error, exit.error);
  EXPECT_EQ(exited.results, exit.results);
  EXPECT_TRUE(exited.out_of_memory);
  EXPECT_FALSE(from_agent<Exited>(Exited{}).out_of_memory);
  EXPECT_FALSE(exited.marked_failed);
  EXPECT_TRUE(from_agent<Exited>(Exited{.marked_failed = true}).marked_failed);

  const auto paused = from_agent<Paused>(Paused{1, true, 127, "no such program"});
  EXPECT_EQ(paused.attempt, 1);
  EXPECT_TRUE(paused.before);
  EXPECT_EQ(paused.code, 127);
  EXPECT_EQ(paused.error, "no such program");

  const auto reset = from_agent<ResetDone>(ResetDone{2, "cannot remove \"x\""});
  EXPECT_EQ(reset.attempt, 2);
  EXPECT_EQ(reset.error, "cannot remove \"x\"");
}

TEST(WireTest, MessagesToTheAgentSurviveTheWay) {
  Start start;
  start.attempt = 1;
  start.step = "compile";
  start.index = 2;
  start.carry_on = true;
  start.working_dir = "source/app";
  start.script = "#!/bin/sh\nset -e\n\techo \"$1\" \x01\n";
  start.values = {{"tasks.a.results.text", Value("a $(params.x) b")},
                  {"tasks.a.results.list", Value(Value::Array{"1", "", "3 4"})},
                  {"tasks.a.results.fields", Value(Value::Object{{"url", "u"}, {"base64", "b"}})}};
  start.results = {"digest", "size"};
  start.pause_before = true;
  const auto read = to_agent<Start>(start);
  EXPECT_EQ(read.attempt, start.attempt);
  EXPECT_TRUE(read.pause_before);
  EXPECT_FALSE(read.pause_on_failure);
  EXPECT_EQ(read.step, start.step);
  EXPECT_EQ(read.index, start.index);
  EXPECT_EQ(read.carry_on, start.carry_on);
  EXPECT_EQ(read.working_dir, start.working_dir);
  EXPECT_EQ(read.script, start.script);
  EXPECT_EQ(read.values, start.values);
  EXPECT_EQ(read.results, start.results);
  EXPECT_FALSE(to_agent<Start>(Start{}).script);

  const auto stop = to_agent<Stop>(Stop{4, Millis(10'000)});
  EXPECT_EQ(stop.attempt, 4);
  EXPECT_EQ(stop.grace, Millis(10'000));

  const auto reset = to_agent<Reset>(Reset{1, {"/workspace", "/tekton/results"}});
  EXPECT_EQ(reset.attempt, 1);
  EXPECT_THAT(reset.paths, ElementsAre("/workspace", "/tekton/results"));

  to_agent<Done>(Done{});
}

TEST(WireTest, ResultThatIsNotUtf8BecomesReplacementCharacters) {
  const auto exited = from_agent<Exited>(Exited{0, 0, {}, {{"raw", "a\x80z"}}});
  EXPECT_EQ(exited.results.at("raw"), "a\xEF\xBF\xBDz");
}

TEST(WireTest, LargestResultsFitInAMessage) {
  const std::string worst(max_results, '\x01');
  EXPECT_LE(encode(Exited{0, 0, {}, {{"r", worst}}}).size(), max_message);
}

TEST(WireTest, GreetingOfAnotherVersionIsUnderstood) {
  const auto hello = decode_from_agent(R"({"type":"hello","v":2,"name":"something new"})");
  ASSERT_TRUE(hello);
  EXPECT_EQ(std::get<Hello>(*hello).version, 2);
}

TEST(WireTest, UnknownFieldsAreIgnored) {
  EXPECT_TRUE(decode_from_agent(R"({"type":"started","attempt":0,"later":[{}]})"));
}

TEST(WireTest, MessageThatIsNoneIsRefusedWithTheReason) {
  const struct {
    const char* line;
    const char* reason;
  } cases[] = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {"{", "not a JSON object"},
      {"{} {}", "not a JSON object"},
      {"{\"type\":\"started\",\"attempt\":\"\xff\"}", "not a JSON object"},
      {R"({"attempt":0})", "type"},
      {R"({"type":7})", "type"},
      {R"({"type":"start"})", "type"},
      {R"({"type":"started"})", "\"attempt\""},
      {R"({"type":"started","attempt":"0"})", "\"attempt\""},
      {R"({"type":"started","attempt":0.5})", "\"attempt\""},
      {R"({"type":"started","attempt":-1})", "\"attempt\""},
      {R"({"type":"started","attempt":99999999999999999999})", "\"attempt\""},
      {R"({"type":"exited","attempt":0,"code":0,"error":""})", "\"results\""},
      {R"({"type":"exited","attempt":0,"code":0,"error":"","results":[]})", "\"results\""},
      {R"({"type":"exited","attempt":0,"code":0,"error":"","results":{"r":["x"]}})", "\"results\""},
      {R"({"type":"exited","attempt":0,"code":0,"error":null,"results":{}})", "\"error\""},
  };
  for (const auto& bad : cases) {
    const auto read = decode_from_agent(bad.line);
    ASSERT_FALSE(read) << bad.line;
    EXPECT_THAT(read.error(), HasSubstr(bad.reason)) << bad.line;
  }
  const std::string deep(100'000, '[');
  EXPECT_FALSE(decode_from_agent(deep));
  EXPECT_FALSE(decode_to_agent(R"({"type":"start","attempt":0})"));
}

TEST(WireTest, GarbageIsNeverFatal) {
  std::mt19937 random(20); // NOLINT(*-msc51-cpp): the same garbage each time
  const std::string whole = encode(Exited{0, 1, "error", {{"name", "value"}}});
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    for (int change = 0; change < 3; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    }
    for (const std::string& line : lines_of(bytes, 1 + random() % 40)) {
      const auto read = decode_from_agent(line);
      EXPECT_TRUE(read || !read.error().empty()) << line;
      EXPECT_FALSE(decode_to_agent(line)) << line;
    }
  }
}

} // namespace
} // namespace taskgroup::wire
