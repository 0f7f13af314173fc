// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/backoff.h"
#include "kube/clock.h"
#include "kube/kube_api.h"
#include "webhook/certificates/decide.h"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace taskgroup {

// Does what decide_certificates() says, on one leader: reads Secret and configuration, does the one
// write, reads again, until there is none; then waits, ten seconds at most (cert-manager's
// interval), since the configuration may have lost its bundle and the wall's clock may have jumped.
// A conflict, or any other failure, is one more round. Two leaders at once do no harm: each write
// is refused unless it was decided on what is there.
class CertificateKeeper {
public:
  struct Settings {
    CertificateSettings certificates;
    kube::ObjectKey secret;
    std::string configuration; // name of the ValidatingWebhookConfiguration
    std::chrono::seconds check{10};
    kube::Backoff::Settings backoff{.first = std::chrono::seconds(1)};
    kube::Backoff::Settings after_write{.first = std::chrono::milliseconds(50)};

    // Told what was done and what is wrong, the same trouble once; may be empty.
    std::function<void(const std::string& message, bool is_trouble)> on_note;
  };

  // `api` must outlive it.
  CertificateKeeper(kube::KubeApi& api, Settings settings,
                    std::shared_ptr<kube::Clock> clock = kube::system_clock());

  // Keep them until `stop`. On one thread at a time.
  void run(const std::stop_token& stop);

  // Look now, for something has changed. From any thread.
  void wake();

  // Look, write at most once. Returns how long to wait; nothing: something was written, look again.
  // An error is one of the API server or of OpenSSL. `run` calls it.
  tl::expected<std::optional<kube::WallTime>, std::string> step(const std::stop_token& stop);

private:
  tl::expected<CertificateWorld, std::string> look(const std::stop_token& stop);
  void sleep(std::chrono::nanoseconds duration, const std::stop_token& stop);
  void note(const std::string& message, bool is_trouble);

  kube::KubeApi& m_api;
  Settings m_settings;
  std::shared_ptr<kube::Clock> m_clock;
  std::string m_trusted; // the authority that the configuration trusts
  kube::WallTime m_trusted_since;
  std::string m_trouble;        // the last one told
  std::mutex m_mutex;           // of what follows
  std::stop_source m_interrupt; // ends the sleep
};

// The ValidatingWebhookConfigurations of the API server.
inline const kube::Resource webhook_configurations{.group = "admissionregistration.k8s.io",
                                                   .version = "v1",
                                                   .plural = "validatingwebhookconfigurations"};

} // namespace taskgroup
