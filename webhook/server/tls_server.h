// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "webhook/server/http_reader.h"
#include "webhook/server/tls_identity.h"

#include <tl/expected.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

// Answer a request; called on the threads of the pool. What it throws is answered with 500.
using HttpHandler = std::function<HttpAnswer(const HttpRequest&)>;

// Why a connection was closed without a request on it answered.
enum class Refusal {
  handshake,         // what came is no TLS that we speak
  handshake_timeout, // the handshake took too long; silent clients too
  request_timeout,   // a request took too long to come
  answer_timeout,    // an answer took too long to go
  too_many,          // as many connections as allowed; this one had waited longest
  no_certificate     // there is none yet
};
inline constexpr std::array all_refusals{Refusal::handshake,       Refusal::handshake_timeout,
                                         Refusal::request_timeout, Refusal::answer_timeout,
                                         Refusal::too_many,        Refusal::no_certificate};
std::string_view name_of(Refusal refusal);

// Told of what a server does, from its own thread: must not block. Any may be empty.
struct ServerObserver {
  // `took` is the time from the request's last byte on; nothing: it was refused, not handled.
  std::function<void(int status, std::optional<std::chrono::nanoseconds> took)> answered;
  std::function<void(Refusal)> refused;
  std::function<void(std::size_t requests)> in_hand; // read, and not answered yet
};

struct ServerSettings {
  int port = 8443; // 0: any that is free
  std::size_t threads = 4;

  // Bounds of memory. At the limit of connections the one that has waited longest for its client
  // gives way to a new one; the limit of bytes cuts the request that has been coming for longest.
  // So those who wait on purpose lose, not those who ask and go.
  std::size_t connections = 1024;
  std::size_t held_bytes = 32 * 1024 * 1024; // of all requests that are not answered
  std::size_t waiting_requests = 256;        // for a thread; more are answered with 503
  std::size_t large_body = 256 * 1024;       // from here on one at a time (workers.h)
  HttpLimits http;

  // Each in total, however the bytes trickle.
  std::chrono::milliseconds handshake{5'000}; // from the connection on
  std::chrono::milliseconds request{10'000}; // from its first byte, of the first from the handshake
  std::chrono::milliseconds answer{10'000};
  // Longer than the 90 s after which Go's client, the API server's, drops an idle connection. Who
  // closes first loses no request that the other is just sending.
  std::chrono::milliseconds idle{120'000};
  // How long what a refused client still sends is dropped, so that it gets to read why.
  std::chrono::milliseconds linger{1'000};
};

// Serves HTTPS (HTTP/1.1 with keep-alive) as an admission webhook needs it. One thread does all
// waiting and all TLS, so that no client, however slow or silent, takes a thread from another;
// requests that are complete go to the pool. From any thread.
class TlsServer {
public:
  virtual ~TlsServer() = default; // closes all at once; answers in hand are lost

  virtual int port() const = 0;

  // Serve connections from now on with this identity. Those that are open keep theirs.
  virtual void set_identity(TlsIdentity identity) = 0;

  // Tell whether the thread that does all waiting comes round within `patience`.
  virtual bool responds(std::chrono::milliseconds patience) = 0;

  // Close each connection after its next answer, so that clients go elsewhere; accept as before.
  virtual void drain() = 0;

  // Accept no more, and return once what is in hand is answered; true unless `patience` ended
  // first.
  virtual bool finish(std::chrono::milliseconds patience) = 0;
};

// Listen on all addresses. Until there is an identity, connections are closed. The error names the
// port.
tl::expected<std::unique_ptr<TlsServer>, std::string>
serve_tls(ServerSettings settings, HttpHandler handler, ServerObserver observer = {});

} // namespace taskgroup
