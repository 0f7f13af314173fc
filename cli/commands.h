// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/exit_code.h"
#include "cli/request_flags.h"

#include <string>
#include <vector>

namespace taskgroup {

// What the subcommands of `taskgroup` are told by the command line. Each command prints to standard
// output and standard error and returns the exit code.

struct RunFlags {
  std::vector<std::string> files;
  RequestFlags request;
  std::vector<std::string> tasks; // --task
  std::string group;              // --group
  bool keep = false;
  bool json = false; // -o json
};
ExitCode run_command(const RunFlags& flags);

struct ValidateFlags {
  std::vector<std::string> files;
};
ExitCode validate_command(const ValidateFlags& flags);

struct GraphFlags {
  std::string file;
  std::string group;
  std::string format; // "text", "mermaid" or "dot"
};
ExitCode graph_command(const GraphFlags& flags);

struct PlanFlags {
  std::vector<std::string> files;
  RequestFlags request;
  std::vector<std::string> tasks;
  std::string group;
  bool json = false; // -o json: the plan itself
};
ExitCode plan_command(const PlanFlags& flags);

} // namespace taskgroup
