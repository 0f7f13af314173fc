// SPDX-License-Identifier: Apache-2.0
#include "cli/host/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace taskgroup::host {

std::optional<std::string> read_whole(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return std::nullopt;
  std::string text;
  std::array<char, 8192> buffer{};
  ssize_t size = 0;
  while ((size = read(fd, buffer.data(), buffer.size())) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(size));
  close(fd);
  if (size < 0)
    return std::nullopt;
  return text;
}

bool write_whole(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  const ssize_t size = write(fd, text.data(), text.size());
  const int error = errno;
  close(fd);
  errno = error;
  return size == static_cast<ssize_t>(text.size());
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool make_folders(const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0)
    return true;
  if (errno == ENOENT && path.size() > 1)
    return make_folders(parent_of(path)) && mkdir(path.c_str(), 0755) == 0;
  if (errno != EEXIST && errno != EROFS)
    return false;
  const int error = errno;
  struct stat facts{};
  const bool exists = stat(path.c_str(), &facts) == 0;
  errno = exists ? ENOTDIR : error;
  return exists && S_ISDIR(facts.st_mode);
}

bool make_file(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) == 0)
    return true;
  if (!make_folders(parent_of(path)))
    return false;
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0)
    return false;
  close(fd);
  return true;
}

bool is_empty_folder(const std::string& path) {
  DIR* const folder = opendir(path.c_str());
  if (folder == nullptr)
    return false;
  int entries = 0;
  while (entries <= 2 && readdir(folder) != nullptr)
    ++entries; // "." and ".." are two
  closedir(folder);
  return entries <= 2;
}

namespace {

// Folders nested deeper than this are moved up to the top, and removed from there.
constexpr int max_depth = 128;

class TreeRemover {
public:
  explicit TreeRemover(int top) : m_top(top) {
    struct stat facts{};
    if (fstat(top, &facts) == 0)
      m_device = facts.st_dev;
  }

  // Empties the open folder `fd` and closes it.
  void empty(int fd, const std::string& shown, int depth) {
    struct stat facts{};
    if (fstat(fd, &facts) == 0 && (facts.st_mode & 0700) != 0700)
      fchmod(fd, 0700);
    DIR* const folder = fdopendir(fd);
    if (folder == nullptr) {
      close(fd);
      return note(shown);
    }
    // Folders moved up while this one is read may or may not be listed, hence the rounds.
    for (bool again = true; again;) {
      again = false;
      rewinddir(folder);
      while (const dirent* entry = readdir(folder)) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..")
          again = remove(fd, name, shown + "/" + name, depth, entry->d_type) || again;
      }
    }
    closedir(folder);
  }

  std::string problem;

private:
  void note(const std::string& shown) {
    if (problem.empty())
      problem = shown + ": " + std::strerror(errno);
  }

  // Returns whether the folder has to be read once more.
  bool remove(int parent, const std::string& name, const std::string& shown, int depth, int type) {
    if (type != DT_DIR && unlinkat(parent, name.c_str(), 0) == 0)
      return false;
    if (type != DT_DIR && errno != EISDIR && errno != EPERM) {
      note(shown);
      return false;
    }
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0)
      return false;
    const int handle = openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
    struct stat facts{};
    if (handle < 0 || fstat(handle, &facts) != 0 || facts.st_dev != m_device) {
      if (handle >= 0) {
        errno = EXDEV;
        close(handle);
      }
      note(shown);
      return false;
    }
    if (depth >= max_depth) {
      close(handle);
      const std::string moved = ".moved-" + std::to_string(m_moved++);
      fchmodat(parent, name.c_str(), 0700, 0);
      if (renameat(parent, name.c_str(), m_top, moved.c_str()) != 0)
        note(shown);
      else
        m_again = true;
      return false;
    }
    if ((facts.st_mode & 0700) != 0700)
      chmod(("/proc/self/fd/" + std::to_string(handle)).c_str(), 0700);
    const int fd = openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(handle);
    if (fd < 0) {
      note(shown);
      return false;
    }
    empty(fd, shown, depth + 1);
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && problem.empty())
      note(shown);
    const bool again = depth == 0 && m_again;
    if (depth == 0)
      m_again = false;
    return again;
  }

  int m_top;
  dev_t m_device = 0;
  unsigned m_moved = 0;
  bool m_again = false;
};

} // namespace

std::string remove_tree(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOENT ? "" : path + ": " + std::strerror(errno);
  TreeRemover remover(fd);
  remover.empty(fcntl(fd, F_DUPFD_CLOEXEC, 0), path, 0);
  close(fd);
  if (rmdir(path.c_str()) != 0 && errno != ENOENT && remover.problem.empty())
    return path + ": " + std::strerror(errno);
  return remover.problem;
}

} // namespace taskgroup::host
