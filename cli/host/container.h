// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/host/sandbox.h"
#include "cli/host/stage.h"

#include <array>
#include <string>

namespace taskgroup::host {

// What all containers of a supervisor share.
struct ContainerWorld {
  Stage stage;
  HostRoot root;
  bool privileged = false; // not in a user namespace
  int null_fd = -1;        // /dev/null
  int failures_fd = -1;    // a pipe that takes a Failure's datagram; closed by exec
};

// A failure to start, written to `failures_fd` in one piece before the container's process ends.
struct Failure {
  static constexpr std::size_t max_text = 1024;
  unsigned id = 0;
  std::array<char, max_text> text{}; // ends with a NUL
};

// The folder on the disk that a container has for its /tmp and /var/tmp and for uppers. On some
// disks making and removing it takes longer than all the rest, so one that was left clean is used
// again.
struct DiskFolder {
  std::string path;
  bool is_new = true; // the container has to make it

  std::string tmp() const { return path + "/tmp"; }
  std::string var_tmp() const { return path + "/var-tmp"; }
};

// Turns the calling process, just cloned, into the container: into its own pid and mount namespaces
// if it is isolated. Never returns. An empty argv stops short of exec and exits with 0. The three
// descriptors are -1 for /dev/null.
[[noreturn]] void become_container(const ContainerWorld& world, unsigned id, const DiskFolder& disk,
                                   const ContainerSpec& spec);

} // namespace taskgroup::host
