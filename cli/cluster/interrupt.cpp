// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/interrupt.h"

#include "cli/exit_code.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace taskgroup::cluster {

namespace {

// What the handler may touch: no allocation, no locks.
std::array<char, 512> last_words;
volatile std::sig_atomic_t last_words_size = 0;

void write_all(int file, const char* text, std::size_t size) {
  // It is the end either way: a terminal that is gone changes nothing.
  [[maybe_unused]] const ssize_t written = ::write(file, text, size);
}

void end(int signal) {
  if (::isatty(STDOUT_FILENO) == 1)
    write_all(STDOUT_FILENO, "\r\033[K", 4);
  write_all(STDERR_FILENO, last_words.data(), static_cast<std::size_t>(last_words_size));
  ::_exit(static_cast<int>(signal == SIGTERM ? ExitCode::terminated : ExitCode::interrupted));
}

} // namespace

void end_on_interrupt(const std::string& words) {
  last_words_size = 0;
  const std::string line = words.substr(0, last_words.size() - 1) + "\n";
  std::copy(line.begin(), line.end(), last_words.begin());
  last_words_size = static_cast<std::sig_atomic_t>(line.size());
  struct sigaction action = {};
  action.sa_handler = end;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

} // namespace taskgroup::cluster
