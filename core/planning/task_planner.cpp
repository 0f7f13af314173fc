// SPDX-License-Identifier: Apache-2.0
#include "core/planning/task_planner.h"

#include <taskgroup/nearest.h>

#include "core/planning/breakpoints.h"
#include "core/planning/late_scope.h"
#include "core/planning/matrix.h"
#include "core/planning/mounts.h"
#include "core/planning/params.h"
#include "core/planning/policies.h"
#include "core/planning/raw_json.h"
#include "core/planning/sidecars.h"
#include "core/planning/step_actions.h"
#include "core/planning/substitute.h"
#include "core/planning/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace taskgroup {
namespace {

// Gathers references to other tasks, each once.
class Needs {
public:
  explicit Needs(std::vector<Reference>& result) : m_result(result) {}

  void add(const Text& text) {
    text.for_each_reference([this](const Reference& reference) { add(reference); });
  }

  void add(const std::optional<Text>& text) {
    if (text)
      add(*text);
  }

  void add(const std::vector<PlanWhen>& expressions) {
    for (const PlanWhen& expression : expressions) {
      add(expression.input);
      for (const Text& value : expression.values)
        add(value);
    }
  }

  // Add what a text of the spec refers to: a task needs it even where the value is not used. `late`
  // knows which references are good.
  void add_written(const std::string& text, const Scope& late) {
    for (const Variable& variable : find_variables(text)) {
      const Meaning meaning = late.find(variable.name);
      if (const Draft* draft = as_text(meaning)) {
        if (const Reference* reference = draft->first_late())
          add(*reference);
      } else if (const auto* whole = std::get_if<LateWhole>(&meaning)) {
        add(whole->reference);
      }
    }
  }

  void add_written(const ParamValue& value, const Scope& late) {
    if (const auto* text = std::get_if<Located>(&value.data)) {
      add_written(text->text, late);
    } else if (const auto* items = std::get_if<std::vector<Located>>(&value.data)) {
      for (const Located& item : *items)
        add_written(item.text, late);
    } else {
      for (const auto& [key, field] : std::get<2>(value.data))
        add_written(field.text, late);
    }
  }

private:
  void add(const Reference& reference) {
    if (reference.kind != Reference::Kind::retry_count
        && reference.kind != Reference::Kind::step_result
        && std::find(m_result.begin(), m_result.end(), reference) == m_result.end())
      m_result.push_back(reference);
  }

  std::vector<Reference>& m_result;
};

// Set the variables that every Task has (contract.md 12).
void set_task_names(const GroupContext& context, const PipelineTask& task,
                    const std::string& planned_name, const TaskSpec& spec,
                    const Substitution& params, NameScope& names) {
  const RunRequest& request = context.request;
  const std::string run_name = child_name(request.name, planned_name);
  names.set("context.taskRun.name", run_name);
  names.set("context.taskRun.namespace", request.namespace_name);
  names.set("context.taskRun.uid", child_uid(request.uid, planned_name));
  // As in stock, an embedded Task has its TaskRun's name.
  names.set("context.task.name", task.task_ref ? task.task_ref->text : run_name);
  names.set_late("context.task.retry-count", Reference{.kind = Reference::Kind::retry_count});
  names.set("credentials.path", "/tekton/creds");
  for (const ResultSpec& result : spec.results)
    names.set("results." + result.name.text + ".path", "/tekton/results/" + result.name.text);
  for (std::size_t i = 0; i < spec.steps.size(); ++i) {
    const std::string folder =
        step_folder(params.text(spec.steps[i].name).known().value_or(std::string()), i);
    names.set("steps." + folder + ".exitCode.path", "/tekton/steps/" + folder + "/exitCode");
  }
  names.refuse("artifacts.", std::string(no_artifacts));
  names.refuse("step.artifacts.", std::string(no_artifacts));
}

// Take apart the podTemplate of one task; its volumes are that task's. Without a pod, with `given`,
// they are all there is to it.
void plan_pod_template(const TaskRunSpec& run_spec, std::size_t index,
                       const Substitution& substitution, NamePool& volume_names,
                       const GivenObjects* given, SharedVolumes& shared, TaskDraft& draft) {
  const RawValue& pod_template = run_spec.pod_template;
  if (!pod_template)
    return;
  if (given == nullptr)
    draft.pod_template = take_apart(pod_template, substitution);
  for (auto& [name, volume] : template_volumes(pod_template, substitution, given)) {
    volume.name = volume_names.make(fmt::format("pt{}-{}", index, name),
                                    fmt::format("podTemplate/{}/{}", index, name));
    shared.insert_or_assign(name, volume.name);
    draft.volumes.push_back(std::move(volume));
  }
}

// The paths of a step's results, and of the workspaces that it mounts elsewhere than the other
// steps do.
void set_step_names(const Step& step, std::size_t index, const Substitution& task,
                    NameScope& names) {
  const std::string folder =
      step_folder(task.text(step.name).known().value_or(std::string()), index);
  for (const ResultSpec& result : step.results)
    names.set("step.results." + result.name.text + ".path",
              fmt::format("/tekton/steps/{}/results/{}", folder, result.name.text));
  for (const WorkspaceUsage& usage : step.workspaces) {
    if (!usage.mount_path.text.empty())
      names.set("workspaces." + usage.name.text + ".path",
                clean_path(task.known(usage.mount_path, "a mountPath")));
  }
}

void collect_needs(const PipelineTask& task, const Scope& late, PlanTask& planned) {
  Needs needs(planned.needs);
  for (const Param& param : task.params)
    needs.add_written(param.value, late);
  each_matrix_param(task, [&](const Param& param) { needs.add_written(param.value, late); });
  needs.add(planned.when);
  for (const PlanParamCheck& check : planned.checks)
    needs.add(check.value);
  needs.add(planned.late_timeout);
  needs.add(planned.late_on_error);
  for (std::size_t i = 0; i < container_count(planned); ++i) {
    const PlanStep& step = container_at(planned, i);
    for (const auto* list : {&step.command, &step.args}) {
      for (const Text& text : *list)
        needs.add(text);
    }
    needs.add(step.script);
    needs.add(step.late_on_error);
    needs.add(step.late_timeout);
    for (const PlanEnv& variable : step.env)
      needs.add(variable.value);
    needs.add(step.working_dir);
    needs.add(step.when);
    needs.add(step.stdout_path);
    needs.add(step.stderr_path);
  }
}

} // namespace

const TaskSpec* find_task_spec(const PipelineTask& task, const Facts& facts,
                               const Substitution& substitution) {
  if (task.task_spec)
    return &*task.task_spec;
  if (!task.task_ref)
    return nullptr; // refused by validate()
  const std::string name = substitution.known(*task.task_ref, "the name of a Task");
  if (const auto found = facts.tasks.find(name); found != facts.tasks.end())
    return &found->second;
  std::vector<std::string> known;
  for (const auto& [candidate, spec] : facts.tasks)
    known.push_back(candidate);
  substitution.diagnostics().add_error(
      task.task_ref->where,
      fmt::format("there is no Task \"{}\"{}", name, did_you_mean(name, known)));
  return nullptr;
}

void plan_task(const GroupContext& context, const Scope& late, std::size_t index,
               TaskDraft& draft) {
  const PipelineTask& task = *draft.source;
  const TaskSpec& spec = *draft.spec;
  Diagnostics& diagnostics = draft.diagnostics;
  PlanTask& planned = draft.planned;
  const bool embedded = task.task_spec.has_value();

  // The group's variables, in the fields of the PipelineTask.
  NameScope pipeline_task_names;
  pipeline_task_names.set("context.pipelineTask.retries", std::to_string(task.retries));
  const ChainScope group_variables{&pipeline_task_names, &context.names, &late};
  const Substitution group({&context.params, &group_variables}, diagnostics);
  const TaskRunSpec* const run_spec = find_task_run_spec(context.run, task.name.text);
  const bool limited = run_spec != nullptr && !run_spec->timeout.text.empty();
  plan_policies(task, limited ? run_spec->timeout : task.timeout, group, planned);
  for (const WhenExpression& expression : task.when)
    planned.when.push_back(plan_when(expression, group));

  // The Task's variables. An embedded Task sees the group's as well; its own win.
  ParamScope params(embedded ? &context.params : nullptr);
  planned.checks = bind_task_params(task, spec, draft.combination, group, params, diagnostics);
  NameScope names;
  set_task_names(context, task, planned.name, spec, Substitution({&params}, diagnostics), names);
  const NameScope nothing;
  const Scope& group_names = embedded ? context.names : nothing;
  const Scope& embedded_late = embedded ? late : nothing;
  const ChainScope variables{&names, &group_names, &embedded_late};
  const Substitution substitution({&params, &variables}, diagnostics);

  std::vector<TaskWorkspace> workspaces =
      bind_task_workspaces(task, spec, context.workspaces, embedded, group, substitution, names);
  SharedVolumes shared_volumes = context.volumes;
  const GivenObjects* given = context.pod ? nullptr : &context.facts.given;
  if (run_spec != nullptr)
    plan_pod_template(*run_spec, index, substitution, context.volume_names, given, shared_volumes,
                      draft);
  const TaskVolumes volumes(index, spec, std::move(workspaces), shared_volumes, substitution,
                            context.volume_names, draft.volumes, given);

  DraftCommon step_template =
      draft_common(context.step_template, Substitution({&variables}, diagnostics));
  if (spec.step_template)
    step_template = merge_common(step_template, draft_common(*spec.step_template, substitution));

  const StepContext step_context{planned.name,          step_template,      volumes,
                                 context.facts,         context.containers, context.pod,
                                 context.commands_later};
  const StepResultScope step_results;
  for (std::size_t i = 0; i < spec.steps.size(); ++i) {
    NameScope step_names;
    set_step_names(spec.steps[i], i, substitution, step_names);
    const ChainScope step_variables{&step_names, &step_results, &variables};
    const Substitution of_step({&params, &step_variables}, diagnostics);
    if (is_unresolved(spec.steps[i])) {
      const Located& ref = *spec.steps[i].ref;
      diagnostics.add_error(ref.where, fmt::format("there is no StepAction \"{}\"", ref.text));
      continue;
    }
    ParamScope action_params;
    if (spec.steps[i].action_params)
      bind_step_params(spec.steps[i], of_step, action_params);
    planned.steps.push_back(
        plan_step(spec.steps[i], i, step_context, of_step,
                  Substitution({&action_params, &params, &step_variables}, diagnostics)));
    PlanStep& step = planned.steps.back();
    apply(draft.pod_template, step.env, step.container_fields);
    if (run_spec != nullptr)
      step.container_fields =
          with_step_resources(*run_spec, step.name, spec.steps.size(), step.container_fields);
  }
  plan_sidecars(spec, step_context, context.sidecars_from_start, substitution, planned);
  for (PlanSidecar& sidecar : planned.sidecars) {
    apply(draft.pod_template, sidecar.env, sidecar.container_fields);
    if (run_spec != nullptr)
      sidecar.container_fields =
          with_sidecar_resources(*run_spec, sidecar.name, sidecar.container_fields);
  }
  planned.results = plan_results(spec.results);
  planned.emptied = volumes.emptied(planned.steps);
  plan_breakpoints(context.run, task, index, context.volume_names, planned, draft.volumes);
  collect_needs(task, late, planned);
}

} // namespace taskgroup
