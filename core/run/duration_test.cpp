// SPDX-License-Identifier: Apache-2.0
#include "core/run/duration.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using std::chrono::milliseconds;

TEST(ParseDuration, ReadsWhatGoWrites) {
  const std::pair<const char*, long> cases[] = {
      {"0", 0},
      {"0s", 0},
      {"1h30m", 5'400'000},
      {"1.5h", 5'400'000},
      {"90s", 90'000},
      {"500ms", 500},
      {".5s", 500},
      {"1h0m0s", 3'600'000},
      {"+1s", 1'000},
      {"1m0.5s", 60'500},
      {"2540400h", 2'540'400L * 3'600'000},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(parse_duration(text), milliseconds(expected)) << text;
}

TEST(ParseDuration, NeverRoundsALimitDownToNone) {
  EXPECT_EQ(parse_duration("1ns"), milliseconds(1));
  EXPECT_EQ(parse_duration("1\u00b5s"), milliseconds(1));
}

TEST(ParseDuration, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "it is empty"},
      {"-1s", "it is negative"},
      {"10", "a unit is missing"},
      {"1h30", "a unit is missing"},
      {"5 m", "the unit \" m\" is unknown"},
      {"1d", "the unit \"d\" is unknown"},
      {"m", "a number is missing"},
      {"1h.m", "a number is missing"},
      {"+", "it has no number"},
      {"3000000h", "it is longer than 292 years"},
  };
  for (const auto& [text, why] : cases) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_NE(parsed.error().find(why), std::string::npos) << text << ": " << parsed.error();
  }
}

} // namespace
} // namespace taskgroup
