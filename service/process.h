// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <string>

namespace taskgroup {

// Set the level of the log to what --log-level says; false, and a line on stderr, if there is no
// such level.
bool set_log_level(const std::string& flag);

// Keep SIGTERM and SIGINT for whoever waits for the returned set, in this thread and those that it
// starts; let a write to a closed connection fail instead of ending the process. Call it before the
// first thread.
sigset_t hold_stop_signals();

} // namespace taskgroup
