// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace taskgroup {

// What came back for a request.
struct TestAnswer {
  int status = 0; // 0: the connection ended before an answer
  std::string head;
  std::string body;
};

// A client that is as slow and as hostile as a test wants: raw bytes over TCP, then over TLS once
// asked for. Blocking; what takes 30 s counts as ended. For one thread.
class TestClient {
public:
  explicit TestClient(int port); // connects over TCP; nothing is sent
  ~TestClient();                 // closes
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  bool is_connected() const { return m_fd >= 0; }

  // Shake hands; the server's certificate must be signed by `authority` (PEM) for `name`; with an
  // empty authority any will do. `version` is the newest TLS that is offered (0x0303: 1.2).
  bool start_tls(const std::string& authority = {}, const std::string& name = {},
                 int version = 0x0304);

  // Send as it is, over TLS once there is. False: the connection is gone.
  bool send(std::string_view bytes);

  // Read one answer with Content-Length; 100 Continue counts as one.
  TestAnswer receive();

  // Wait until the server has closed the connection. False: it sent something first.
  bool wait_for_end();

  // The common name of the server's certificate.
  std::string server_name() const;

private:
  std::optional<std::string> read_some();

  struct FreeSsl {
    void operator()(SSL* ssl) const;
  };
  struct FreeContext {
    void operator()(SSL_CTX* context) const;
  };

  int m_fd = -1;
  std::unique_ptr<SSL_CTX, FreeContext> m_context;
  std::unique_ptr<SSL, FreeSsl> m_ssl;
  std::string m_read; // beyond the last answer
};

// A POST as the API server sends it.
std::string post(std::string_view body, std::string_view path = "/validate?timeout=5s");

} // namespace taskgroup
