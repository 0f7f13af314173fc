// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/install.h"

#include "entrypoint/files.h"
#include "entrypoint/process.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace taskgroup {

tl::expected<void, std::string> install_to(const std::string& folder) {
  const std::string target = folder + "/taskgroup-agent";
  const std::string part = target + "." + std::to_string(getpid());
  const auto failure = [&] {
    const int error = errno;
    unlink(part.c_str());
    return tl::make_unexpected(with_errno("cannot install \"" + target + "\"", error));
  };
  if (const auto made = make_folders(folder, 0755); !made) {
    return made;
  }
  const Fd self(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  Fd copy(open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700));
  if (!self || !copy) {
    return failure();
  }
  ssize_t count = 0;
  while ((count = sendfile(copy.get(), self.get(), nullptr, std::size_t{1} << 20U)) > 0) {
  }
  if (count < 0 || fchmod(copy.get(), 0555) != 0) {
    return failure();
  }
  copy.reset(); // a program that is open for writing cannot be run
  if (rename(part.c_str(), target.c_str()) != 0) {
    return failure();
  }
  return {};
}

} // namespace taskgroup
