// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/catalog.h>

#include "core/planning/object_reader.h"

#include <set>
#include <vector>

// Turn checked mappings into the types of api.h. What can be said about one object alone is
// reported here; what takes the whole group is validate()'s.
namespace taskgroup {

// Decode any value as Tekton does (ParamValue.UnmarshalJSON): a list or an object of strings is
// what it is, and everything else but a string is its JSON text. Warn where that text is hardly
// meant.
ParamValue decode_value(const Node& node, const std::string& path, Diagnostics& diagnostics);

// Decode `params` where they are passed, and where they are declared.
std::vector<Param> decode_params(const ObjectReader& reader);
std::vector<ParamSpec> decode_param_specs(const ObjectReader& reader);

// Decode `when`; expressions in CEL are left out, for they are refused.
std::vector<WhenExpression> decode_when(const ObjectReader& reader);

// Decode the `spec` of a Task, or the `taskSpec` of a PipelineTask.
TaskSpec decode_task_spec(const ObjectReader& reader);

// Decode the `spec` of a StepAction.
StepAction decode_step_action(const ObjectReader& reader);

// Decode a stepTemplate.
StepCommon decode_step_template(const ObjectReader& reader);

// Decode the `spec` of a TaskGroup or of a Pipeline.
GroupSpec decode_group_spec(const ObjectReader& reader);
GroupSpec decode_pipeline_spec(const ObjectReader& reader);

// Decode a taskRef to the Task's name; report a custom task's. A TaskRun's may say which API
// version its Task has, for a TaskRun runs no custom tasks.
Located decode_task_ref(const ObjectReader& reader, bool may_have_version);

// Decode a pipelineRef to the Pipeline's name.
Located decode_pipeline_ref(const ObjectReader& reader);

// Decode `workspaces` of a run.
std::vector<WorkspaceBinding> decode_workspace_bindings(const ObjectReader& reader);

// Decode `taskRunSpecs` of a PipelineRun, or of `run` of a TaskGroup.
std::vector<TaskRunSpec> decode_task_run_specs(const ObjectReader& reader);

// Decode `computeResources`, `stepSpecs` and `sidecarSpecs` of a TaskRun.
TaskRunSpec decode_task_resources(const ObjectReader& reader);

// Decode `breakpoints` of `run` of a TaskGroup, and `debug` of a TaskRun, whose one task is `task`.
std::vector<Breakpoints> decode_breakpoints(const ObjectReader& reader);
std::vector<Breakpoints> decode_debug(const ObjectReader& reader, const Located& task);

// Decode `medium` and `sizeLimit` of an emptyDir.
struct EmptyDir {
  bool memory = false;
  Located size_limit;
};
EmptyDir decode_empty_dir(const ObjectReader& reader);

// Decode what a ConfigMap or a Secret holds.
KeyedData decode_config_map(const ObjectReader& reader);
KeyedData decode_secret(const ObjectReader& reader);

// Say whether a taskSpec or customSpec holds an object with a type of its own instead of a Task.
bool has_own_type(const Node& spec);

// As the public make_catalog(), and note the rows of the field table that decoding asked for.
Catalog make_catalog(const std::vector<Node>& documents, Diagnostics& diagnostics, Target target,
                     std::set<const Field*>* rows_read);

// Report an object with `apiVersion` and `kind` that is no TaskGroup of ours.
void check_group_type(const ObjectReader& reader);

} // namespace taskgroup
