// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace taskgroup {

// Return the first ten hexadecimal digits of a text's SHA-256: what Tekton puts into the names of
// claims and of affinity assistants (contract.md 7).
std::string short_sha256(std::string_view text);

} // namespace taskgroup
