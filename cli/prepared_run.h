// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/planner.h>

#include "cli/failure.h"
#include "cli/input.h"
#include "cli/request_flags.h"

#include <tl/expected.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace taskgroup {

// From files and flags to something that can run: reading, selecting, validating, planning. Every
// step prints its warnings to standard error; the failure holds all errors of the step that failed.

// Everything that validation says of the documents.
struct Findings {
  Diagnostics diagnostics;          // of reading, decoding and validating
  std::vector<std::string> skipped; // checks that lacked an object, one line each
  std::size_t checked = 0;          // groups
};

// Validate every runnable of the documents; a Task that some group refers to is checked there only.
Findings check_documents(const Input& input);

// A group that passed validation, with its request completed by the flags.
struct CheckedGroup {
  GroupSpec group; // a pipelineRef is resolved
  RunRequest request;
  std::vector<NoEffect> no_effect; // on the host launcher
};

// Read the files and check the group they mean.
tl::expected<CheckedGroup, Failure> check_group(const Input& input, const std::string& group,
                                                const RequestFlags& flags);

// Plan it. `options` except the nonce, which is made here, are the caller's.
tl::expected<Plan, Failure> plan_group(const CheckedGroup& checked, const Facts& facts,
                                       PlanOptions options);

// Return the diagnostics' errors as a failure with exit code 2, or print the warnings and go on.
tl::expected<void, Failure> settle(const Diagnostics& diagnostics);

} // namespace taskgroup
