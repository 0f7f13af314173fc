// SPDX-License-Identifier: Apache-2.0
#include "core/planning/file_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace taskgroup {

namespace {

// An open file that is closed at the end, unless it is standard input.
class File {
public:
  explicit File(const std::string& path)
      // A FIFO that nobody writes to is an empty file, and does not keep us waiting.
      : m_descriptor(path == "-" ? STDIN_FILENO
                                 : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~File() {
    if (m_descriptor > STDIN_FILENO) {
      close(m_descriptor);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int descriptor() const { return m_descriptor; }

private:
  int m_descriptor;
};

std::string describe(int error) { return std::generic_category().message(error); }

std::string too_large(const ReadLimits& limits) {
  constexpr std::size_t mebibyte = 1024UL * 1024UL;
  const std::string limit = limits.bytes % mebibyte == 0
                                ? std::to_string(limits.bytes / mebibyte) + " MiB"
                                : std::to_string(limits.bytes) + " bytes";
  return "larger than " + limit + ", which is the limit for one file; split it";
}

} // namespace

tl::expected<std::string, Diagnostics> read_bytes(const std::string& path,
                                                  const ReadLimits& limits) {
  const auto refuse = [&](std::string message) {
    Diagnostics diagnostics;
    diagnostics.add_error({std::make_shared<const std::string>(path), 0, 0, {}},
                          std::move(message));
    return tl::unexpected(std::move(diagnostics));
  };
  const File file(path);
  struct stat status{};
  if (file.descriptor() < 0 || fstat(file.descriptor(), &status) != 0) {
    return refuse("cannot open: " + describe(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    return refuse("is a folder, not a file");
  }
  if (S_ISREG(status.st_mode) && std::cmp_greater(status.st_size, limits.bytes)) {
    return refuse(too_large(limits));
  }
  std::string bytes;
  if (S_ISREG(status.st_mode)) {
    bytes.reserve(static_cast<std::size_t>(status.st_size));
  }
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = read(file.descriptor(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && errno == EAGAIN) {
      pollfd wait{file.descriptor(), POLLIN, 0};
      poll(&wait, 1, -1);
      continue;
    }
    if (got < 0) {
      return refuse("cannot read: " + describe(errno));
    }
    if (got == 0) {
      return bytes;
    }
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
    if (bytes.size() > limits.bytes) {
      return refuse(too_large(limits));
    }
  }
}

tl::expected<std::vector<Node>, Diagnostics> read_file(const std::string& path,
                                                       const ReadLimits& limits) {
  auto bytes = read_bytes(path, limits);
  if (!bytes) {
    return tl::unexpected(std::move(bytes).error());
  }
  return read_documents(*bytes, path, limits);
}

} // namespace taskgroup
