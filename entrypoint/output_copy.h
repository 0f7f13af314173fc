// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entrypoint/fd.h"

#include <tl/expected.hpp>

#include <string>

namespace taskgroup {

// A step's stdout or stderr that goes to a file as well (stdoutConfig, stderrConfig;
// cmd/entrypoint/runner.go): the process writes to a pipe, and what it writes is passed on to the
// container's own stream and to the file.
class OutputCopy {
public:
  // Open the file for appending, mode 0644; the folders above it that are missing are made. `own`
  // is the stream that gets everything too: STDOUT_FILENO or STDERR_FILENO.
  static tl::expected<OutputCopy, std::string> open(const std::string& path, int own);

  int own() const { return m_own; }

  // The end that the process writes to; to be closed once the process has it.
  int process_end() const { return m_write.get(); }
  void close_process_end() { m_write.reset(); }

  // The end to wait at, or -1 when nothing can come any more.
  int readable() const { return m_read.get(); }

  // Pass on what is there. A file that cannot be written any more is given up, with a warning.
  void forward();

private:
  OutputCopy(Fd file, Fd read, Fd write, int own)
      : m_file(std::move(file)), m_read(std::move(read)), m_write(std::move(write)), m_own(own) {}

  Fd m_file;
  Fd m_read;
  Fd m_write;
  int m_own;
};

} // namespace taskgroup
