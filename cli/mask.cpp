// SPDX-License-Identifier: Apache-2.0
#include "cli/mask.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace taskgroup {

namespace {

std::string read_start(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content(64 * 1024, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(file.gcount()));
  return content;
}

} // namespace

void Mask::add(std::string_view content) {
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    std::string_view line = content.substr(0, end);
    if (!line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    if (line.size() >= shortest) {
      m_secrets.emplace_back(line);
    }
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  std::sort(m_secrets.begin(), m_secrets.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  m_secrets.erase(std::unique(m_secrets.begin(), m_secrets.end()), m_secrets.end());
}

void Mask::add_path(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    add(read_start(path));
    return;
  }
  for (const auto& entry : fs::recursive_directory_iterator(path, error)) {
    std::error_code ignored;
    if (entry.is_regular_file(ignored)) {
      add(read_start(entry.path()));
    }
  }
}

std::string Mask::apply(std::string_view line) const {
  std::string result(line);
  for (const std::string& secret : m_secrets) {
    for (std::size_t at = result.find(secret); at != std::string::npos;
         at = result.find(secret, at + 3)) {
      result.replace(at, secret.size(), "***");
    }
  }
  return result;
}

} // namespace taskgroup
