// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace taskgroup {

// Tell whether bytes begin as a gzip file does (RFC 1952, 2.3.1). No JSON text does.
bool is_gzip(std::string_view bytes);

// Unpack one gzip file of at most `limit` bytes when unpacked. The error says what is wrong with
// it.
tl::expected<std::string, std::string> gunzip(std::string_view bytes, std::size_t limit);

} // namespace taskgroup
