// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace taskgroup::kube {

// Encode as standard base64 (RFC 4648 section 4), padded, on one line.
std::string encode_base64(std::string_view bytes);

// Decode standard base64 (RFC 4648 section 4); white space is skipped. Nothing if it is no such
// text.
std::optional<std::string> decode_base64(std::string_view text);

} // namespace taskgroup::kube
