// SPDX-License-Identifier: Apache-2.0
#include "cli/host/temporary_folder.h"

#include "cli/host/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace taskgroup::host {

namespace {

constexpr const char* prefix = "taskgroup-";
constexpr const char* keep_mark = ".keep";

std::string parent_folder() {
  const char* const value = std::getenv("TMPDIR");
  std::string path = value != nullptr && value[0] == '/' ? value : "/tmp";
  char* const real = realpath(path.c_str(), nullptr);
  if (real == nullptr)
    return path;
  std::string result = real;
  std::free(real);
  return result == "/" ? "" : result;
}

int open_folder(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void remove_if_dead(const std::string& path) {
  const int fd = open_folder(path);
  if (fd < 0)
    return;
  struct stat facts{};
  const bool ours = fstat(fd, &facts) == 0 && facts.st_uid == geteuid()
                    && faccessat(fd, keep_mark, F_OK, 0) != 0 && errno == ENOENT;
  if (ours && flock(fd, LOCK_EX | LOCK_NB) == 0)
    remove_tree(path);
  close(fd);
}

void remove_dead_folders(const std::string& parent) {
  DIR* const folder = opendir(parent.empty() ? "/" : parent.c_str());
  if (folder == nullptr)
    return;
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    if (name.size() == std::strlen(prefix) + 6 && name.rfind(prefix, 0) == 0)
      remove_if_dead(parent + "/" + name);
  }
  closedir(folder);
}

// Between mkdtemp and flock another run may take a new folder for a dead one.
bool lock_new_folder(int fd, const std::string& path) {
  struct stat held{};
  struct stat named{};
  return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0
         && lstat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino
         && held.st_dev == named.st_dev;
}

} // namespace

tl::expected<TemporaryFolder, std::string> TemporaryFolder::create() {
  return create_below(parent_folder());
}

tl::expected<TemporaryFolder, std::string> TemporaryFolder::create_in_memory() {
  const std::string parent = "/dev/shm";
  struct statfs facts{};
  if (statfs(parent.c_str(), &facts) != 0 || facts.f_type != TMPFS_MAGIC)
    return tl::make_unexpected(parent + " is no tmpfs");
  return create_below(parent);
}

tl::expected<TemporaryFolder, std::string>
TemporaryFolder::create_below(const std::string& parent) {
  remove_dead_folders(parent);
  const std::string pattern = parent + "/" + prefix + "XXXXXX";
  for (;;) {
    std::string path = pattern;
    if (mkdtemp(path.data()) == nullptr)
      return tl::make_unexpected("cannot make a temporary folder " + pattern + ": "
                                 + std::strerror(errno)
                                 + "; set TMPDIR to a folder that can be written");
    const int fd = open_folder(path);
    if (fd >= 0 && lock_new_folder(fd, path))
      return TemporaryFolder(std::move(path), fd);
    if (fd < 0 && errno != ENOENT)
      return tl::make_unexpected("cannot open the temporary folder " + path + ": "
                                 + std::strerror(errno));
    if (fd >= 0)
      close(fd);
  }
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : m_path(std::exchange(other.m_path, {})),
      m_lock(std::exchange(other.m_lock, -1)),
      m_released(std::exchange(other.m_released, false)) {}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  std::swap(m_path, other.m_path);
  std::swap(m_lock, other.m_lock);
  std::swap(m_released, other.m_released);
  return *this;
}

TemporaryFolder::~TemporaryFolder() { remove(); }

void TemporaryFolder::release() {
  m_released = true;
  make_file(m_path + "/" + keep_mark);
}

tl::expected<void, std::string> TemporaryFolder::remove() {
  const std::string path = std::exchange(m_path, {});
  const int lock = std::exchange(m_lock, -1);
  std::string problem;
  if (!path.empty() && !m_released)
    problem = remove_tree(path);
  if (lock >= 0)
    close(lock);
  if (!problem.empty())
    return tl::make_unexpected("cannot remove the temporary folder " + path + ": " + problem);
  return {};
}

bool is_dead_folder(const std::string& path) {
  const int fd = open_folder(path);
  if (fd < 0)
    return errno == ENOENT;
  const bool dead = flock(fd, LOCK_EX | LOCK_NB) == 0;
  close(fd);
  return dead;
}

} // namespace taskgroup::host
