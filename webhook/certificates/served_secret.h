// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/clock.h"
#include "kube/informer.h"
#include "kube/kube_api.h"
#include "webhook/certificates/x509.h"

#include <functional>
#include <memory>
#include <string>

namespace taskgroup {

// What the Secret's watch tells, from its own thread.
struct SecretListener {
  // Certificate and key have changed; empty where the Secret has none. A Secret that is gone is not
  // told: what was served goes on.
  std::function<void(const CertificatePair& pair)> on_pair;
  std::function<void()> on_change; // anything of the Secret has; after on_pair
  std::function<void(const kube::ApiError& error)> on_error;
};

// Watch the one Secret through the API: a mounted one would be a minute late, for kubelet looks
// seldom. Needs list and watch of that name only. Of the Secret nothing but certificate and key is
// kept. `api` must outlive it; start() and stop() are the caller's.
std::unique_ptr<kube::Informer>
watch_secret(kube::KubeApi& api, const kube::ObjectKey& secret, SecretListener listener,
             std::shared_ptr<kube::Clock> clock = kube::system_clock());

} // namespace taskgroup
