// SPDX-License-Identifier: Apache-2.0
#include "controller/affinity.h"

#include "controller/short_sha256.h"

namespace taskgroup {

bool assists_one_claim(const std::string& assistant, const std::string& pipeline_run) {
  return !assistant.empty() && assistant != "affinity-assistant-" + short_sha256(pipeline_run);
}

} // namespace taskgroup
