// SPDX-License-Identifier: Apache-2.0
#include "core/run/utf8.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

TEST(Utf8, KeepsValidText) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\n";
  EXPECT_EQ(to_valid_utf8(text), text);
  EXPECT_EQ(to_valid_utf8(std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Utf8, ReplacesEachWrongByteAsGoDoes) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(to_valid_utf8("a\xFF"
                          "b"),
            "a" + bad + "b");
  EXPECT_EQ(to_valid_utf8("\xC0\x80"), bad + bad);           // overlong
  EXPECT_EQ(to_valid_utf8("\xE0\x80\x80"), bad + bad + bad); // overlong
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), bad + bad + bad); // surrogate
  EXPECT_EQ(to_valid_utf8("\xF4\x90\x80\x80"), bad + bad + bad + bad);
  EXPECT_EQ(to_valid_utf8("\xE2\x82"), bad + bad); // cut off
}

} // namespace
} // namespace taskgroup
