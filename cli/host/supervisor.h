// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

namespace taskgroup::host {

struct SupervisorOptions {
  std::string temporary_folder;
  bool keep = false;
  bool user_namespace = false; // the process was cloned into a new one, where it must map users
  bool privileged = true;      // not in any user namespace but the first
  uid_t uid = 0;               // the caller's, mapped to 0 in a user namespace
  gid_t gid = 0;
  int requests = -1; // its ends of the sockets of protocol.h
  int events = -1;
};

// Runs the supervisor in a process just cloned into new pid, mount, ipc and uts namespaces (and a
// user namespace, if so said), as its PID 1. It sends notices, then one of ready, prerequisite and
// internal, then serves requests until the caller's end of the sockets is closed; its end is the
// end of everything it started. Never returns.
[[noreturn]] void supervise(const SupervisorOptions& options);

} // namespace taskgroup::host
