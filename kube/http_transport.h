// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/clock.h"
#include "kube/cluster_config.h"
#include "kube/http_kube_api.h"

#include <tl/expected.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace taskgroup::kube {

struct HttpRequest {
  std::string method;
  std::string target; // path and query, encoded, without the config's prefix
  std::string content_type;
  std::string body;
  std::chrono::milliseconds silence{30'000};      // longest time without a byte
  std::optional<std::chrono::milliseconds> total; // longest time in all
};

struct HttpAnswer {
  int status = 0;
  std::string body; // of a stream only where the status is not 2xx
  std::string retry_after;
};

// HTTP/1.1 and TLS to one server, with the config's credentials: what knows cpp-httplib. Any thread
// may call any member. An error is one sentence: the server gave no whole answer.
//
// Ignores SIGPIPE in this process: TLS writes to a socket that the other side has closed.
class HttpTransport {
public:
  // The error says what is wrong with certificates and keys of the config.
  static tl::expected<std::unique_ptr<HttpTransport>, std::string>
  make(const ClusterConfig& config, const HttpSettings& settings,
       std::shared_ptr<Clock> clock = system_clock());
  ~HttpTransport();

  using Answer = tl::expected<HttpAnswer, std::string>;

  // Send a request over one of the kept connections; a 401 is tried once more with fresh
  // credentials. Reads of which the connection was gone are sent again.
  Answer send(const HttpRequest& request, const std::stop_token& stop);

  // Send it over a connection of its own; hand over the body of a 2xx answer as it comes. Its
  // answer false ends the call without an error.
  Answer stream(const HttpRequest& request, const std::function<bool(std::string_view)>& on_bytes,
                const std::stop_token& stop);

private:
  struct Inside;
  explicit HttpTransport(std::unique_ptr<Inside> inside);

  std::unique_ptr<Inside> m_inside;
};

} // namespace taskgroup::kube
