// SPDX-License-Identifier: Apache-2.0
#include "service/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace taskgroup::log {
namespace {

class LogTest : public testing::Test {
protected:
  ~LogTest() override { set_level(Level::info); }

  static std::string written(const std::function<void()>& body) {
    testing::internal::CaptureStderr();
    body();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, ALineIsOneObjectWithWhatIsKnown) {
  const std::string line =
      written([] { warning("Could not read", {{"run", "a\nb"}, {"pod", ""}, {"error", "\xff"}}); });
  EXPECT_THAT(line, testing::MatchesRegex(R"(\{"time":"[-0-9]+T[0-9:.]+Z","level":"warning",)"
                                          R"("msg":"Could not read","run":"a\\nb",)"
                                          "\"error\":\"\xef\xbf\xbd\"\\}\n"));
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  EXPECT_EQ(written([] { debug("Looked"); }), "");
  set_level(Level::error);
  EXPECT_EQ(written([] { warning("Fell"); }), "");
  EXPECT_NE(written([] { error("Broke"); }), "");
  set_level(Level::debug);
  EXPECT_NE(written([] { debug("Looked"); }), "");
}

TEST_F(LogTest, LevelsHaveNames) {
  Level level = Level::info;
  EXPECT_TRUE(level_from("error", level));
  EXPECT_EQ(level, Level::error);
  EXPECT_FALSE(level_from("loud", level));
  EXPECT_EQ(level, Level::error);
}

} // namespace
} // namespace taskgroup::log
