// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entrypoint/fd.h"

#include <tl/expected.hpp>

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

// Processes, the way an init process has to treat them. One thread only.
namespace taskgroup {

// Return `what` with errno's text: `cannot open "/x": Permission denied (EACCES)`.
std::string with_errno(std::string what, int error);

// What to run. Strings hold no NUL.
struct Command {
  std::vector<std::string> argv; // argv[0] is looked up in `env`'s PATH unless it has a slash
  std::vector<std::string> env;  // NAME=value
  int directory = -1;            // descriptor of the working folder; -1 = the caller's
  int kept = -1;                 // descriptor the process inherits besides 0, 1, 2; -1 = none
  int out = -1;                  // descriptor that becomes its stdout; -1 = the caller's
  int err = -1;                  // the same, stderr
};

// Why a process could not be started. `code` is the shell's: 127 not found, 126 not executable.
struct SpawnError {
  int code = 126;
  std::string message;
};

// Return what a shell would call the exit code of a wait status: the code, or 128 + signal.
int exit_code_of(int wait_status);

// An init process: reaps everything and looks after one process, the child, at a time.
class Init {
public:
  // Become an init process: block every signal that somebody else can send, set all to their
  // defaults, close inherited descriptors beyond stderr, adopt orphans where this is not pid 1. To
  // be called once, first of all.
  static tl::expected<Init, std::string> become();

  // The descriptor that becomes readable when a signal is there, SIGCHLD above all.
  int signals() const { return m_signals.get(); }

  // Read and drop the signals that are there; return whether TERM or INT was among them. What
  // matters of SIGCHLD is told by reap().
  bool drain() const;

  // Start the child in a session of its own, with no signal blocked and all at their defaults.
  // Fast: this process's memory is not copied.
  tl::expected<void, SpawnError> start(const Command& command);

  // Tell whether the child runs, as far as reap() knows.
  bool running() const { return m_child > 0; }

  // Reap every process that has ended; return the child's exit code if it was among them.
  std::optional<int> reap();

  // Return the other processes that reap() has met since the last call, with their exit codes.
  std::vector<std::pair<pid_t, int>> take_others() { return std::exchange(m_others, {}); }

  // Send a signal to every other process of the container where this is pid 1, otherwise to this
  // process's descendants.
  static void signal_all(int number);

  // Kill and reap all that signal_all() reaches. Return the child's exit code if it was among them.
  // `left` says whether some outlived two seconds (another user's, or stuck in the kernel).
  std::optional<int> kill_all(bool& left);

private:
  explicit Init(Fd signals) : m_signals(std::move(signals)) {}

  Fd m_signals;
  pid_t m_child = -1;
  std::vector<std::pair<pid_t, int>> m_others;
};

} // namespace taskgroup
