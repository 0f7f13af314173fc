// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service/metrics.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace taskgroup::metrics {

// Expect a section of docs/metrics.md to tell exactly what is declared. With TASKGROUP_WRITE_DOCS
// in the environment, write it.
inline void expect_documented(const Registry& registry, const std::string& section) {
  const std::string path = "docs/metrics.md";
  const auto contents = [&] {
    std::ifstream file(path);
    return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  };
  if (std::getenv("TASKGROUP_WRITE_DOCS") != nullptr) { // NOLINT(concurrency-mt-unsafe)
    std::string page = contents();
    const std::string old = document_section(page, section);
    ASSERT_NE(old, "") << path << " has no section " << section;
    page.replace(page.find(old), old.size(), metrics_table(registry));
    std::ofstream(path) << page;
  }
  EXPECT_EQ(document_section(contents(), section), metrics_table(registry))
      << path << " is out of date; it says how it is written again";
}

} // namespace taskgroup::metrics
