// SPDX-License-Identifier: Apache-2.0
// The in-pod program: one static file that is installer, coordinator and agent. No threads, no
// locale, no iostream.
#include "entrypoint/breakpoint.h"
#include "entrypoint/coordinate.h"
#include "entrypoint/empty.h"
#include "entrypoint/files.h"
#include "entrypoint/install.h"
#include "entrypoint/step.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Words = std::vector<std::string>;

// A container may be given this program in the place of another, whose arguments it keeps
// (design.md 4): what is not understood is told, and ends well.
int not_understood(std::string_view why) {
  taskgroup::warn(std::string(why) + ": nothing to do");
  return EXIT_SUCCESS;
}

// Takes options from the front of a command line.
class Options {
public:
  explicit Options(Words words) : m_words(std::move(words)) {}

  // Tell whether an option of this name is next, and take it.
  bool flag(std::string_view name) {
    const bool next = m_next < m_words.size() && m_words[m_next] == name;
    m_next += next ? 1 : 0;
    return next;
  }

  // Take an option of this name and its value, if they are next.
  bool value(std::string_view name, std::string& value) {
    if (m_next + 1 >= m_words.size() || m_words[m_next] != name) {
      return false;
    }
    value = m_words[m_next + 1];
    m_next += 2;
    return true;
  }

  bool at_end() const { return m_next == m_words.size(); }
  const std::string& next() const { return m_words[m_next]; }

  Words rest() const {
    return {m_words.begin() + static_cast<std::ptrdiff_t>(m_next), m_words.end()};
  }

private:
  Words m_words;
  std::size_t m_next = 0;
};

int install(const Options& options) {
  if (options.at_end()) {
    return not_understood("install needs a folder");
  }
  if (const auto installed = taskgroup::install_to(options.next()); !installed) {
    taskgroup::warn(installed.error());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

// Read a whole number of at most nine digits.
bool number_from(const std::string& text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0
         && text.size() <= 9;
}

// What a pod's postStart hook runs: kubelet starts the other containers when it has ended.
int wait(Options options) {
  taskgroup::Millis limit{20'000};
  std::string text;
  int number = 0;
  while (options.value("--limit-ms", text) && number_from(text, number)) {
    limit = taskgroup::Millis(number);
  }
  if (options.at_end()) {
    return not_understood("wait needs [--limit-ms N] and a folder");
  }
  if (const auto there = taskgroup::wait_for_install(options.next(), limit); !there) {
    taskgroup::warn(there.error());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

// For a launcher whose steps left files of other users than its own.
int empty(const Options& options) {
  if (options.at_end()) {
    return not_understood("empty needs a folder");
  }
  if (const auto emptied = taskgroup::empty_folder(options.next()); !emptied) {
    taskgroup::warn(emptied.error());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}

int coordinate(Options options) {
  taskgroup::CoordinateOptions coordinate;
  std::string text;
  int number = 0;
  while (!options.at_end()) {
    if (options.value("--grace-ms", text) && number_from(text, number)) {
      coordinate.grace = taskgroup::Millis(number);
    } else if (options.value("--ahead", text) && number_from(text, number)) {
      coordinate.ahead = static_cast<std::size_t>(number);
    } else if (!options.value("--plan", coordinate.plan)
               && !options.value("--plan-env", coordinate.plan_env)
               && !options.value("--sockets", coordinate.sockets)
               && !options.value("--control", coordinate.control)
               && !options.value("--install", coordinate.install)
               && !options.value("--termination-log", coordinate.termination_log)) {
      return not_understood("coordinate needs --plan FILE|--plan-env PREFIX --sockets DIR "
                            "[--control FILE] [--install DIR] [--grace-ms N] [--ahead N] "
                            "[--termination-log FILE]");
    }
  }
  return taskgroup::coordinate(coordinate);
}

int step(Options options) {
  taskgroup::StepOptions step;
  while (!options.flag("--")) {
    if (options.flag("--script")) {
      step.script = true;
    } else if (!options.value("--socket", step.socket)
               && !options.value("--container", step.container)
               && !options.value("--nonce", step.nonce) && !options.value("--root", step.root)) {
      return not_understood("step needs --socket PATH --container NAME --nonce N [--script] "
                            "[--root DIR] -- COMMAND ARGS");
    }
  }
  step.command = options.rest();
  return taskgroup::run_step(step);
}

} // namespace

// The standard one prints the exception, for which it needs 60 kB of demangler.
namespace __gnu_cxx {                                // NOLINT(*-reserved-identifier, *-naming)
void __verbose_terminate_handler() { std::abort(); } // NOLINT(*-reserved-identifier, *-naming)
} // namespace __gnu_cxx

int main(int argc, char** argv) {
  if (argc > 0 && taskgroup::is_debug_script(argv[0])) {
    return taskgroup::run_debug_script(argv[0]);
  }
  const Words words(argv + std::min(argc, 1), argv + argc);
  if (words.empty()) {
    return not_understood("usage: taskgroup-agent install|wait|empty|coordinate|step");
  }
  const Options options(Words(words.begin() + 1, words.end()));
  if (words.front() == "install") {
    return install(options);
  }
  if (words.front() == "wait") {
    return wait(options);
  }
  if (words.front() == "empty") {
    return empty(options);
  }
  if (words.front() == "coordinate") {
    return coordinate(options);
  }
  if (words.front() == "step") {
    return step(options);
  }
  return not_understood("\"" + words.front()
                        + "\" is none of install, wait, empty, coordinate, step");
}
