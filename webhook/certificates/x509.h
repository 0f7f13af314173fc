// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/timestamp.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// A certificate and its key, as PEM.
struct CertificatePair {
  std::string certificate;
  std::string key;
};

// What one certificate says.
struct CertificateFacts {
  std::string pem; // of this one alone, as OpenSSL writes it: equal for equal certificates
  kube::WallTime not_before;
  kube::WallTime not_after;
  std::vector<std::string> dns_names;
  bool is_authority = false; // may sign others
};

// A new certificate is valid since this much before it was made: clocks of a cluster differ.
inline constexpr std::chrono::hours backdated{1};

// Read all certificates of a PEM text, in order, as far as it can be read.
std::vector<CertificateFacts> read_certificates(std::string_view pem);

// Tell whether a private key in PEM is this certificate's.
bool key_fits(std::string_view key, const CertificateFacts& certificate);

// Tell whether `authority` signed it. Looks at no times.
bool is_signed_by(const CertificateFacts& certificate, const CertificateFacts& authority);

// Make an authority that signs itself, and nothing but servers' certificates: P-256, a name of its
// own, so that two in one bundle are told apart. Throws std::runtime_error where OpenSSL cannot,
// as without randomness.
CertificatePair make_authority(const std::string& name, kube::WallTime now,
                               std::chrono::seconds lifetime);

// Make a server's certificate with these DNS names, P-256. It ends with its authority at the
// latest. Throws as make_authority(), also if `authority` cannot be read.
CertificatePair make_certificate(const CertificatePair& authority,
                                 const std::vector<std::string>& dns_names, kube::WallTime now,
                                 std::chrono::seconds lifetime);

} // namespace taskgroup
