// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/plan.h>
#include <taskgroup/planner.h>

#include "core/planning/mounts.h"
#include "core/planning/names.h"
#include "core/planning/substitute.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup {

struct DraftEnv {
  std::string name;
  Draft value;
  std::string value_from; // JSON, instead of `value`
  Where where;            // of value_from
};

// The fields that a step and its templates have in common, with their variables replaced.
struct DraftCommon {
  Draft image;
  std::optional<std::vector<Draft>> command;
  std::optional<std::vector<Draft>> args;
  std::vector<DraftEnv> env;
  Draft working_dir;
  std::vector<UserMount> mounts;
  Where image_where;
  std::string container_fields; // PlanStep::container_fields
};

// Replace the variables of a template or of a step's common fields.
DraftCommon draft_common(const StepCommon& common, const Substitution& substitution);

// Replace once more, with the next passes (the group's stepTemplate meets each task's variables).
// JSON stays as it is: what of it comes from a variable cannot be told from what was written.
DraftCommon draft_common(const DraftCommon& common, const Substitution& substitution);

// Put `upper` over `lower` as Kubernetes' strategic merge does (pkg/apis/pipeline/v1/merge.go): env
// by name, volumeMounts by path, resources and securityContext by field, everything else as a
// whole; empty lists do not replace.
DraftCommon merge_common(const DraftCommon& lower, DraftCommon upper);

// Return the name that a step goes by: its own as written, or `unnamed-<i>`.
std::string step_name(const Step& step, std::size_t index);

// Return the step's result that a text consists of, as a whole: `$(steps.<s>.results.<r>)`.
std::optional<Reference> step_result_of(const std::string& text);

// Return the name of the step at `index`, as used in paths: `step-<name>` or `step-unnamed-<i>`.
std::string step_folder(const std::string& step_name, std::size_t index);

// Make the plan of a `when` expression of a task or step, and of declared results.
PlanWhen plan_when(const WhenExpression& expression, const Substitution& substitution);
std::vector<PlanResult> plan_results(const std::vector<ResultSpec>& declared);

// What building a step needs beside the step.
struct StepContext {
  const std::string& task; // the PipelineTask's name
  const DraftCommon& step_template;
  const TaskVolumes& volumes;
  const Facts& facts;
  NamePool& containers;
  bool pod = false;            // PlanOptions::pod
  bool commands_later = false; // a command that only the image knows is left out
  bool sidecar = false;        // the step is a sidecar
};

// Make the plan of a step. `substitution` knows all its variables; `program` those of what a step
// takes from its StepAction, if it has one, and is the same otherwise.
PlanStep plan_step(const Step& step, std::size_t index, const StepContext& context,
                   const Substitution& substitution, const Substitution& program);

} // namespace taskgroup
