// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

// Decode base64 with padding and without line breaks (RFC 4648 section 4); nothing if it is not.
std::optional<std::string> from_base64(std::string_view text);

} // namespace taskgroup
