// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>
#include <taskgroup/record.h>

#include <tl/expected.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace taskgroup {

// How the coordinator is called.
struct CoordinateOptions {
  std::string plan;     // a file, or
  std::string plan_env; // the prefix of variables <prefix>0, <prefix>1 … with pieces of base64;
                        // gzip or plain, either way
  std::string sockets;  // the folder of the containers' sockets, <sockets>/<index>/s
  std::string control;  // a file that may come, change or be replaced; empty = none
  std::string install;  // a folder that gets this program once the sockets are open; empty = none
  std::string termination_log; // a file for the last 190 bytes; empty = none
  Millis grace{10'000};        // between TERM and KILL
  std::size_t ahead = 4;       // with Plan::launch_on_demand: tasks whose containers start early
};

// The program's exit codes.
inline constexpr int journal_complete = 0; // whatever the outcome
inline constexpr int journal_missing = 70; // EX_SOFTWARE

// Run the plan: one engine, the agents' sockets, the journal on stdout. Event-driven; one thread.
// It is an init process as well, where it is pid 1. Return the program's exit code.
int coordinate(const CoordinateOptions& options);

// Return the termination message: JSON of at most 190 bytes with state, reason, counts and the
// first failed task.
std::string termination_message(const Outcome& outcome, const Plan& plan);

// Return that of a coordinator that cannot run its plan: `error` as far as it fits.
std::string termination_message(std::string_view error);

} // namespace taskgroup
