// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/files.h"

#include "entrypoint/process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace taskgroup {

namespace {

constexpr unsigned memfd_exec = 0x10; // MFD_EXEC of Linux 6.3, which older headers do not have

tl::unexpected<std::string> failure(std::string_view what, const std::string& path) {
  const int error = errno;
  return tl::make_unexpected(with_errno(std::string(what) + " \"" + path + "\"", error));
}

// Write the script to a folder; nothing if it cannot be there.
std::optional<std::string> script_in(const std::string& folder, const std::string& name,
                                     std::string_view content) {
  if (!make_folders(folder, 0777)) {
    return std::nullopt;
  }
  std::string path = folder + "/" + name;
  unlink(path.c_str());
  Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700));
  struct statvfs system{};
  if (!file || fstatvfs(file.get(), &system) != 0 || (system.f_flag & ST_NOEXEC) != 0
      || !write_all(file.get(), content) || fchmod(file.get(), 0755) != 0) {
    if (file) {
      unlink(path.c_str());
    }
    return std::nullopt;
  }
  return path;
}

} // namespace

void warn(std::string_view text) {
  std::string line = "taskgroup-agent: ";
  line += text;
  line += '\n';
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

tl::expected<void, std::string> make_folders(const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), mode) == 0) {
      if (chmod(part.c_str(), mode) != 0) {
        return failure("cannot set the mode of", part);
      }
    } else if (errno != EEXIST) {
      return failure("cannot make the folder", part);
    }
    if (end == std::string::npos) {
      break;
    }
  }
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    return failure("cannot make the folder", path);
  }
  if (!S_ISDIR(status.st_mode)) {
    return tl::make_unexpected("cannot make the folder \"" + path + "\": a file is in its place");
  }
  return {};
}

tl::expected<void, std::string> write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count >= 0) {
      content.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return tl::make_unexpected(with_errno("cannot write", errno));
    }
  }
  return {};
}

tl::expected<std::string, std::string> read_file(const std::string& path, std::size_t limit) {
  const Fd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) {
    return failure("cannot read", path);
  }
  if (!S_ISREG(status.st_mode)) {
    return tl::make_unexpected("cannot read \"" + path + "\": it is not a regular file");
  }
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t count = read(file.get(), buffer, sizeof buffer);
    if (count < 0) {
      return failure("cannot read", path);
    }
    if (count == 0) {
      return content;
    }
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > limit) {
      return tl::make_unexpected("cannot read \"" + path + "\": it has more than "
                                 + std::to_string(limit) + " bytes");
    }
  }
}

tl::expected<void, std::string> write_file(const std::string& path, std::string_view content,
                                           mode_t mode) {
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file) {
    return failure("cannot write", path);
  }
  return write_all(file.get(), content);
}

tl::expected<std::map<std::string, std::string>, std::string>
read_results(const std::string& folder, const std::vector<std::string>& names, std::size_t limit) {
  std::map<std::string, std::string> results;
  std::size_t total = 0;
  for (const std::string& name : names) {
    if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..") {
      return tl::make_unexpected("\"" + name + "\" cannot be the name of a result");
    }
    const std::string path = folder + "/" + name;
    if (access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
      continue;
    }
    tl::expected<std::string, std::string> content = read_file(path, limit);
    if (!content) {
      return tl::make_unexpected("result \"" + name + "\": " + content.error());
    }
    total += content->size();
    if (total > limit) {
      return tl::make_unexpected("result \"" + name + "\": the results of this step have more than "
                                 + std::to_string(limit)
                                 + " bytes together; put large data in a workspace");
    }
    results.emplace(name, std::move(*content));
  }
  return results;
}

tl::expected<Script, std::string> place_script(const std::string& folder, const std::string& name,
                                               std::string_view content) {
  if (std::optional<std::string> path = script_in(folder, name, content)) {
    return Script{std::move(*path), Fd()};
  }
  int number = memfd_create(name.c_str(), MFD_CLOEXEC | memfd_exec);
  if (number < 0 && errno == EINVAL) {
    number = memfd_create(name.c_str(), MFD_CLOEXEC);
  }
  Fd memory(number);
  if (!memory) {
    return failure("cannot write the script, neither in memory nor to", folder);
  }
  if (const auto written = write_all(memory.get(), content); !written) {
    return tl::make_unexpected("the script: " + written.error());
  }
  std::string path = "/proc/self/fd/" + std::to_string(memory.get());
  return Script{std::move(path), std::move(memory)};
}

} // namespace taskgroup
