// SPDX-License-Identifier: Apache-2.0
#include "cli/mask.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

TEST(Mask, HidesEachLineOfASecret) {
  Mask mask;
  mask.add("hunter22\nsecond line\r\n");
  EXPECT_EQ(mask.apply("user:hunter22@host, hunter22"), "user:***@host, ***");
  EXPECT_EQ(mask.apply("the second line"), "the ***");
}

TEST(Mask, HidesTheLongerOfTwoThatOverlap) {
  Mask mask;
  mask.add("token");
  mask.add("token-of-mine");
  EXPECT_EQ(mask.apply("x token-of-mine y"), "x *** y");
}

TEST(Mask, LeavesShortOnesAndOtherText) {
  Mask mask;
  mask.add("a\nbcd\n");
  EXPECT_TRUE(mask.empty());
  EXPECT_EQ(mask.apply("abcd"), "abcd");
}

} // namespace
} // namespace taskgroup
