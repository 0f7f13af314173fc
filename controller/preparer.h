// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/decide.h"
#include "controller/pod_builder.h"
#include "kube/kube_api.h"

#include <stop_token>

namespace taskgroup {

struct PreparerSettings {
  PodSettings pod;
  bool check_secrets = false; // the install grants `get secrets`: missing ones are found before
};

// Fetches what planning an attempt needs, checks that what the pod mounts is there, and builds the
// pod. Reads only; thread-safe.
class Preparer {
public:
  Preparer(kube::KubeApi& api, PreparerSettings settings)
      : m_api(api), m_settings(std::move(settings)) {}

  // Prepare the run's current attempt. What the author has to mend is a reason in the value; an
  // error is a read that failed and may pass.
  kube::Result<Preparation> prepare(const CustomRun& run, const std::stop_token& stop) const;

  // Tell whether finally may run in a run that is cancelled: not where the owning PipelineRun was
  // `Cancelled` (design.md 4).
  kube::Result<bool> finally_wanted(const CustomRun& run, const std::stop_token& stop) const;

private:
  kube::KubeApi& m_api;
  PreparerSettings m_settings;
};

} // namespace taskgroup
