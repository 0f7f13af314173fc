// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <functional>
#include <memory>
#include <string>

namespace taskgroup {

// What the admin port answers with; called from the server's threads.
struct AdminPages {
  std::function<bool()> live;           // /livez: 200, else 503: restart this process
  std::function<std::string()> unready; // /readyz: 200 if empty, else 503 and why
  std::function<std::string()> metrics; // /metrics: the Prometheus text format
};

// Serves probes and metrics over plain HTTP.
class AdminServer {
public:
  virtual ~AdminServer() = default; // stops serving
};

// Listen on all addresses. The error names the port.
tl::expected<std::unique_ptr<AdminServer>, std::string> serve_admin(int port, AdminPages pages);

} // namespace taskgroup
