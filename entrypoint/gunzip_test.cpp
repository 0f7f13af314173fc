// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/gunzip.h"
#include "entrypoint/test_support.h"

#include <gmock/gmock.h>

namespace taskgroup::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t limit = std::size_t{1} << 20U;

TEST(GunzipTest, UnpacksWhatGzipPacks) {
  for (const std::string& text : {std::string(), std::string("a"), std::string(300'000, 'x')}) {
    const std::string packed = gzip(text);
    EXPECT_TRUE(is_gzip(packed));
    EXPECT_EQ(gunzip(packed, limit).value_or("an error"), text);
  }
}

TEST(GunzipTest, JsonIsNotPacked) {
  EXPECT_FALSE(is_gzip(""));
  EXPECT_FALSE(is_gzip("{\"version\":1}"));
}

TEST(GunzipTest, WhatGrowsTooLargeIsRefused) {
  const std::string packed = gzip(std::string(1001, 'x'));
  EXPECT_TRUE(gunzip(packed, 1001));
  EXPECT_THAT(gunzip(packed, 1000).error(), HasSubstr("more than 1000 bytes"));
}

TEST(GunzipTest, WhatIsNotWholeIsRefused) {
  const std::string packed = gzip("some text, and some text again");
  for (std::size_t size = 0; size < packed.size(); ++size) {
    ASSERT_FALSE(gunzip(packed.substr(0, size), limit)) << size;
  }
  EXPECT_THAT(gunzip(packed.substr(0, packed.size() - 1), limit).error(), HasSubstr("its end"));
  EXPECT_THAT(gunzip(packed + "x", limit).error(), HasSubstr("more follows"));
  std::string broken = packed;
  broken[packed.size() - 6] ^= 1; // of the check sum
  EXPECT_THAT(gunzip(broken, limit).error(), HasSubstr("not as gzip"));
  EXPECT_FALSE(gunzip("plain text", limit));
}

} // namespace
} // namespace taskgroup::testing
