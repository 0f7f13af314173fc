// SPDX-License-Identifier: Apache-2.0
#include "core/run/base64.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

TEST(Base64Test, DecodesTheVectorsOfTheRfc) {
  EXPECT_EQ(from_base64(""), "");
  EXPECT_EQ(from_base64("Zg=="), "f");
  EXPECT_EQ(from_base64("Zm8="), "fo");
  EXPECT_EQ(from_base64("Zm9v"), "foo");
  EXPECT_EQ(from_base64("Zm9vYmFy"), "foobar");
  EXPECT_EQ(from_base64("+/+/"), "\xfb\xff\xbf");
}

TEST(Base64Test, RefusesWhatIsNone) {
  for (const char* const text : {"Z", "Zg=", "Zg", "====", "Z===", "Zm9v\n", "Zm-_", "Zg==Zg=="}) {
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
  }
}

} // namespace
} // namespace taskgroup
