// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/install.h"

#include "entrypoint/clock.h"
#include "entrypoint/files.h"
#include "entrypoint/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace taskgroup {

namespace {

std::string program_in(const std::string& folder) { return folder + "/taskgroup-agent"; }

} // namespace

tl::expected<void, std::string> install_to(const std::string& folder) {
  const std::string target = program_in(folder);
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

tl::expected<void, std::string> wait_for_install(const std::string& folder, Millis limit) {
  // A node has few inotify instances for each user: where none is left, look again now and then.
  constexpr Millis look_again{20};
  const Fd changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const bool watched =
      changes && inotify_add_watch(changes.get(), folder.c_str(), IN_MOVED_TO) >= 0;
  const std::string program = program_in(folder);
  const Millis deadline = monotonic_now() + limit;
  while (access(program.c_str(), X_OK) != 0) {
    const Millis left = deadline - monotonic_now();
    if (left <= Millis(0)) {
      return tl::make_unexpected("\"" + program + "\" is not there after "
                                 + std::to_string(limit.count())
                                 + " ms: the coordinator has not begun");
    }
    pollfd ready{changes.get(), POLLIN, 0};
    poll(&ready, watched ? 1 : 0,
         static_cast<int>((watched ? left : std::min(left, look_again)).count()));
    char events[4096];
    while (watched && read(changes.get(), events, sizeof events) > 0) {
    }
  }
  return {};
}

} // namespace taskgroup
