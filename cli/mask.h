// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// Hides secrets in what is printed: each line of each file of a `-w name=secret:PATH`.
class Mask {
public:
  // Secrets shorter than this are not hidden: replacing them would garble ordinary output.
  static constexpr std::size_t shortest = 4;

  // Add the content of a secret; its lines are hidden one by one.
  void add(std::string_view content);

  // Add a file, or all files in a folder, with at most 64 KiB of each. What cannot be read is left
  // out: then a step cannot print it either.
  void add_path(const std::string& path);

  bool empty() const { return m_secrets.empty(); }

  // Return the line with each secret replaced by `***`.
  std::string apply(std::string_view line) const;

private:
  std::vector<std::string> m_secrets; // longest first, so that no rest of one stays
};

} // namespace taskgroup
