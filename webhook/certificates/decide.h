// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/kube_api.h"
#include "kube/timestamp.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace taskgroup {

// The keys of the Secret. Where cert-manager or an administrator fills it, the same without ca.key.
namespace secret_key {
inline constexpr const char* certificate = "tls.crt";
inline constexpr const char* key = "tls.key";
inline constexpr const char* authorities = "ca.crt";   // the newest first, then those before it
inline constexpr const char* authority_key = "ca.key"; // the newest one's
} // namespace secret_key

struct CertificateSettings {
  std::string service;
  std::string namespace_name;
  // cert-manager's: an authority for a year, a certificate for a week, both renewed when a third of
  // their life is left.
  std::chrono::seconds authority_lifetime = std::chrono::hours(365 * 24);
  std::chrono::seconds lifetime = std::chrono::hours(7 * 24);
  // How long an authority is in the configuration before a certificate of it takes the place of one
  // that works: each API server has a copy of the configuration that lags a little.
  std::chrono::seconds settle{10};
};

// What was read, all of it at about the same time.
struct CertificateWorld {
  kube::WallTime now;
  std::optional<kube::Json> secret;        // nothing: there is none
  std::optional<kube::Json> configuration; // the ValidatingWebhookConfiguration; nothing: none

  // Since when the configuration has been seen to trust the authority in the Secret without a
  // break; nothing: it was not. As the caller remembers it, from newest_authority() and trusts().
  std::optional<kube::WallTime> trusted_since;
};

// The next single write, or until when there is none.
struct CertificateStep {
  enum class Kind {
    wait,                // until `until` at the latest
    replace_secret,      // with `body`, an object with its resourceVersion
    patch_configuration, // with `body`, a JSON patch that tests the resourceVersion
  };
  Kind kind = Kind::wait;
  kube::Json body;
  kube::WallTime until;
  std::string why; // for the log; of a wait: what is wrong, empty if nothing is
};

// Decide what keeps the webhook reachable over TLS. A renewed authority goes into the Secret, then
// into the configuration beside the one before it, and once it is read back from there, a
// certificate signed by it goes into the Secret. So each state between two writes works, and each
// is a state to go on from. Whatever was damaged or emptied by hand is made anew.
//
// The old authority is trusted until any certificate of it has expired. Pure but for the randomness
// of keys; throws std::runtime_error where there is none.
CertificateStep decide_certificates(const CertificateSettings& settings,
                                    const CertificateWorld& world);

// Return the names that the API server may call the Service by.
std::vector<std::string> service_names(const CertificateSettings& settings);

// Return the PEM of the Secret's authority that new certificates are signed by; empty: none works.
std::string newest_authority(const std::optional<kube::Json>& secret);

// Tell whether each of the configuration's webhooks trusts this authority.
bool trusts(const std::optional<kube::Json>& configuration, const std::string& authority_pem);

// Return the decoded value of a Secret's key; empty: it is not there, or no base64.
std::string secret_value(const kube::Json& secret, const std::string& key);

} // namespace taskgroup
