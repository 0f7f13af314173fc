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
  std::string runtime = "auto";   // --runtime
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

// --- Commands that speak to a cluster ---
// cli/cluster/ has them; a build without the cluster's side (TASKGROUP_CLUSTER) has
// cli/without_cluster.cpp instead, where each says what is missing.

// Which cluster, and where in it; as kubectl's flags of these names.
struct ClusterFlags {
  std::string kubeconfig;
  std::string context;
  std::string namespace_name;
};

struct StatusFlags {
  ClusterFlags cluster;
  std::string run; // empty: list the runs of the namespace
  std::string group;
  std::string format = "text"; // "text", "json" or "yaml"
  bool watch = false;          // until the end; the exit code is the run's then
};
ExitCode status_command(const StatusFlags& flags);

struct LogsFlags {
  ClusterFlags cluster;
  std::string run;
  std::string group;
  std::vector<std::string> tasks; // --task; empty: all
  int attempt = 0;                // --attempt, from 1; 0: the last one
  bool follow = false;            // until the end; the exit code is the run's then
  bool json = false;
};
ExitCode logs_command(const LogsFlags& flags);

struct CancelFlags {
  ClusterFlags cluster;
  std::string run;
  std::string group;
};
ExitCode cancel_command(const CancelFlags& flags);

} // namespace taskgroup
