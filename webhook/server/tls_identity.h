// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <memory>
#include <string>

using SSL_CTX = struct ssl_ctx_st;

namespace taskgroup {

// What a server proves itself with: a certificate (and those between it and its authority) and the
// key. Immutable; connections that began with it keep it alive.
using TlsIdentity = std::shared_ptr<SSL_CTX>;

// Make one of PEM text: TLS 1.2 or later, ciphers with forward secrecy only, no renegotiation, no
// sessions to resume (a resumed one would outlive the certificate). The error says what is wrong
// with certificate or key, and holds nothing of the key.
tl::expected<TlsIdentity, std::string> make_tls_identity(const std::string& certificate,
                                                         const std::string& key);

} // namespace taskgroup
