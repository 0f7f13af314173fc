// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entrypoint/fd.h"

#include <tl/expected.hpp>

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// What the agent does with files. Errors are sentences that name the path.
namespace taskgroup {

// Write one line about `text` to stderr, in one piece.
void warn(std::string_view text);

// Make a folder and those above it that are missing, each with `mode` whatever the umask. Those
// that are there stay as they are.
tl::expected<void, std::string> make_folders(const std::string& path, mode_t mode);

// Write all of `content` to a descriptor that may block.
tl::expected<void, std::string> write_all(int fd, std::string_view content);

// Read a regular file of at most `limit` bytes. Never blocks on a FIFO or device: those are errors.
tl::expected<std::string, std::string> read_file(const std::string& path, std::size_t limit);

// Write a file, or replace its content.
tl::expected<void, std::string> write_file(const std::string& path, std::string_view content,
                                           mode_t mode);

// Read the results that exist of those named, each a file in `folder`, taken raw
// (taskrun-semantics.md 3.3). Together they may have `limit` bytes.
tl::expected<std::map<std::string, std::string>, std::string>
read_results(const std::string& folder, const std::vector<std::string>& names, std::size_t limit);

// A script in a place from which it can be run.
struct Script {
  std::string path;
  Fd memory; // holds it where no folder would; the process that runs it must inherit it
};

// Write a script to `folder`/`name`, or to memory if the folder cannot be made, written to or run
// from (a read-only root, another user's).
tl::expected<Script, std::string> place_script(const std::string& folder, const std::string& name,
                                               std::string_view content);

} // namespace taskgroup
