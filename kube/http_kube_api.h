// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/cluster_config.h"
#include "kube/kube_api.h"

#include <functional>
#include <memory>
#include <string>

namespace taskgroup::kube {

struct HttpSettings {
  std::string user_agent = "taskgroup-controller";
  std::chrono::milliseconds request_timeout{30'000}; // of everything but watches and logs, in total
  std::chrono::milliseconds connect_timeout{10'000};
  std::size_t connections = 4;              // kept open for requests; watches have their own
  std::chrono::seconds watch_shortest{300}; // timeoutSeconds is random between these
  std::chrono::seconds watch_longest{600};
  std::size_t max_line = 8 * 1024 * 1024;    // of a watch
  std::size_t max_answer = 64 * 1024 * 1024; // of everything but logs
  std::size_t page = 500;
};

// Talk to a real API server over HTTP/1.1 and TLS. The error says what is wrong with the config.
tl::expected<std::shared_ptr<KubeApi>, std::string> connect(const ClusterConfig& config,
                                                            HttpSettings settings = {});

} // namespace taskgroup::kube
