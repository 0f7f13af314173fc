// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace taskgroup::containers {

// How a program is started.
struct ChildOptions {
  std::vector<std::string> argv; // argv[0] is looked for in PATH
  int stdout_fd = -1;            // duplicated; -1: kept, see Child::output()
  int stderr_fd = -1;            // duplicated; -1: kept, see Child::errors()
  bool ends_with_caller = false; // the kernel kills it when the calling thread ends
};

// A program that was started, in a session of its own: what the terminal sends to the foreground
// does not reach it. Its standard input is empty. Belongs to one thread.
class Child {
public:
  // The error says why the program cannot be run.
  static tl::expected<Child, std::string> start(const ChildOptions& options);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child(); // kills it, if it still runs

  // Return a descriptor that is readable once the program has ended.
  int event_fd() const { return m_pidfd; }

  // Return the exit code, 128 + signal where a signal ended it; nothing while it runs.
  std::optional<int> exit_code();

  // Wait for the end, at most so long; nothing if it still runs then. A negative limit: for ever.
  std::optional<int> wait(std::chrono::milliseconds limit);

  void kill(int signal) const;

  // Return what it has printed, where that is kept.
  std::string output() const;
  std::string errors() const;

private:
  Child() = default;
  void swap(Child& other) noexcept;

  pid_t m_pid = -1;
  int m_pidfd = -1;
  int m_stdout = -1; // memory
  int m_stderr = -1;
  std::optional<int> m_code;
};

// What a program has left.
struct Finished {
  int code = 0;
  std::string output;
  std::string errors;
};

// Run a program to its end. One that takes longer than `limit` is killed, which is an error; so is
// one that cannot be run. A negative limit: none.
tl::expected<Finished, std::string> run_to_end(const std::vector<std::string>& argv,
                                               std::chrono::milliseconds limit);

} // namespace taskgroup::containers
