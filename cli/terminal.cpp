// SPDX-License-Identifier: Apache-2.0
#include "cli/status_sink.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace taskgroup {

TerminalTraits detect_terminal() {
  TerminalTraits traits;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  const char* no_colour = std::getenv("NO_COLOR"); // https://no-color.org: set and not empty
  traits.colour = is_terminal && !dumb && (no_colour == nullptr || *no_colour == '\0');
  traits.sticky = is_terminal && !dumb;
  winsize size = {};
  if (is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    traits.width = size.ws_col;
  }
  return traits;
}

} // namespace taskgroup
