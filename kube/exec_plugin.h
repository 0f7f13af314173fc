// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/cluster_config.h"
#include "kube/timestamp.h"

#include <tl/expected.hpp>

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

namespace taskgroup::kube {

// What a credential plugin has printed (client.authentication.k8s.io ExecCredential, its status).
struct PluginCredential {
  std::string token;
  std::string certificate; // PEM
  std::string key;         // PEM
  std::optional<WallTime> expires;
};

// Run the plugin without a shell, its stdin empty, its stderr ours, and read what it prints (at
// most 1 MiB). It is killed after `limit` and at `stop`. The error names the program and says how
// to get it where it is missing.
tl::expected<PluginCredential, std::string>
run_plugin(const ExecPlugin& plugin, std::chrono::milliseconds limit, const std::stop_token& stop);

} // namespace taskgroup::kube
