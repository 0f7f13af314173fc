// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Every reason that the engine gives, in upstream's own words.

namespace taskgroup {

// Of tasks that ran: a TaskRun's condition (taskrun-semantics.md 4.1).
namespace task_reason {
inline constexpr std::string_view succeeded = "Succeeded";
inline constexpr std::string_view step_failed = "StepFailed";
inline constexpr std::string_view step_out_of_memory = "StepOOM";
inline constexpr std::string_view sidecar_failed = "SidecarFailed";
inline constexpr std::string_view sidecar_out_of_memory = "SidecarOOM";
inline constexpr std::string_view failure_ignored = "FailureIgnored";
inline constexpr std::string_view timed_out = "TaskRunTimeout";
inline constexpr std::string_view cancelled = "TaskRunCancelled";
inline constexpr std::string_view validation_failed = "TaskRunValidationFailed";
inline constexpr std::string_view invalid_param = "InvalidParamValue";
inline constexpr std::string_view invalid_reference = "InvalidTaskResultReference";
inline constexpr std::string_view matrix_too_large = "MatrixTooLarge"; // ours
} // namespace task_reason

// Of tasks that were skipped (taskrun-semantics.md 9.2).
namespace skip_reason {
inline constexpr std::string_view when = "When Expressions evaluated to false";
inline constexpr std::string_view parent = "Parent Tasks were skipped";
inline constexpr std::string_view stopping = "PipelineRun was stopping";
inline constexpr std::string_view cancelled = "PipelineRun was gracefully cancelled";
inline constexpr std::string_view missing_results = "Results were missing";
inline constexpr std::string_view empty_matrix = "Matrix Parameters have an empty array";
inline constexpr std::string_view run_timed_out = "PipelineRun timeout has been reached";
inline constexpr std::string_view tasks_timed_out = "PipelineRun Tasks timeout has been reached";
inline constexpr std::string_view finally_timed_out =
    "PipelineRun Finally timeout has been reached";
} // namespace skip_reason

// Of steps that have ended: a StepState's terminationReason (taskrun-semantics.md 4.1).
namespace step_reason {
inline constexpr std::string_view completed = "Completed";
inline constexpr std::string_view continued = "Continued";
inline constexpr std::string_view error = "Error";
inline constexpr std::string_view out_of_memory = "OOMKilled";
inline constexpr std::string_view timed_out = "TimeoutExceeded";
inline constexpr std::string_view skipped = "Skipped";
inline constexpr std::string_view cancelled = "Cancelled";
inline constexpr std::string_view stopped =
    "Stopped"; // ours: a sidecar whose task needs it no more
} // namespace step_reason

// Of the group: a PipelineRun's condition (taskrun-semantics.md 9.4).
namespace group_reason {
inline constexpr std::string_view succeeded = "Succeeded";
inline constexpr std::string_view completed = "Completed";
inline constexpr std::string_view failed = "Failed";
inline constexpr std::string_view cancelled = "Cancelled";
inline constexpr std::string_view timed_out = "PipelineRunTimeout";
inline constexpr std::string_view validation_failed = "PipelineValidationFailed";
inline constexpr std::string_view no_result = "CouldntGetPipelineResult";
} // namespace group_reason

} // namespace taskgroup
