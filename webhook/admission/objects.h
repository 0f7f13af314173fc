// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/diagnostic.h>

#include "webhook/admission/request.h"
#include "webhook/admission/review.h"

namespace taskgroup::admission {

// Check a kind of object; the paths of what is found begin at the object's root. Findings in a
// TaskGroup that is only referred to are reported at the reference and say where in that they are.

void check_task_group(const Request& request, Diagnostics& findings);

// A CustomRun of another kind of task is none of ours: nothing is found.
void check_custom_run(const Request& request, const FindGroup& find_group, Diagnostics& findings);

// A Pipeline, or a PipelineRun that holds one.
void check_pipeline(const Request& request, const FindGroup& find_group, Diagnostics& findings);

} // namespace taskgroup::admission
