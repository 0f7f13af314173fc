// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/gunzip.h"
#include "entrypoint/test_support.h"

#include <gmock/gmock.h>

#include <zlib.h>

#include <random>
#include <string>
#include <vector>

namespace taskgroup::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t limit = std::size_t{1} << 20U;

// Texts that make zlib use each kind of block and all lengths of codes.
std::vector<std::string> texts() {
  std::vector<std::string> texts = {"", "a", std::string(100'000, 'x')};
  std::mt19937 dice(1);
  for (const unsigned kinds : {2U, 20U, 256U}) {
    std::string& random = texts.emplace_back();
    for (int i = 0; i < 40'000; ++i) {
      random += static_cast<char>(dice() % (1 + dice() % kinds));
    }
  }
  std::string& words = texts.emplace_back();
  while (words.size() < 40'000) {
    words += "{\"name\":\"task-" + std::to_string(dice() % 1000) + "\"},";
  }
  return texts;
}

TEST(GunzipTest, UnpacksWhatZlibPacks) {
  for (const std::string& text : texts()) {
    for (const int level : {0, 1, 6, 9}) {
      for (const int strategy : {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED}) {
        const std::string packed = gzip(text, level, strategy);
        EXPECT_TRUE(is_gzip(packed));
        ASSERT_TRUE(gunzip(packed, limit).value_or("an error") == text)
            << text.size() << " bytes, level " << level << ", strategy " << strategy;
      }
    }
  }
}

TEST(GunzipTest, HeaderMayHoldMore) {
  const std::string packed = gzip("some text");
  std::string more = packed.substr(0, 10) + std::string("\3\0abc", 5) + std::string("name\0", 5)
                     + std::string("comment\0", 8) + "hc" + packed.substr(10);
  more[3] = 2 + 4 + 8 + 16;
  EXPECT_EQ(gunzip(more, limit).value_or("an error"), "some text");
}

TEST(GunzipTest, NoOneBitThatIsWrongChangesTheText) {
  const std::string text = texts().back().substr(0, 500);
  for (const int strategy : {Z_DEFAULT_STRATEGY, Z_FIXED}) {
    const std::string packed = gzip(text, 9, strategy);
    int unnoticed = 0;
    for (std::size_t bit = 8 * 10; bit < 8 * packed.size(); ++bit) {
      std::string broken = packed;
      broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << bit % 8));
      const auto unpacked = gunzip(broken, limit);
      unnoticed += unpacked ? 1 : 0;
      ASSERT_EQ(unpacked.value_or(text), text) << bit;
    }
    EXPECT_LT(unnoticed, 8) << "bits between the last block and the check sum mean nothing";
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
