// SPDX-License-Identifier: Apache-2.0
#include "webhook/server/test_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>

namespace taskgroup {

TestClient::TestClient(int port) : m_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  setsockopt(m_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(m_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  setsockopt(m_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(m_fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(m_fd);
    m_fd = -1;
  }
}

TestClient::~TestClient() {
  m_ssl.reset();
  if (m_fd >= 0)
    close(m_fd);
}

void TestClient::FreeSsl::operator()(SSL* ssl) const { SSL_free(ssl); }
void TestClient::FreeContext::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

bool TestClient::start_tls(const std::string& authority, const std::string& name, int version) {
  m_context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(m_context.get(), version);
  SSL_CTX_set_options(m_context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (!authority.empty()) {
    BIO* const bio = BIO_new_mem_buf(authority.data(), static_cast<int>(authority.size()));
    X509* const trusted = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(m_context.get()), trusted);
    X509_free(trusted);
    BIO_free(bio);
    SSL_CTX_set_verify(m_context.get(), SSL_VERIFY_PEER, nullptr);
  }
  m_ssl.reset(SSL_new(m_context.get()));
  if (!name.empty())
    SSL_set1_host(m_ssl.get(), name.c_str());
  SSL_set_fd(m_ssl.get(), m_fd);
  return SSL_connect(m_ssl.get()) == 1;
}

bool TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = m_ssl
                             ? SSL_write(m_ssl.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(m_fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::optional<std::string> TestClient::read_some() {
  std::array<char, 16 * 1024> buffer{};
  const auto got = m_ssl ? SSL_read(m_ssl.get(), buffer.data(), static_cast<int>(buffer.size()))
                         : recv(m_fd, buffer.data(), buffer.size(), 0);
  if (got <= 0)
    return std::nullopt;
  return std::string(buffer.data(), static_cast<std::size_t>(got));
}

TestAnswer TestClient::receive() {
  TestAnswer answer;
  std::size_t end = std::string::npos;
  while ((end = m_read.find("\r\n\r\n")) == std::string::npos) {
    const auto more = read_some();
    if (!more)
      return answer;
    m_read += *more;
  }
  answer.head = m_read.substr(0, end + 2);
  m_read.erase(0, end + 4);
  std::size_t length = 0;
  constexpr std::string_view name = "Content-Length: ";
  if (const auto at = answer.head.find(name); at != std::string::npos)
    length = std::strtoul(answer.head.c_str() + at + name.size(), nullptr, 10);
  while (m_read.size() < length) {
    const auto more = read_some();
    if (!more)
      return answer;
    m_read += *more;
  }
  answer.body = m_read.substr(0, length);
  m_read.erase(0, length);
  answer.status = std::atoi(answer.head.c_str() + 9);
  return answer;
}

bool TestClient::wait_for_end() { return m_read.empty() && !read_some(); }

std::string TestClient::server_name() const {
  X509* const certificate = SSL_get1_peer_certificate(m_ssl.get());
  std::array<char, 128> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  X509_free(certificate);
  return name.data();
}

std::string post(std::string_view body, std::string_view path) {
  std::string text = "POST ";
  text += path;
  text += " HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\nContent-Length: "
          + std::to_string(body.size()) + "\r\n\r\n";
  return text.append(body);
}

} // namespace taskgroup
