// SPDX-License-Identifier: Apache-2.0
#include "core/planning/check_request.h"

#include "core/planning/params.h"

#include <utility>

namespace taskgroup {
namespace {

void check_params(const GroupSpec& group, const RunRequest& request,
                  const std::set<std::string>& open, Diagnostics& diagnostics) {
  GroupSpec closed;
  for (const ParamSpec& param : group.params)
    if (!open.contains(param.name.text))
      closed.params.push_back(param);
  ParamScope values;
  bind_group_params(closed, request, values, diagnostics);
}

// As if the claims were there: their names matter to nobody here.
void put_in_claims(RunRequest& request) {
  using Kind = WorkspaceBinding::Kind;
  for (WorkspaceBinding& binding : request.workspaces) {
    if (binding.kind != Kind::volume_claim_template)
      continue;
    binding.kind = Kind::persistent_volume_claim;
    binding.source = binding.name.text;
    binding.raw = {};
  }
}

// Tells whether every Task and StepAction that the group refers to is among the facts.
bool is_whole(const GroupSpec& group, const Facts& facts) {
  for (const auto* tasks : {&group.tasks, &group.finally})
    for (const PipelineTask& task : *tasks)
      if (task.task_ref && !facts.tasks.contains(task.task_ref->text))
        return false;
  return needs(group, facts).empty();
}

} // namespace

void check_request(const GroupSpec& group, const RunRequest& request,
                   const std::set<std::string>& open, const Facts& facts,
                   Diagnostics& diagnostics) {
  if (group.pipeline_ref && !facts.pipelines.contains(group.pipeline_ref->text))
    return; // its params are not known
  const GroupSpec resolved = resolve_pipeline_ref(group, facts);
  if (!open.empty() || !is_whole(resolved, facts)) {
    check_params(resolved, request, open, diagnostics);
    return;
  }
  RunRequest with_claims = request;
  put_in_claims(with_claims);
  PlanOptions options;
  options.nonce = "00000000";
  options.pod = true;
  plan(resolved, with_claims, facts, options, diagnostics);
}

} // namespace taskgroup
