// SPDX-License-Identifier: Apache-2.0
#include "webhook/certificates/x509.h"

#include "kube/openssl.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <stdexcept>

namespace taskgroup {

namespace {

using kube::WallTime;

using openssl::Bio;
using openssl::Certificate;
using openssl::Key;
using openssl::no_passphrase;
using openssl::reading;
using Number = std::unique_ptr<BIGNUM, openssl::Release<BN_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, openssl::Release<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, openssl::Release<GENERAL_NAMES_free>>;

void must(bool done, const char* what) {
  if (done)
    return;
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  throw std::runtime_error(std::string("cannot ") + what + (reason == nullptr ? "" : ": ")
                           + (reason == nullptr ? "" : reason));
}

Certificate read_certificate(BIO* from) {
  Certificate certificate(PEM_read_bio_X509(from, nullptr, no_passphrase, nullptr));
  ERR_clear_error(); // the end of the text is no error
  return certificate;
}

Key read_key(std::string_view text) {
  Key key(PEM_read_bio_PrivateKey(reading(text).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key;
}

std::string text_in(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  must(bio && PEM_write_bio_X509(bio.get(), certificate) == 1, "write a certificate");
  return text_in(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  must(bio && PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
       "write a key");
  return text_in(bio.get());
}

std::optional<WallTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::vector<std::string> dns_names_of(X509* certificate) {
  std::vector<std::string> result;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS)
      continue;
    const ASN1_STRING* text = name->d.dNSName;
    result.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                        static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  return result;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  must(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extend a certificate");
}

// A random number of 127 bits, as RFC 5280 (4.1.2.2) has it: positive, and at most 20 bytes.
std::string set_serial(X509* certificate) {
  const Number number(BN_new());
  must(number && BN_rand(number.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1
           && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
       "make a serial number");
  char* const hex = BN_bn2hex(number.get());
  must(hex != nullptr, "make a serial number");
  std::string text = hex;
  OPENSSL_free(hex);
  return text;
}

void set_subject(X509* certificate, const std::string& name) {
  must(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0)
           == 1,
       "name a certificate");
}

// A certificate of version 3 with a new key, valid but for names and signature.
std::pair<Certificate, Key> begin(WallTime not_before, WallTime not_after) {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  must(key != nullptr, "make a key");
  Certificate certificate(X509_new());
  must(certificate && X509_set_version(certificate.get(), 2) == 1
           && ASN1_TIME_set(X509_getm_notBefore(certificate.get()),
                            std::chrono::system_clock::to_time_t(not_before))
                  != nullptr
           && ASN1_TIME_set(X509_getm_notAfter(certificate.get()),
                            std::chrono::system_clock::to_time_t(not_after))
                  != nullptr
           && X509_set_pubkey(certificate.get(), key.get()) == 1,
       "make a certificate");
  return {std::move(certificate), std::move(key)};
}

} // namespace

std::vector<CertificateFacts> read_certificates(std::string_view pem) {
  std::vector<CertificateFacts> result;
  const Bio bio = reading(pem);
  while (const Certificate certificate = read_certificate(bio.get())) {
    const auto not_before = time_of(X509_get0_notBefore(certificate.get()));
    const auto not_after = time_of(X509_get0_notAfter(certificate.get()));
    if (!not_before || !not_after)
      break;
    result.push_back({.pem = pem_of(certificate.get()),
                      .not_before = *not_before,
                      .not_after = *not_after,
                      .dns_names = dns_names_of(certificate.get()),
                      .is_authority = X509_check_ca(certificate.get()) == 1});
  }
  return result;
}

bool key_fits(std::string_view key, const CertificateFacts& certificate) {
  const Key own = read_key(key);
  const Certificate read = read_certificate(reading(certificate.pem).get());
  const bool fits = own && read && X509_check_private_key(read.get(), own.get()) == 1;
  ERR_clear_error();
  return fits;
}

bool is_signed_by(const CertificateFacts& certificate, const CertificateFacts& authority) {
  const Certificate read = read_certificate(reading(certificate.pem).get());
  const Certificate issuer = read_certificate(reading(authority.pem).get());
  const bool is = read && issuer && X509_check_issued(issuer.get(), read.get()) == X509_V_OK
                  && X509_verify(read.get(), X509_get0_pubkey(issuer.get())) == 1;
  ERR_clear_error();
  return is;
}

CertificatePair make_authority(const std::string& name, WallTime now,
                               std::chrono::seconds lifetime) {
  const auto [certificate, key] = begin(now - backdated, now + lifetime);
  X509* const own = certificate.get();
  set_subject(own, name + " " + set_serial(own).substr(0, 8));
  must(X509_set_issuer_name(own, X509_get_subject_name(own)) == 1, "name a certificate");
  add_extension(own, own, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(own, own, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(own, own, NID_subject_key_identifier, "hash");
  must(X509_sign(own, key.get(), EVP_sha256()) > 0, "sign a certificate");
  return {pem_of(own), pem_of(key.get())};
}

CertificatePair make_certificate(const CertificatePair& authority,
                                 const std::vector<std::string>& dns_names, WallTime now,
                                 std::chrono::seconds lifetime) {
  const Certificate issuer = read_certificate(reading(authority.certificate).get());
  const Key issuer_key = read_key(authority.key);
  must(issuer && issuer_key && !dns_names.empty(), "read the authority");
  const auto end = time_of(X509_get0_notAfter(issuer.get()));
  must(end.has_value(), "read the authority");
  const auto [certificate, key] = begin(now - backdated, std::min(now + lifetime, *end));
  X509* const own = certificate.get();
  set_serial(own);
  // The subject is for people, and not over 64 characters; clients read the alternative names.
  set_subject(own, dns_names.front().substr(0, 64));
  must(X509_set_issuer_name(own, X509_get_subject_name(issuer.get())) == 1, "name a certificate");
  std::string names;
  for (const auto& name : dns_names)
    names += (names.empty() ? "DNS:" : ",DNS:") + name;
  add_extension(own, issuer.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(own, issuer.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(own, issuer.get(), NID_ext_key_usage, "serverAuth");
  add_extension(own, issuer.get(), NID_subject_key_identifier, "hash");
  add_extension(own, issuer.get(), NID_authority_key_identifier, "keyid:always");
  add_extension(own, issuer.get(), NID_subject_alt_name, names);
  must(X509_sign(own, issuer_key.get(), EVP_sha256()) > 0, "sign a certificate");
  return {pem_of(own), pem_of(key.get())};
}

} // namespace taskgroup
