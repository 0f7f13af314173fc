// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/cluster_config.h"
#include "kube/kube_api.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace taskgroup::kube {

// One request as its sender sees it, for metrics.
struct HttpCall {
  std::string method;
  int status = 0; // of the answer; 0: none came whole
  // Until the answer was whole; of a watch or a log, which are told of once their answer begins, it
  // says nothing.
  std::chrono::nanoseconds duration{0};
  bool is_stream = false;
};

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
  // Told of each request, a repeated one too, from the thread that sends it; not of those that
  // their caller stopped. May be empty; must not block.
  std::function<void(const HttpCall& call)> on_call;
};

// Talk to a real API server over HTTP/1.1 and TLS. The error says what is wrong with the config.
tl::expected<std::shared_ptr<KubeApi>, std::string> connect(const ClusterConfig& config,
                                                            HttpSettings settings = {});

} // namespace taskgroup::kube
