// SPDX-License-Identifier: Apache-2.0
#include "cli/run_folder.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string_view>

namespace taskgroup {

namespace {

namespace fs = std::filesystem;

tl::unexpected<std::string> failed(std::string_view what, const std::string& path) {
  return tl::unexpected(fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
}

} // namespace

tl::expected<void, std::string> make_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    return failed("make the folder", path);
  }
  if (::chmod(path.c_str(), mode) != 0) {
    return failed("set the mode of", path);
  }
  return {};
}

tl::expected<void, std::string> make_below(const std::string& base, const std::string& relative) {
  int at = ::open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) {
    return failed("open the folder", base);
  }
  tl::expected<void, std::string> result;
  const fs::path path(relative);
  for (auto part = path.begin(); part != path.end(); ++part) {
    const std::string name = part->string();
    if (name.empty() || name == ".") {
      continue;
    }
    if (::mkdirat(at, name.c_str(), 0777) == 0) {
      ::fchmodat(at, name.c_str(), 0777, 0); // whatever the umask is
    }
    const int next = ::openat(at, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat found{};
    if (next >= 0 && ::fstat(next, &found) == 0 && S_ISREG(found.st_mode)
        && std::next(part) == path.end()) {
      ::close(next);
      break;
    }
    if (next < 0 || !S_ISDIR(found.st_mode)) {
      if (next >= 0) {
        ::close(next);
        errno = ENOTDIR;
      }
      result = failed("use the subPath", fmt::format("{} of {}", relative, base));
      break;
    }
    ::close(at);
    at = next;
  }
  ::close(at);
  return result;
}

tl::expected<void, std::string> prepare(const RunFolder& folder, const Plan& plan) {
  for (const std::string& path : {folder.control_folder(), folder.sockets(), folder.volumes(),
                                  folder.small_volumes(), folder.sandbox()}) {
    if (auto made = make_folder(path, 0755); !made)
      return made;
  }
  return replace_file(folder.plan_file(), to_json(plan, PlanParts::run));
}

tl::expected<void, std::string> replace_file(const std::string& path, std::string_view content) {
  const std::string scratch = path + ".new";
  const int fd = ::open(scratch.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    return failed("write", scratch);
  }
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno != EINTR) {
      auto result = failed("write", scratch);
      ::close(fd);
      return result;
    }
    content.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
  ::close(fd);
  if (::rename(scratch.c_str(), path.c_str()) != 0) {
    return failed("replace", path);
  }
  return {};
}

} // namespace taskgroup
