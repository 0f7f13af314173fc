// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <string>

namespace taskgroup {

// Remove what is in a folder, not the folder. A folder that is not there is empty.
//
// Follows no link, crosses no mount: what is mounted below stays, and so do the folders that lead
// there. Opens folders of this user's that their mode closes, as Go's module cache has them. What
// belongs to another user is removed where the kernel allows it and is no error where it does not:
// that user's own agent sees to it (design.md 4). The first other error is returned at the end.
tl::expected<void, std::string> empty_folder(const std::string& path);

} // namespace taskgroup
