// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <string>

namespace taskgroup::host {

// A run's own folder, `$TMPDIR/taskgroup-XXXXXX` (TMPDIR unset or not absolute: /tmp), mode 0700.
// It is locked (flock(2)) while its owner lives, so that a later run can remove what a killed one
// left.
class TemporaryFolder {
public:
  // Removes the folders of dead runs of the same user, then makes a new one. The error names the
  // folder and the reason.
  static tl::expected<TemporaryFolder, std::string> create();

  // As create(), in memory: below /dev/shm. An error where that is no tmpfs or cannot be written.
  static tl::expected<TemporaryFolder, std::string> create_in_memory();

  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder(); // as remove()

  // Absolute, without symbolic links; empty after remove().
  const std::string& path() const { return m_path; }

  // Leaves the folder where it is, for good: neither this object nor a later run removes it (a file
  // `.keep` in it says so). Call it as early as it is known.
  void release();

  // Removes the folder with all that is in it, unless it was released. Processes that use it must
  // have ended. The error names the first thing that could not be removed.
  tl::expected<void, std::string> remove();

private:
  static tl::expected<TemporaryFolder, std::string> create_below(const std::string& parent);

  TemporaryFolder(std::string path, int lock) : m_path(std::move(path)), m_lock(lock) {}

  std::string m_path;
  int m_lock = -1;
  bool m_released = false;
};

// Tells whether the folder of a run is gone, or its owner is: nobody holds its lock. One that
// cannot be opened is another user's and counts as held.
bool is_dead_folder(const std::string& path);

} // namespace taskgroup::host
