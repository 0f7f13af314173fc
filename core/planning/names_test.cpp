// SPDX-License-Identifier: Apache-2.0
#include "core/planning/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using testing::MatchesRegex;
using testing::StartsWith;

TEST(CutName, KeepsShortOnesAndHashesLongOnes) {
  EXPECT_EQ(cut_name(std::string(63, 'a')), std::string(63, 'a'));
  const std::string cut = cut_name(std::string(64, 'a'));
  EXPECT_EQ(cut.size(), 63U);
  EXPECT_THAT(cut, StartsWith(std::string(54, 'a') + "-"));
  EXPECT_NE(cut, cut_name(std::string(65, 'a')));
}

TEST(CutName, NeverEndsTheHeadWithADash) {
  EXPECT_THAT(cut_name(std::string(50, 'a') + std::string(20, '-')),
              MatchesRegex("a{50}-[0-9a-f]{8}"));
}

TEST(ChildUid, IsAStableUuid) {
  EXPECT_THAT(child_uid("u", "t"),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(child_uid("u", "t"), child_uid("u", "t"));
  EXPECT_NE(child_uid("u", "t"), child_uid("t", "u"));
}

// Covers: 1.1.F9 18.R7
TEST(NamePool, MakesUniqueLabels) {
  NamePool pool;
  EXPECT_EQ(pool.make("a-b", "1"), "a-b");
  EXPECT_THAT(pool.make("a-b", "2"), MatchesRegex("a-b-[0-9a-f]{8}"));
  EXPECT_THAT(pool.make("A.b", "3"), MatchesRegex("a-b-[0-9a-f]{8}"));
}

} // namespace
} // namespace taskgroup
