// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/reader.h>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {
namespace {

// Return the documents as JSON, one a line, or what is wrong with them.
std::string read(std::string_view text, const ReadLimits& limits = {}) {
  const auto documents = read_documents(text, "f.yaml", limits);
  if (!documents) {
    return documents.error().to_string();
  }
  std::string out;
  for (const Node& document : *documents) {
    out += document.to_json() + "\n";
  }
  return out;
}

TEST(Reader, ReadsEveryDocumentThatIsNotEmpty) {
  EXPECT_EQ(read("a: 1\n---\n---\n# nothing\n---\nb: [x, 'y']\n...\n"),
            "{\"a\":1}\n{\"b\":[\"x\",\"y\"]}\n");
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("# only a comment\n"), "");
  EXPECT_EQ(read("null"), "");
}

} // namespace
} // namespace taskgroup
