// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/empty.h"

#include "entrypoint/fd.h"
#include "entrypoint/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace taskgroup {

namespace {

constexpr int max_depth = 256; // of folders; each level holds a descriptor

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

std::string proc_path(const char* kind, int fd) {
  return std::string("/proc/self/") + kind + "/" + std::to_string(fd);
}

// Return the id of the mount that a descriptor is on. It tells a bind mount of the same file system
// apart, which st_dev does not, and needs no system call that a seccomp filter may refuse.
std::optional<std::string> mount_of(int fd) {
  const Fd info(open(proc_path("fdinfo", fd).c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[1024];
  const ssize_t size = info ? read(info.get(), buffer, sizeof buffer) : -1;
  if (size <= 0) {
    return std::nullopt;
  }
  const std::string_view text(buffer, static_cast<std::size_t>(size));
  constexpr std::string_view key = "mnt_id:";
  const std::size_t begin = text.find(key);
  if (begin == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t value = begin + key.size();
  return std::string(text.substr(value, text.find('\n', value) - value));
}

class Emptier {
public:
  // Remove what is in the folder; return whether nothing is left.
  bool clear(int folder, const std::string& path, const std::string& mount, int depth) {
    if (depth > max_depth) {
      fail("cannot empty \"" + path + "\": folders nest deeper than " + std::to_string(max_depth));
      return false;
    }
    const std::optional<std::vector<std::string>> names = names_in(folder, path);
    if (!names) {
      return false;
    }
    bool all = true;
    for (const std::string& name : *names) {
      all = remove(folder, name, path + "/" + name, mount, depth) && all;
    }
    return all;
  }

  // The first thing that went wrong.
  std::optional<std::string> error;

private:
  // Remove one entry of a folder; return whether it is gone.
  bool remove(int parent, const std::string& name, const std::string& path,
              const std::string& mount, int depth) {
    if (unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) {
      return true;
    }
    const int unlink_error = errno;
    const Fd entry(openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!entry || fstat(entry.get(), &status) != 0) {
      return errno == ENOENT;
    }
    if (mount_of(entry.get()) != mount) {
      return false; // mounted here: stays
    }
    if (!S_ISDIR(status.st_mode)) {
      return refuse(status, "cannot remove", path, unlink_error);
    }
    if (!clear(entry.get(), path, mount, depth + 1)) {
      return false;
    }
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
      return true;
    }
    return refuse(status, "cannot remove", path, errno);
  }

  // List a folder, given by a path descriptor, after opening it to this user.
  std::optional<std::vector<std::string>> names_in(int folder, const std::string& path) {
    struct stat status{};
    fstat(folder, &status);
    if (status.st_uid == geteuid() && (status.st_mode & S_IRWXU) != S_IRWXU) {
      chmod(proc_path("fd", folder).c_str(), (status.st_mode & 07777U) | S_IRWXU);
    }
    const int opened = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const Dir dir(opened >= 0 ? fdopendir(opened) : nullptr);
    if (!dir) {
      refuse(status, "cannot list", path, errno);
      return std::nullopt;
    }
    std::vector<std::string> names;
    while (const dirent* const entry = readdir(dir.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") {
        names.emplace_back(name);
      }
    }
    return names;
  }

  // Note an error unless the entry is another user's. Return false, for `not removed`.
  bool refuse(const struct stat& status, const char* what, const std::string& path, int number) {
    if (status.st_uid == geteuid() || geteuid() == 0) {
      fail(with_errno(std::string(what) + " \"" + path + "\"", number));
    }
    return false;
  }

  void fail(std::string text) {
    if (!error) {
      error = std::move(text);
    }
  }
};

} // namespace

tl::expected<void, std::string> empty_folder(const std::string& path) {
  const Fd folder(open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) {
    if (errno == ENOENT) {
      return {};
    }
    return tl::make_unexpected(with_errno("cannot empty \"" + path + "\"", errno));
  }
  const std::optional<std::string> mount = mount_of(folder.get());
  if (!mount) {
    return tl::make_unexpected("cannot empty \"" + path
                               + "\": /proc does not tell what is mounted");
  }
  Emptier emptier;
  emptier.clear(folder.get(), path, *mount, 0);
  if (emptier.error) {
    return tl::make_unexpected(std::move(*emptier.error));
  }
  return {};
}

} // namespace taskgroup
