// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>

// OpenSSL's objects as owners, and reading PEM texts without a terminal. Needs nothing but OpenSSL.
namespace taskgroup::openssl {

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};
using Bio = std::unique_ptr<BIO, Release<BIO_free>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;

// Return what reads a text, which must outlive it.
inline Bio reading(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Never ask a terminal for a passphrase: for the callback of PEM_read_bio_*.
inline int no_passphrase(char*, int, int, void*) { return -1; }

} // namespace taskgroup::openssl
