// SPDX-License-Identifier: Apache-2.0
#include "core/planning/file_reader.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace taskgroup {
namespace {

class FileReader : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "taskgroup-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    m_folder = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(m_folder); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(m_folder / name, std::ios::binary) << text;
    return (m_folder / name).string();
  }

  // Return the documents as JSON, one a line, or the errors without the folder's name.
  std::string read(const std::string& path, const ReadLimits& limits = {}) {
    const auto documents = read_file(path, limits);
    std::string out;
    if (!documents) {
      out = documents.error().to_string();
      const std::string prefix = m_folder.string() + "/";
      return out.starts_with(prefix) ? out.substr(prefix.size()) : out;
    }
    for (const Node& document : *documents) {
      out += document.to_json() + "\n";
    }
    return out;
  }

  std::filesystem::path m_folder;
};

TEST_F(FileReader, ReadsAFileAndNamesItInPositions) {
  EXPECT_EQ(read(write("a.yaml", "a: 1\n")), "{\"a\":1}\n");
  EXPECT_EQ(read(write("b.yaml", "a: 1\na: 2\n")),
            "b.yaml:2:1: error: duplicate key \"a\": the first one is at line 1, column 1\n");
}

TEST_F(FileReader, RefusesAFileOverTheLimitUnread) {
  const std::string path = (m_folder / "sparse").string();
  std::ofstream(path).close();
  std::filesystem::resize_file(path, 10U * 1024 * 1024 + 1); // holes: it would not be valid either
  EXPECT_EQ(read(path),
            "sparse: error: larger than 10 MiB, which is the limit for one file; split it\n");
}

TEST_F(FileReader, RefusesAStreamOnceItIsOverTheLimit) {
  EXPECT_EQ(
      read("/dev/zero", {.bytes = 1000}),
      "/dev/zero: error: larger than 1000 bytes, which is the limit for one file; split it\n");
}

TEST_F(FileReader, RefusesFoldersAndMissingFiles) {
  EXPECT_EQ(read(m_folder.string()), m_folder.string() + ": error: is a folder, not a file\n");
  EXPECT_EQ(read((m_folder / "none").string()),
            "none: error: cannot open: No such file or directory\n");
}

TEST_F(FileReader, ReadsStandardInput) {
  const std::string path = write("in", "a: stdin\n");
  const int saved = dup(STDIN_FILENO);
  const int input = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(input, 0);
  ASSERT_EQ(dup2(input, STDIN_FILENO), STDIN_FILENO);
  EXPECT_EQ(read("-"), "{\"a\":\"stdin\"}\n");
  dup2(saved, STDIN_FILENO);
  close(saved);
  close(input);
}

} // namespace
} // namespace taskgroup
