// SPDX-License-Identifier: Apache-2.0
#include "kube/test_server.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace taskgroup::kube {
namespace {

void must(bool done) {
  if (!done) {
    throw std::runtime_error("OpenSSL failed");
  }
}

template <typename Write>
std::string pem_of(Write write) {
  BIO* bio = BIO_new(BIO_s_mem());
  must(write(bio) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

X509* read_certificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  must(certificate != nullptr);
  return certificate;
}

EVP_PKEY* read_key(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  must(key != nullptr);
  return key;
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

} // namespace

Identity make_identity(const std::string& common_name, const std::string& names,
                       const Identity* issuer) {
  // Not EVP_EC_gen: that macro casts const away.
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509* signer = issuer == nullptr ? certificate : read_certificate(issuer->certificate);
  EVP_PKEY* signing_key = issuer == nullptr ? key : read_key(issuer->key);
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  add_extension(certificate, signer, NID_basic_constraints,
                issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!names.empty()) {
    add_extension(certificate, signer, NID_subject_alt_name, names.c_str());
  }
  must(X509_sign(certificate, signing_key, EVP_sha256()) > 0);
  Identity identity{
      .certificate = pem_of([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }),
      .key = pem_of([&](BIO* bio) {
        return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
      })};
  if (issuer != nullptr) {
    X509_free(signer);
    EVP_PKEY_free(signing_key);
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return identity;
}

TestServer::TestServer() : m_server(std::make_unique<httplib::Server>()) { keep_requests(); }

TestServer::TestServer(const Identity& identity, const std::string& client_ca) : m_tls(true) {
  X509* certificate = read_certificate(identity.certificate);
  EVP_PKEY* key = read_key(identity.key);
  X509_STORE* store = nullptr;
  if (!client_ca.empty()) {
    store = X509_STORE_new();
    X509* authority = read_certificate(client_ca);
    X509_STORE_add_cert(store, authority);
    X509_free(authority);
  }
  m_server = std::make_unique<httplib::SSLServer>(certificate, key, store);
  X509_free(certificate);
  EVP_PKEY_free(key);
  keep_requests();
}

TestServer::~TestServer() {
  if (m_thread.joinable()) {
    m_server->stop();
  }
}

void TestServer::keep_requests() {
  m_server->set_tcp_nodelay(true);
  m_server->new_task_queue = [] { return new httplib::ThreadPool(16); };
  // As a response handler, since only then the body has been read.
  m_server->set_post_routing_handler([this](const httplib::Request& request, httplib::Response&) {
    std::string line = request.method + " " + request.target;
    for (const std::string& part : {request.get_header_value("Content-Type"),
                                    request.get_header_value("Authorization"), request.body}) {
      line += part.empty() ? "" : " " + part;
    }
    const std::scoped_lock lock(m_mutex);
    m_requests.push_back(std::move(line));
  });
}

void TestServer::start() {
  m_port = m_server->bind_to_any_port("127.0.0.1");
  must(m_port > 0);
  m_thread = std::jthread([this] { m_server->listen_after_bind(); });
  m_server->wait_until_ready();
}

ClusterConfig TestServer::config() const {
  ClusterConfig config;
  config.host = "127.0.0.1";
  config.port = m_port;
  config.tls = m_tls;
  return config;
}

std::vector<std::string> TestServer::requests() const {
  const std::scoped_lock lock(m_mutex);
  return m_requests;
}

} // namespace taskgroup::kube
