// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/pod_builder.h"

#include <string>

namespace taskgroup {

// Return the text of a plan's `outline_annotation`; outline_of() reads it back.
std::string outline_text(const Plan& plan);

} // namespace taskgroup
