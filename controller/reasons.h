// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Every reason that the controller itself gives a run's condition. Those of the group come from the
// journal (docs/journal.md).
namespace taskgroup::run_reason {

// Unknown (contract.md 1.3).
inline constexpr std::string_view started = "Started";
inline constexpr std::string_view running = "Running";
inline constexpr std::string_view retrying = "ToBeRetried";
inline constexpr std::string_view over_quota = "ExceededResourceQuota"; // as stock's TaskRun

// True and False.
inline constexpr std::string_view succeeded = "Succeeded";
inline constexpr std::string_view failed = "Failed";

// False, before there is a pod: what the author or the namespace has to mend.
inline constexpr std::string_view no_group = "CouldntGetTaskGroup";
inline constexpr std::string_view no_task = "CouldntGetTask";
inline constexpr std::string_view no_pipeline = "CouldntGetPipeline";
inline constexpr std::string_view invalid = "TaskGroupValidationFailed";
inline constexpr std::string_view workspace = "WorkspaceNotFound";
inline constexpr std::string_view several_claims = "MultiplePersistentVolumeClaims";
inline constexpr std::string_view admission = "PodAdmissionFailed"; // as stock's TaskRun
inline constexpr std::string_view pod_creation = "PodCreationFailed";

// False, for what became of the pod. An attempt that ends so may be followed by another one.
inline constexpr std::string_view pod_lost = "PodLost";
inline constexpr std::string_view pod_never_started = "PodNeverStarted";
inline constexpr std::string_view coordinator_lost = "CoordinatorLost";
inline constexpr std::string_view journal_lost = "JournalLost";
inline constexpr std::string_view journal_version = "JournalNotUnderstood";

// False, and final whatever retries are left.
inline constexpr std::string_view results_too_large = "ResultsTooLarge";

} // namespace taskgroup::run_reason
