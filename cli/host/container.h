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

// The folders on the disk that a container has. On some disks (mounted with `discard`) making and
// removing one takes longer than all the rest, so they are few, and those left clean are used
// again.
struct DiskFolders {
  std::string base;
  bool are_new = true; // the container has to make them

  std::string tmp() const { return base + "-tmp"; }
  std::string var_tmp() const { return base + "-var-tmp"; }
  std::string uppers() const { return base + "-uppers"; } // only if HostRoot::needs_disk
};

// Turns the calling process, just cloned, into the container: into its own pid and mount namespaces
// if it is isolated. Never returns. An empty argv stops short of exec and exits with 0. The three
// descriptors are -1 for /dev/null.
[[noreturn]] void become_container(const ContainerWorld& world, unsigned id,
                                   const DiskFolders& disk, const ContainerSpec& spec);

} // namespace taskgroup::host
