// SPDX-License-Identifier: Apache-2.0
#include "cli/line_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace taskgroup {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> split(const std::vector<std::string>& chunks, std::size_t limit = 100) {
  LineSplitter splitter(limit);
  std::vector<std::string> lines;
  const auto collect = [&](std::string_view line) { lines.emplace_back(line); };
  for (const std::string& chunk : chunks) {
    splitter.feed(chunk, collect);
  }
  splitter.finish(collect);
  return lines;
}

TEST(LineSplitter, ChunkEdgesAreNotLineEdges) {
  EXPECT_THAT(split({"a\nb", "c\n", "\nd", "", "e"}), ElementsAre("a", "bc", "", "de"));
}

TEST(LineSplitter, GivesTheSameForEveryCut) {
  const std::string text = "one\n\ntwo three\nfour";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    EXPECT_THAT(split({text.substr(0, i), text.substr(i)}),
                ElementsAre("one", "", "two three", "four"))
        << i;
  }
}

TEST(LineSplitter, DeliversLongLinesInPieces) {
  EXPECT_THAT(split({"abcdefgh", "ij\nk\n"}, 4), ElementsAre("abcd", "efgh", "ij", "k"));
  EXPECT_THAT(split({"abcd\ne"}, 4), ElementsAre("abcd", "e"));
}

} // namespace
} // namespace taskgroup
