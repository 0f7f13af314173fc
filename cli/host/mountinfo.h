// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup::host {

// One line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
struct MountEntry {
  std::uint64_t id = 0;
  std::string point; // absolute, octal escapes decoded
  std::string type;
  bool read_only = false; // the mount or its file system
};

// Parses the text of a mountinfo file; lines that do not have its form are left out.
std::vector<MountEntry> parse_mountinfo(std::string_view text);

// Reads the mountinfo file at `path` and returns the mounts that a lookup from the caller's root
// reaches (not those covered by another mount), sorted by path, so that parents come first. Empty
// if there is no such file.
std::vector<MountEntry> visible_mounts(const std::string& path);

// Tells whether `path` is `folder` or lies below it; both absolute and normalised.
bool is_within(std::string_view path, std::string_view folder);

} // namespace taskgroup::host
