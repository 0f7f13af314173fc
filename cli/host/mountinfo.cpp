// SPDX-License-Identifier: Apache-2.0
#include "cli/host/mountinfo.h"

#include "cli/host/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

namespace taskgroup::host {

namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

std::string unescape(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2])
        && is_octal(text[i + 3])) {
      const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      result += static_cast<char>(value);
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool has_option(std::string_view options, std::string_view wanted) {
  const auto parts = split(options, ',');
  return std::find(parts.begin(), parts.end(), wanted) != parts.end();
}

} // namespace

std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> entries;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), std::string_view("-"));
    if (dash - fields.begin() < 6 || fields.end() - dash < 4)
      continue;
    MountEntry entry;
    const std::string_view id = fields[0];
    if (std::from_chars(id.data(), id.data() + id.size(), entry.id).ec != std::errc())
      continue;
    entry.point = unescape(fields[4]);
    entry.type = std::string(dash[1]);
    entry.read_only = has_option(fields[5], "ro") || has_option(dash[3], "ro");
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<MountEntry> visible_mounts(const std::string& path) {
  std::vector<MountEntry> entries = parse_mountinfo(read_whole(path).value_or(""));
  std::erase_if(entries, [](const MountEntry& entry) {
    struct statx facts{};
    if (statx(AT_FDCWD, entry.point.c_str(), AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID,
              &facts)
        != 0)
      return true;
    return (facts.stx_mask & STATX_MNT_ID) != 0 && facts.stx_mnt_id != entry.id;
  });
  std::sort(entries.begin(), entries.end(),
            [](const MountEntry& a, const MountEntry& b) { return a.point < b.point; });
  return entries;
}

bool is_within(std::string_view path, std::string_view folder) {
  if (folder == "/")
    return true;
  return path.substr(0, folder.size()) == folder
         && (path.size() == folder.size() || path[folder.size()] == '/');
}

} // namespace taskgroup::host
