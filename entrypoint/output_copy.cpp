// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/output_copy.h"

#include "entrypoint/files.h"
#include "entrypoint/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

namespace taskgroup {

tl::expected<OutputCopy, std::string> OutputCopy::open(const std::string& path, int own) {
  if (const std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0) {
    if (const auto made = make_folders(path.substr(0, slash), 0755); !made) {
      return tl::make_unexpected(made.error());
    }
  }
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0644));
  if (!file) {
    return tl::make_unexpected(with_errno("cannot open \"" + path + "\"", errno));
  }
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return tl::make_unexpected(with_errno("cannot make a pipe", errno));
  }
  Fd read(ends[0]);
  Fd write(ends[1]);
  fcntl(read.get(), F_SETFL, O_NONBLOCK); // of this end alone: the process's stays as usual
  return OutputCopy(std::move(file), std::move(read), std::move(write), own);
}

void OutputCopy::forward() {
  char buffer[16384];
  while (m_read) {
    const ssize_t size = read(m_read.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0 && errno == EAGAIN) {
      return;
    }
    if (size <= 0) {
      m_read.reset();
      return;
    }
    const std::string_view output(buffer, static_cast<std::size_t>(size));
    static_cast<void>(write_all(m_own, output));
    if (const auto written =
            m_file ? write_all(m_file.get(), output) : tl::expected<void, std::string>();
        !written) {
      warn("the copy of the step's output ends here: " + written.error());
      m_file.reset();
    }
  }
}

} // namespace taskgroup
