// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/cluster_config.h"

#include <httplib.h>

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace taskgroup::kube {

// A certificate and its key, as PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

// Make a certificate for tests. `names` is OpenSSL's subjectAltName ("IP:127.0.0.1"), empty: none.
// Signed by `issuer`; null: by itself, as an authority.
Identity make_identity(const std::string& common_name, const std::string& names,
                       const Identity* issuer = nullptr);

// An HTTP server on this machine, for tests of the client. Handlers are added to server() before
// start(). It keeps what it was asked.
class TestServer {
public:
  TestServer();                                                       // plain
  TestServer(const Identity& identity, const std::string& client_ca); // TLS; empty: no client's
  ~TestServer();

  httplib::Server& server() { return *m_server; }
  void start();

  // How to reach it; nothing is trusted yet.
  ClusterConfig config() const;

  // "METHOD target content-type authorization body" of each request, empty parts left out.
  std::vector<std::string> requests() const;

private:
  void keep_requests();

  std::unique_ptr<httplib::Server> m_server;
  bool m_tls = false;
  int m_port = 0;
  mutable std::mutex m_mutex;
  std::vector<std::string> m_requests;
  std::jthread m_thread;
};

} // namespace taskgroup::kube
