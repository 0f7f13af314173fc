// SPDX-License-Identifier: Apache-2.0
#include "webhook/server/tls_identity.h"

#include "kube/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace taskgroup {

namespace {

using openssl::Bio;
using openssl::Certificate;
using openssl::Key;
using openssl::no_passphrase;
using openssl::reading;

// What OpenSSL says, once `what` has failed.
tl::unexpected<std::string> failed(const std::string& what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return tl::unexpected<std::string>(reason == nullptr ? what : what + ": " + reason);
}

} // namespace

tl::expected<TlsIdentity, std::string> make_tls_identity(const std::string& certificate,
                                                         const std::string& key) {
  ERR_clear_error();
  TlsIdentity context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context)
    return failed("cannot begin with TLS");
  SSL_CTX* const raw = context.get();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION
                               | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  // A connection that waits holds no buffers.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                            | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // More than any client's certificates take that we would never ask for.
  SSL_CTX_set_max_cert_list(raw, 16 * 1024);

  const Bio certificates = reading(certificate);
  const Certificate leaf(PEM_read_bio_X509(certificates.get(), nullptr, no_passphrase, nullptr));
  if (!leaf)
    return failed("the certificate cannot be read");
  if (SSL_CTX_use_certificate(raw, leaf.get()) != 1)
    return failed("the certificate cannot be used");
  while (X509* between = PEM_read_bio_X509(certificates.get(), nullptr, no_passphrase, nullptr)) {
    if (SSL_CTX_add0_chain_cert(raw, between) != 1) {
      X509_free(between);
      return failed("a certificate of the chain cannot be used");
    }
  }
  ERR_clear_error(); // the end of the text
  const Key read_key(PEM_read_bio_PrivateKey(reading(key).get(), nullptr, no_passphrase, nullptr));
  if (!read_key)
    return failed("the key cannot be read");
  // Before it is used, for using it drops a certificate that it does not fit.
  if (X509_check_private_key(leaf.get(), read_key.get()) != 1)
    return failed("the key does not fit the certificate");
  if (SSL_CTX_use_PrivateKey(raw, read_key.get()) != 1)
    return failed("the key cannot be used");
  return context;
}

} // namespace taskgroup
