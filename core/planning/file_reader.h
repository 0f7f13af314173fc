// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/reader.h>

#include <tl/expected.hpp>

#include <string>
#include <vector>

namespace taskgroup {

// Read the bytes of a file, or of standard input when `path` is "-". A regular file over
// `limits.bytes` is refused unread; anything else is read until the limit is exceeded. Folders and
// files that cannot be opened are errors that say what to do.
tl::expected<std::string, Diagnostics> read_bytes(const std::string& path,
                                                  const ReadLimits& limits = {});

// Read the documents of a file, or of standard input when `path` is "-".
tl::expected<std::vector<Node>, Diagnostics> read_file(const std::string& path,
                                                       const ReadLimits& limits = {});

} // namespace taskgroup
