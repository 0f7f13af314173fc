// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace taskgroup {

// Return `bytes` with every byte that is not part of valid UTF-8 replaced by U+FFFD, as Go's
// encoding/json does: the form in which stock Tekton sees a result (taskrun-semantics.md 3.1).
std::string to_valid_utf8(std::string_view bytes);

} // namespace taskgroup
