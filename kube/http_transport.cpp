// SPDX-License-Identifier: Apache-2.0
#include "kube/http_transport.h"

#include "kube/call_guard.h"
#include "kube/credentials.h"
#include "kube/openssl.h"

#include <fcntl.h>
#include <httplib.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <mutex>
#include <utility>
#include <vector>

namespace taskgroup::kube {
namespace {

using openssl::Certificate;
using openssl::Key;

std::vector<Certificate> certificates_in(const std::string& pem) {
  std::vector<Certificate> certificates;
  const openssl::Bio bio = openssl::reading(pem);
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(one);
  }
  ERR_clear_error(); // the end of the text is an error to OpenSSL
  return certificates;
}

Key key_in(const std::string& pem) {
  const openssl::Bio bio = openssl::reading(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, openssl::no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

// Return what is wrong with a certificate and its key; empty: nothing.
std::string identity_error(const std::string& certificate, const std::string& key) {
  if (certificate.empty()) {
    return {};
  }
  const auto certificates = certificates_in(certificate);
  if (certificates.empty()) {
    return "the client certificate is no PEM certificate";
  }
  const Key private_key = key_in(key);
  if (!private_key) {
    return "the client key is no PEM private key without a password";
  }
  if (X509_check_private_key(certificates.front().get(), private_key.get()) != 1) {
    ERR_clear_error();
    return "the client key does not belong to the client certificate";
  }
  return {};
}

// The numeric address of a host; empty: unknown.
std::string address_of(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) {
    return {};
  }
  std::array<char, NI_MAXHOST> text{};
  ::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0,
                NI_NUMERICHOST);
  ::freeaddrinfo(found);
  return text.data();
}

// A connection and a way to cut it from another thread. The client's own stop() waits for a mutex
// that it holds while it connects; this one shuts the socket down under it. Of the socket a
// duplicate is kept, so that its number cannot be that of another file meanwhile.
class Connection {
public:
  explicit Connection(std::uint64_t credential) : credential_number(credential) {}
  ~Connection() {
    client.reset();
    set_socket(-1);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void opened(int socket) {
    const int on = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    // A watch is silent for minutes: this finds out within one that nobody is there.
    const int idle = 30;
    const int pause = 10;
    const int count = 3;
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof pause);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    set_socket(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
    ++connects;
  }

  void cut() {
    const std::scoped_lock lock(m_mutex);
    if (m_socket >= 0) {
      ::shutdown(m_socket, SHUT_RDWR);
    }
  }

  std::unique_ptr<httplib::ClientImpl> client;
  const std::uint64_t credential_number; // whose certificate it uses
  int connects = 0;

private:
  void set_socket(int socket) {
    const std::scoped_lock lock(m_mutex);
    if (m_socket >= 0) {
      ::close(m_socket);
    }
    m_socket = socket;
  }

  std::mutex m_mutex;
  int m_socket = -1;
};

} // namespace

struct HttpTransport::Inside {
  Inside(ClusterConfig given, const HttpSettings& given_settings, std::shared_ptr<Clock> clock)
      : config(std::move(given)), settings(given_settings), credentials(config, std::move(clock)) {}

  ClusterConfig config;
  HttpSettings settings;
  Credentials credentials;
  CallGuards guards;
  std::mutex mutex; // of idle
  std::vector<std::unique_ptr<Connection>> idle;

  std::unique_ptr<Connection> open(const Credential& credential);
  std::unique_ptr<Connection> take(const Credential& credential);
  void give_back(std::unique_ptr<Connection> connection);

  // What has become of one request on one connection.
  struct Try {
    HttpAnswer answer;
    std::string error;           // empty: the answer is whole, or the receiver wanted no more
    bool may_send_again = false; // nothing came over a connection that may have been closed
  };
  Try try_once(Connection& connection, const HttpRequest& request, const Credential& credential,
               const std::function<bool(std::string_view)>& on_bytes, const std::stop_token& stop);
  void tell(const HttpRequest& request, int status, bool is_stream,
            std::chrono::steady_clock::time_point begun) const;
  std::string error_of(const httplib::Result& result, Connection& connection) const;
  Answer call(const HttpRequest& request, const std::function<bool(std::string_view)>& on_bytes,
              const std::stop_token& stop);
};

std::unique_ptr<Connection> HttpTransport::Inside::open(const Credential& credential) {
  auto connection = std::make_unique<Connection>(credential.number);
  // With a name for TLS the client believes to talk to that name, at the address of the host.
  const bool renamed = config.tls && !config.tls_server_name.empty();
  const std::string& name = renamed ? config.tls_server_name : config.host;
  if (config.tls) {
    const auto certificates = certificates_in(credential.certificate);
    const Key key = key_in(credential.key);
    auto client = std::make_unique<httplib::SSLClient>(
        name, config.port, certificates.empty() ? nullptr : certificates.front().get(), key.get());
    if (client->ssl_context() != nullptr) {
      for (std::size_t i = 1; i < certificates.size(); ++i) {
        SSL_CTX_add1_chain_cert(client->ssl_context(), certificates[i].get());
      }
    }
    if (!config.ca.empty()) {
      client->load_ca_cert_store(config.ca.data(), config.ca.size());
    }
    client->enable_server_certificate_verification(!config.insecure_skip_tls_verify);
    connection->client = std::move(client);
  } else {
    connection->client = std::make_unique<httplib::ClientImpl>(name, config.port);
  }
  httplib::ClientImpl& client = *connection->client;
  if (renamed) {
    client.set_hostname_addr_map({{name, address_of(config.host)}});
  }
  client.set_socket_options([raw = connection.get()](socket_t socket) { raw->opened(socket); });
  client.set_tcp_nodelay(true); // 36 ms a request without it
  client.set_keep_alive(true);
  client.set_follow_location(false);
  client.set_url_encode(false);
  client.set_connection_timeout(settings.connect_timeout);
  return connection;
}

std::unique_ptr<Connection> HttpTransport::Inside::take(const Credential& credential) {
  {
    const std::scoped_lock lock(mutex);
    while (!idle.empty()) {
      auto connection = std::move(idle.back());
      idle.pop_back();
      if (credential.certificate.empty() || connection->credential_number == credential.number) {
        return connection;
      }
    }
  }
  return open(credential);
}

void HttpTransport::Inside::give_back(std::unique_ptr<Connection> connection) {
  const std::scoped_lock lock(mutex);
  if (idle.size() < settings.connections) {
    idle.push_back(std::move(connection));
  }
}

void HttpTransport::Inside::tell(const HttpRequest& request, int status, bool is_stream,
                                 std::chrono::steady_clock::time_point begun) const {
  if (settings.on_call) {
    settings.on_call({request.method, status, std::chrono::steady_clock::now() - begun, is_stream});
  }
}

HttpTransport::Inside::Try HttpTransport::Inside::try_once(
    Connection& connection, const HttpRequest& request, const Credential& credential,
    const std::function<bool(std::string_view)>& on_bytes, const std::stop_token& stop) {
  Try result;
  bool is_enough = false; // the receiver wants no more
  bool is_too_large = false;
  const bool is_stream = on_bytes != nullptr;
  const auto begun = std::chrono::steady_clock::now();
  httplib::Request sent;
  sent.method = request.method;
  sent.path = config.path_prefix + request.target;
  sent.body = request.body;
  sent.headers.emplace("Accept", "application/json, */*");
  sent.headers.emplace("Accept-Encoding", "identity");
  sent.headers.emplace("User-Agent", settings.user_agent);
  if (!request.content_type.empty()) {
    sent.headers.emplace("Content-Type", request.content_type);
  }
  if (!credential.token.empty()) {
    sent.headers.emplace("Authorization", "Bearer " + credential.token);
  }
  sent.response_handler = [&](const httplib::Response& response) {
    result.answer.status = response.status;
    result.answer.retry_after = response.get_header_value("Retry-After");
    if (is_stream) {
      tell(request, response.status, true, begun);
    }
    return true;
  };
  sent.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    if (on_bytes && result.answer.status / 100 == 2) {
      is_enough = stop.stop_requested() || !on_bytes({data, size});
      return !is_enough;
    }
    is_too_large = result.answer.body.size() + size > settings.max_answer;
    result.answer.body.append(data, is_too_large ? 0 : size);
    return !is_too_large;
  };
  httplib::ClientImpl& client = *connection.client;
  client.set_read_timeout(request.silence);
  client.set_write_timeout(
      std::min<std::chrono::milliseconds>(request.silence, settings.request_timeout));
  const int connects_before = connection.connects;
  const auto guard = guards.guard(request.total, stop, [&] { connection.cut(); });
  const httplib::Result done = client.send(sent);
  if (done || is_enough) {
    if (stop.stop_requested()) {
      result.error = "stopped by the caller";
    }
    if (done) {
      result.answer.status = done->status; // of a 204 the handlers are not called
    }
    if (!is_stream) {
      tell(request, result.answer.status, false, begun);
    }
    return result;
  }
  if (stop.stop_requested()) {
    result.error = "stopped by the caller";
    return result;
  }
  if (guard->is_overdue()) {
    result.error = "no whole answer within " + std::to_string(request.total->count()) + " ms";
  } else if (is_too_large) {
    result.error = "the answer is larger than " + std::to_string(settings.max_answer) + " bytes";
  } else {
    result.error = error_of(done, connection);
    result.may_send_again = request.method == "GET" && result.answer.status == 0
                            && connection.connects == connects_before && connects_before > 0;
  }
  // A stream that broke was told of when it began; a closed connection is no failed request.
  if (!result.may_send_again && (!is_stream || result.answer.status == 0)) {
    tell(request, 0, is_stream, begun);
  }
  return result;
}

std::string HttpTransport::Inside::error_of(const httplib::Result& result,
                                            Connection& connection) const {
  const std::string where = config.host + " port " + std::to_string(config.port) + ": ";
  switch (result.error()) {
  case httplib::Error::Connection:
    return where + "no connection";
  case httplib::Error::ConnectionTimeout:
    return where + "no connection in time";
  case httplib::Error::Read:
    return where + "the connection broke, or was silent for too long";
  case httplib::Error::SSLServerVerification: {
    const auto* client = dynamic_cast<const httplib::SSLClient*>(connection.client.get());
    const long reason = client == nullptr ? 0 : client->get_openssl_verify_result();
    return where + "its certificate is not trusted: " + X509_verify_cert_error_string(reason);
  }
  case httplib::Error::SSLServerHostnameVerification:
    return where + "its certificate is for another name";
  default:
    return where + httplib::to_string(result.error());
  }
}

HttpTransport::Answer
HttpTransport::Inside::call(const HttpRequest& request,
                            const std::function<bool(std::string_view)>& on_bytes,
                            const std::stop_token& stop) {
  bool has_retried = false; // after a 401
  while (true) {
    if (stop.stop_requested()) {
      return tl::unexpected(std::string("stopped by the caller"));
    }
    const auto credential = credentials.get(stop);
    if (!credential) {
      return tl::unexpected(credential.error());
    }
    if (std::string wrong = identity_error(credential->certificate, credential->key);
        !wrong.empty()) {
      return tl::unexpected(std::move(wrong));
    }
    auto connection = on_bytes ? open(*credential) : take(*credential);
    Try result = try_once(*connection, request, *credential, on_bytes, stop);
    if (result.may_send_again) {
      continue; // over another connection: this one is dropped
    }
    if (!result.error.empty()) {
      return tl::unexpected(std::move(result.error));
    }
    if (!on_bytes) {
      give_back(std::move(connection));
    }
    if (result.answer.status == 401 && !std::exchange(has_retried, true)
        && credentials.reject(credential->number)) {
      continue;
    }
    return std::move(result.answer);
  }
}

tl::expected<std::unique_ptr<HttpTransport>, std::string>
HttpTransport::make(const ClusterConfig& config, const HttpSettings& settings,
                    std::shared_ptr<Clock> clock) {
  if (!config.ca.empty() && certificates_in(config.ca).empty()) {
    return tl::unexpected(std::string("the certificate authority is no PEM certificate"));
  }
  if (std::string wrong = identity_error(config.client_certificate, config.client_key);
      !wrong.empty()) {
    return tl::unexpected(std::move(wrong));
  }
  (void)std::signal(SIGPIPE, SIG_IGN);
  return std::unique_ptr<HttpTransport>(
      new HttpTransport(std::make_unique<Inside>(config, settings, std::move(clock))));
}

HttpTransport::HttpTransport(std::unique_ptr<Inside> inside) : m_inside(std::move(inside)) {}

HttpTransport::~HttpTransport() = default;

HttpTransport::Answer HttpTransport::send(const HttpRequest& request, const std::stop_token& stop) {
  return m_inside->call(request, nullptr, stop);
}

HttpTransport::Answer HttpTransport::stream(const HttpRequest& request,
                                            const std::function<bool(std::string_view)>& on_bytes,
                                            const std::stop_token& stop) {
  return m_inside->call(request, on_bytes, stop);
}

} // namespace taskgroup::kube
