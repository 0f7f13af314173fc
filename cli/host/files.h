// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace taskgroup::host {

// Reads a small file to its end; nothing if it cannot be opened or read.
std::optional<std::string> read_whole(const std::string& path);

// Writes all of `text` to an existing file by one write(2); false with errno otherwise.
bool write_whole(const std::string& path, const std::string& text);

// Makes `path` a folder, with its parents, each mode 0755 under the umask; false with errno
// otherwise. Folders that exist are left as they are.
bool make_folders(const std::string& path);

// Makes `path` an empty file, with its parent folders, unless something is there already; false
// with errno otherwise.
bool make_file(const std::string& path);

// Tells whether `path` is a folder without entries.
bool is_empty_folder(const std::string& path);

// The folder that holds `path`: "/" for a top-level name.
std::string parent_of(const std::string& path);

// Removes the folder `path` and all below it: never follows a link, never leaves the file system,
// opens what its owner made unreadable (Go's module cache), and needs no more than some hundred
// descriptors, however deep the tree. Returns an empty text or what could not be removed, and why.
// Nothing there is no error.
std::string remove_tree(const std::string& path);

} // namespace taskgroup::host
