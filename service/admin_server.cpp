// SPDX-License-Identifier: Apache-2.0
#include "service/admin_server.h"

#include <fmt/format.h>

#include <httplib.h>

#include <thread>

namespace taskgroup {

namespace {

// Probes and one scraper; slow clients get no more.
constexpr std::size_t threads = 4;
constexpr int read_seconds = 5;
constexpr std::size_t most_bytes = 4096;

class HttpAdminServer final : public AdminServer {
public:
  explicit HttpAdminServer(AdminPages pages) : m_pages(std::move(pages)) {
    m_server.new_task_queue = [] { return new httplib::ThreadPool(threads); }; // owned by httplib
    m_server.set_read_timeout(read_seconds);
    m_server.set_write_timeout(read_seconds);
    m_server.set_payload_max_length(most_bytes);
    m_server.set_tcp_nodelay(true);
    m_server.Get("/livez", [this](const httplib::Request&, httplib::Response& answer) {
      say(answer, m_pages.live() ? "" : "the main loop does not answer");
    });
    m_server.Get("/readyz", [this](const httplib::Request&, httplib::Response& answer) {
      say(answer, m_pages.unready());
    });
    m_server.Get("/metrics", [this](const httplib::Request&, httplib::Response& answer) {
      answer.set_content(m_pages.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
  }

  ~HttpAdminServer() override {
    m_server.stop();
    if (m_thread.joinable())
      m_thread.join();
  }

  HttpAdminServer(const HttpAdminServer&) = delete;
  HttpAdminServer& operator=(const HttpAdminServer&) = delete;

  bool listen(int port) {
    if (!m_server.bind_to_port("::", port) && !m_server.bind_to_port("0.0.0.0", port))
      return false;
    m_thread = std::thread([this] { m_server.listen_after_bind(); });
    m_server.wait_until_ready();
    return true;
  }

private:
  static void say(httplib::Response& answer, const std::string& trouble) {
    answer.status = trouble.empty() ? 200 : 503;
    answer.set_content(trouble.empty() ? "ok\n" : trouble + "\n", "text/plain");
  }

  AdminPages m_pages;
  httplib::Server m_server;
  std::thread m_thread;
};

} // namespace

tl::expected<std::unique_ptr<AdminServer>, std::string> serve_admin(int port, AdminPages pages) {
  auto server = std::make_unique<HttpAdminServer>(std::move(pages));
  if (!server->listen(port))
    return tl::make_unexpected(
        fmt::format("cannot listen on port {}; choose another one with --admin-port", port));
  return std::unique_ptr<AdminServer>(std::move(server));
}

} // namespace taskgroup
