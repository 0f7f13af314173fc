// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/clock.h"
#include "kube/kube_api.h"

#include <tl/expected.hpp>

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

namespace taskgroup {

// What `helm test` tries on a new installation.
struct SelfTest {
  std::string namespace_name; // where it works; must be served and, for the webhook, reviewed
  std::string agent_image;    // also the image of its steps: nothing else need be pulled
  bool webhook = false;       // whether a mistake must be refused when it is written
  std::chrono::seconds patience{150}; // for the API server, the webhook, and the run's end
};

// Send a TaskGroup with a mistake, which the webhook must refuse, then run one of two tasks to its
// end, and remove it. Tells `say` of each that went well. The error says which did not, and how to
// look further; a run that failed is left for that.
tl::expected<void, std::string> self_test(kube::KubeApi& api, const SelfTest& test,
                                          kube::Clock& clock,
                                          const std::function<void(const std::string&)>& say,
                                          const std::stop_token& stop);

} // namespace taskgroup
