// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/planning/object_reader.h"

namespace taskgroup {

// Report what an object asks for by an annotation of its `metadata` and one pod cannot give:
// hermetic execution (taskrun-semantics.md 2.2; pkg/pod/pod.go ExecutionModeAnnotation).
void check_annotations(const ObjectReader& object);

} // namespace taskgroup
