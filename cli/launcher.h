// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include "cli/failure.h"

#include <tl/expected.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace taskgroup {

// Names a container of the plan, container_at(task, step), together with its place among all: the
// number that the coordinator's `launch` records and socket folders use.
struct Container {
  std::size_t index = 0;
  std::size_t task = 0;
  std::size_t step = 0;
};

// Return the plan's containers in the order of their numbers, container_order().
std::vector<Container> containers_of(const Plan& plan);

// What became of a container or, with `coordinator` set, of the coordinator.
struct ContainerExit {
  bool coordinator = false;
  std::size_t index = 0;
  int exit_code = 0;       // 128 + signal
  std::string start_error; // not empty: it never ran
};

// Starts coordinator and step agents somewhere: on the host itself, or with a container engine. All
// a launcher decides is where agents run; what they do comes from the coordinator (design.md 1).
// Belongs to one thread.
class Launcher {
public:
  virtual ~Launcher() = default;

  // Return what steps will find different from a container, one sentence each.
  virtual std::vector<std::string> notices() const = 0;

  // Start the coordinator; its journal goes to `journal_fd`, which the launcher duplicates.
  virtual tl::expected<void, Failure> start_coordinator(int journal_fd) = 0;

  // Start a step's agent with its output going to two descriptors, which the launcher duplicates. A
  // failure to start arrives as a ContainerExit with start_error.
  virtual void start(const Container& container, int stdout_fd, int stderr_fd) = 0;

  // Return the words to put before a program that is to run beside a step, in its container; none
  // where that cannot be said. `terminal`: one to be talked to, a shell.
  virtual std::vector<std::string> enter(const Container& /*container*/, bool /*terminal*/) const {
    return {};
  }

  // Return a descriptor that is readable when read_exits() has something to say.
  virtual int exits_fd() const = 0;
  virtual std::vector<ContainerExit> read_exits() = 0;

  // Kill everything that was started and return when nothing is left.
  virtual void kill_all() = 0;
};

} // namespace taskgroup
