// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/catalog.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/planner.h>

#include "cli/failure.h"

#include <tl/expected.hpp>

#include <string>
#include <vector>

namespace taskgroup {

// What the files on the command line hold.
struct Input {
  Catalog catalog;
  Facts facts;             // every Task and Pipeline found, for references
  Diagnostics diagnostics; // of reading and decoding; errors included
};

// Read files, folders (their *.yaml, *.yml and *.json files, not recursively, in order of name) and
// `-` (standard input, at most once). What cannot be read or parsed is in the diagnostics; what is
// wrong on the host only is too, unless `target` says that nothing is to be run here.
Input read_input(const std::vector<std::string>& files, Target target = Target::host);

// Return the runnable that the command line means: the one named `group` if that is not empty
// (embedded groups first, then what starts something, then what defines something), else the only
// one, else the only one that no other document refers to. The failure lists the candidates.
tl::expected<Runnable, Failure> select_runnable(const Catalog& catalog, const std::string& group);

} // namespace taskgroup
