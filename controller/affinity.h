// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace taskgroup {

// Annotation by which Tekton names the affinity assistant beside which a run's pod belongs
// (contract.md 7).
inline constexpr const char* affinity_assistant_annotation =
    "pipeline.tekton.dev/affinity-assistant";

// Tell whether an assistant of this name stands for one claim (Tekton's mode `workspaces`) and not
// for the whole PipelineRun, whose assistant's name is a hash of the PipelineRun's name alone
// (AA.go:276-296). False without an assistant.
bool assists_one_claim(const std::string& assistant, const std::string& pipeline_run);

} // namespace taskgroup
