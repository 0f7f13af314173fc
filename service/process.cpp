// SPDX-License-Identifier: Apache-2.0
#include "service/process.h"

#include "service/log.h"

#include <fmt/format.h>

#include <cstdio>

namespace taskgroup {

bool set_log_level(const std::string& flag) {
  log::Level level{};
  if (!log::level_from(flag, level)) {
    fmt::print(stderr, "--log-level: found \"{}\", expected debug, info, warning or error\n", flag);
    return false;
  }
  log::set_level(level);
  return true;
}

sigset_t hold_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

} // namespace taskgroup
