// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>
#include <taskgroup/planner.h>

#include "core/planning/late_scope.h"
#include "core/planning/matrix.h"
#include "core/planning/order.h"
#include "core/planning/params.h"
#include "core/planning/raw_json.h"
#include "core/planning/sidecars.h"
#include "core/planning/step_actions.h"
#include "core/planning/task_planner.h"
#include "core/planning/task_run_specs.h"
#include "core/planning/timeouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace taskgroup {
namespace {

void set_group_names(const RunRequest& request, NameScope& names) {
  names.set("context.pipelineRun.name", request.name);
  names.set("context.pipelineRun.namespace", request.namespace_name);
  names.set("context.pipelineRun.uid", request.uid);
  names.set("context.pipeline.name", request.pipeline_name);
}

class Planner {
public:
  Planner(const GroupSpec& group, const RunRequest& request, const Facts& facts,
          const PlanOptions& options, Diagnostics& diagnostics, bool commands_later)
      : m_group(group),
        m_request(request),
        m_facts(facts),
        m_options(options),
        m_diagnostics(diagnostics),
        m_commands_later(commands_later) {}

  Plan make();

private:
  void find_specs();
  DraftCommon group_template();
  void plan_pod_template(Plan& plan);
  void fan_out();
  void fan_out(const PipelineTask& task);
  void check_names();
  void add_pod_templates_of_tasks(Plan& plan);
  void check_service_accounts();
  void plan_tasks(const GroupContext& context);
  void plan_finally(const GroupContext& context);
  void choose_tasks();
  void choose_finally();
  void add_tasks(Plan& plan);
  static void add_task(TaskDraft& draft, Plan& plan);
  void add_volumes(Plan& plan);
  void add_results(Plan& plan);

  std::vector<TaskDraft> drafts_of(const std::vector<PipelineTask>& tasks, bool is_finally) const;

  const GroupSpec& m_group;
  const RunRequest& m_request;
  const Facts& m_facts;
  const PlanOptions& m_options;
  Diagnostics& m_diagnostics;
  bool m_commands_later; // StepContext::commands_later

  ParamScope m_params;
  NameScope m_names;
  NamePool m_containers;
  NamePool m_volume_names;
  std::vector<PlanVolume> m_volumes; // of the group's workspaces and podTemplate
  SharedVolumes m_template_volumes;
  std::map<std::string, const TaskSpec*> m_specs;
  std::set<std::string> m_left_out;
  std::map<std::string, MatrixDraft> m_matrices;
  std::set<std::string> m_fanned_out;

  std::vector<TaskDraft> m_tasks;
  std::vector<TaskDraft> m_finally;
  Edges m_after; // of m_tasks
};

void Planner::find_specs() {
  const Substitution substitution({&m_params, &m_names}, m_diagnostics);
  for (const auto* tasks : {&m_group.tasks, &m_group.finally}) {
    for (const PipelineTask& task : *tasks) {
      if (const TaskSpec* spec = find_task_spec(task, m_facts, substitution))
        m_specs.emplace(task.name.text, spec);
    }
  }
}

DraftCommon Planner::group_template() {
  if (!m_group.run.step_template)
    return {};
  NameScope refused;
  refused.refuse("tasks.", "results of tasks cannot be used in run.stepTemplate, which all tasks "
                           "have in common");
  const ChainScope variables{&m_names, &refused};
  return draft_common(*m_group.run.step_template,
                      Substitution({&m_params, &variables}, m_diagnostics));
}

// Take over `run.podTemplate`; its volumes become the plan's, for any task to mount by name.
void Planner::plan_pod_template(Plan& plan) {
  const RawValue& whole = m_group.run.pod_template;
  if (!whole)
    return;
  const Substitution substitution({&m_params, &m_names}, m_diagnostics);
  const auto keys = whole.node.keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const RawValue field{whole.node.children()[i], whole.path + "." + keys[i].name};
    if (keys[i].name == "volumes")
      continue;
    const std::string value = known_json(field, substitution, "podTemplate");
    plan.pod_template = merge_json(plan.pod_template, json_object(keys[i].name, value));
  }
  for (auto& [name, volume] :
       template_volumes(whole, substitution, m_options.pod ? nullptr : &m_facts.given)) {
    volume.name = m_volume_names.make("pt-" + name, "podTemplate/" + name);
    m_template_volumes.insert_or_assign(name, volume.name);
    m_volumes.push_back(std::move(volume));
  }
}

// Put the tasks' own podTemplates over the group's: they run in one pod.
void Planner::add_pod_templates_of_tasks(Plan& plan) {
  std::vector<TemplateOfTask> templates;
  for (const auto* drafts : {&m_tasks, &m_finally}) {
    for (const TaskDraft& draft : *drafts) {
      const TaskRunSpec* spec = find_task_run_spec(m_group.run, draft.source->name.text);
      const bool has_one = spec != nullptr && spec->pod_template;
      templates.push_back({draft.planned.name, has_one ? &draft.pod_template : nullptr,
                           has_one ? spec->pod_template : RawValue()});
    }
  }
  if (m_options.pod)
    plan.pod_template = merge_task_pod_templates(plan.pod_template, templates, m_diagnostics);
}

// A pod has one service account.
void Planner::check_service_accounts() {
  if (!m_options.pod || m_request.service_account.empty())
    return;
  for (const TaskRunSpec& spec : m_group.run.task_run_specs) {
    const Located& account = spec.service_account;
    if (!account.text.empty() && account.text != m_request.service_account)
      m_diagnostics.add_error(
          account.where,
          fmt::format("found \"{}\", but the run's service account is \"{}\", and a group runs in "
                      "one pod, which has one; give the run an account that has the rights of "
                      "both, or run the task \"{}\" outside the group",
                      account.text, m_request.service_account, spec.task.text));
  }
}

std::vector<TaskDraft> Planner::drafts_of(const std::vector<PipelineTask>& tasks,
                                          bool is_finally) const {
  std::vector<TaskDraft> result;
  for (const PipelineTask& task : tasks) {
    const auto spec = m_specs.find(task.name.text);
    if (spec == m_specs.end())
      continue; // reported by find_specs()
    TaskDraft draft;
    draft.source = &task;
    draft.spec = spec->second;
    draft.planned.is_finally = is_finally;
    draft.planned.name = task.name.text;
    const auto matrix = m_matrices.find(task.name.text);
    if (matrix == m_matrices.end()) {
      result.push_back(std::move(draft));
      continue;
    }
    const MatrixDraft& fanned_out = matrix->second;
    draft.matrix = &fanned_out.planned;
    for (std::size_t i = 0; i < fanned_out.instances.size(); ++i) {
      TaskDraft& instance = result.emplace_back();
      instance.source = draft.source;
      instance.spec = draft.spec;
      instance.matrix = draft.matrix;
      instance.combination = fanned_out.instances[i];
      instance.planned = draft.planned;
      if (fanned_out.instances.size() > 1) // as stock names TaskRuns
        instance.planned.name = fmt::format("{}-{}", task.name.text, i);
    }
  }
  return result;
}

// Make the combinations of all matrices.
void Planner::fan_out() {
  for (const auto* tasks : {&m_group.tasks, &m_group.finally}) {
    for (const PipelineTask& task : *tasks)
      fan_out(task);
  }
}

// Make those of one, and before of those whose results it is made of.
void Planner::fan_out(const PipelineTask& task) {
  const auto spec = m_specs.find(task.name.text);
  if (!is_matrixed(task) || spec == m_specs.end() || !m_fanned_out.insert(task.name.text).second)
    return;
  NameScope own;
  own.set("context.pipelineTask.retries", std::to_string(task.retries));
  const LateScope late(LateScope::For::tasks, m_group, m_specs, m_matrices, m_left_out);
  const ChainScope variables{&own, &m_names, &late};
  MatrixLimits limits;
  if (m_group.run.max_combinations > 0)
    limits.known = limits.late = static_cast<std::size_t>(m_group.run.max_combinations);
  limits.length_of = [this](const Reference& array) -> std::optional<std::size_t> {
    for (const PipelineTask& producer : m_group.tasks) {
      if (producer.name.text == array.task)
        fan_out(producer);
    }
    const auto found = m_matrices.find(array.task);
    return found == m_matrices.end() ? std::nullopt : std::optional(found->second.planned.count);
  };
  MatrixDraft draft = draft_matrix(task, *spec->second,
                                   Substitution({&m_params, &variables}, m_diagnostics), limits);
  m_matrices.insert_or_assign(task.name.text, std::move(draft));
}

// Instances are named after their task, which may be how another task is called.
void Planner::check_names() {
  std::map<std::string, const TaskDraft*> seen;
  for (const auto* drafts : {&m_tasks, &m_finally}) {
    for (const TaskDraft& draft : *drafts) {
      const auto [other, is_new] = seen.emplace(draft.planned.name, &draft);
      if (is_new)
        continue;
      const TaskDraft& matrixed = draft.matrix != nullptr ? draft : *other->second;
      m_diagnostics.add_error(matrixed.source->name.where,
                              fmt::format("the matrix of the task \"{}\" makes a task \"{}\", and "
                                          "another one is called so already; rename one of them",
                                          matrixed.source->name.text, draft.planned.name));
    }
  }
}

void Planner::plan_tasks(const GroupContext& context) {
  const LateScope late(LateScope::For::tasks, m_group, m_specs, m_matrices, m_left_out);
  m_tasks = drafts_of(m_group.tasks, false);
  std::multimap<std::string, std::size_t> indices; // several of a task with a matrix
  for (std::size_t i = 0; i < m_tasks.size(); ++i) {
    plan_task(context, late, i, m_tasks[i]);
    indices.emplace(m_tasks[i].source->name.text, i);
  }
  for (const TaskDraft& draft : m_tasks) {
    std::set<std::size_t> after;
    const auto add = [&](const std::string& name) {
      const auto [first, last] = indices.equal_range(name);
      for (auto found = first; found != last; ++found)
        after.insert(found->second);
    };
    for (const Located& name : draft.source->run_after)
      add(name.text);
    for (const Reference& reference : draft.planned.needs)
      add(reference.task);
    m_after.emplace_back(after.begin(), after.end());
  }
}

void Planner::plan_finally(const GroupContext& context) {
  const LateScope late(LateScope::For::finally, m_group, m_specs, m_matrices, m_left_out);
  m_finally = drafts_of(m_group.finally, true);
  for (std::size_t i = 0; i < m_finally.size(); ++i)
    plan_task(context, late, m_tasks.size() + i, m_finally[i]);
}

// Leave out the tasks that `only_tasks` does not ask for.
void Planner::choose_tasks() {
  if (m_options.only_tasks.empty())
    return;
  std::vector<std::string> names;
  for (const auto* tasks : {&m_group.tasks, &m_group.finally}) {
    for (const PipelineTask& task : *tasks)
      names.push_back(task.name.text);
  }
  std::vector<std::size_t> roots;
  for (const std::string& wanted : m_options.only_tasks) {
    if (std::find(names.begin(), names.end(), wanted) == names.end())
      m_diagnostics.add_error(m_group.where, fmt::format("the group has no task \"{}\" to run{}",
                                                         wanted, did_you_mean(wanted, names)));
    for (std::size_t i = 0; i < m_tasks.size(); ++i) {
      if (m_tasks[i].source->name.text == wanted)
        roots.push_back(i);
    }
  }
  const std::vector<bool> kept = closure(m_after, roots);
  std::vector<std::size_t> new_index(m_tasks.size());
  std::vector<TaskDraft> tasks;
  Edges edges;
  for (std::size_t i = 0; i < m_tasks.size(); ++i) {
    if (!kept[i]) {
      m_left_out.insert(m_tasks[i].source->name.text);
      continue;
    }
    new_index[i] = tasks.size();
    tasks.push_back(std::move(m_tasks[i]));
    edges.push_back(m_after[i]);
  }
  for (std::vector<std::size_t>& after : edges) {
    for (std::size_t& index : after)
      index = new_index[index];
  }
  m_tasks = std::move(tasks);
  m_after = std::move(edges);
}

// Leave out finally tasks that need results of tasks that are left out: in stock they would be
// skipped, "Results were missing".
void Planner::choose_finally() {
  if (m_left_out.empty())
    return;
  std::vector<TaskDraft> kept;
  std::vector<std::string> dropped;
  for (TaskDraft& draft : m_finally) {
    const auto missing = std::find_if(
        draft.planned.needs.begin(), draft.planned.needs.end(),
        [&](const Reference& reference) { return m_left_out.contains(reference.task); });
    if (missing == draft.planned.needs.end()) {
      kept.push_back(std::move(draft));
      continue;
    }
    m_diagnostics.add_warning(draft.source->where,
                              fmt::format("the finally task \"{}\" is left out, because it needs a "
                                          "result of the task \"{}\", which is not run",
                                          draft.source->name.text, missing->task));
    dropped.push_back(draft.source->name.text);
  }
  m_left_out.insert(dropped.begin(), dropped.end());
  m_finally = std::move(kept);
}

void Planner::add_tasks(Plan& plan) {
  const std::optional<std::vector<std::size_t>> order = topological_order(m_after);
  if (!order) {
    m_diagnostics.add_error(m_group.where, "the tasks wait for each other in a circle");
    return;
  }
  std::vector<std::size_t> position(order->size());
  for (std::size_t i = 0; i < order->size(); ++i)
    position[(*order)[i]] = i;
  for (const std::size_t i : *order) {
    TaskDraft& draft = m_tasks[i];
    for (const std::size_t predecessor : m_after[i])
      draft.planned.after.push_back(position[predecessor]);
    std::sort(draft.planned.after.begin(), draft.planned.after.end());
    add_task(draft, plan);
  }
  for (TaskDraft& draft : m_finally)
    add_task(draft, plan);
  order_by_ports(plan);
}

// Instances come one behind the other: they have the same edges, and the order is stable.
void Planner::add_task(TaskDraft& draft, Plan& plan) {
  if (draft.matrix != nullptr
      && (plan.matrices.empty() || plan.matrices.back().task != draft.matrix->task)) {
    plan.matrices.push_back(*draft.matrix);
    plan.matrices.back().first = plan.tasks.size();
  }
  plan.tasks.push_back(std::move(draft.planned));
}

// Add the volumes that some step mounts.
void Planner::add_volumes(Plan& plan) {
  std::set<std::string> mounted;
  for (const PlanTask& task : plan.tasks) {
    for (std::size_t i = 0; i < container_count(task); ++i) {
      for (const PlanMount& mount : container_at(task, i).mounts)
        mounted.insert(mount.volume);
    }
  }
  const auto add = [&](std::vector<PlanVolume>& volumes) {
    for (PlanVolume& volume : volumes) {
      if (mounted.contains(volume.name))
        plan.volumes.push_back(std::move(volume));
    }
  };
  add(m_volumes);
  for (auto* drafts : {&m_tasks, &m_finally}) {
    for (TaskDraft& draft : *drafts)
      add(draft.volumes);
  }
}

void Planner::add_results(Plan& plan) {
  const LateScope late(LateScope::For::group_results, m_group, m_specs, m_matrices, m_left_out);
  const ChainScope variables{&m_names, &late};
  const Substitution substitution({&m_params, &variables}, m_diagnostics);
  for (const GroupResult& result : m_group.results) {
    const DraftValue value =
        substitution.value(make_draft_value(result.value, Draft::Piece::Kind::authored));
    PlanGroupResult planned{.name = result.name.text};
    if (const auto* text = std::get_if<Draft>(&value.data)) {
      planned.values.push_back(text->to_text());
    } else if (const auto* items = std::get_if<DraftValue::Items>(&value.data)) {
      planned.type = ValueType::array;
      for (const Draft& item : *items)
        planned.values.push_back(item.to_text());
    } else if (const auto* fields = std::get_if<DraftValue::Fields>(&value.data)) {
      planned.type = ValueType::object;
      for (const auto& [key, field] : *fields) {
        planned.keys.push_back(key);
        planned.values.push_back(field.to_text());
      }
    } else {
      planned.values.emplace_back(std::get<LateWhole>(value.data).reference);
    }
    bool possible = true; // as in stock, a result of a task that did not run is left out
    for (const Text& text : planned.values)
      text.for_each_reference([&](const Reference& reference) {
        possible = possible && !m_left_out.contains(reference.task);
      });
    if (possible)
      plan.results.push_back(std::move(planned));
  }
}

Plan Planner::make() {
  Plan plan;
  plan.group = m_request.name;
  plan.nonce = m_options.nonce;
  plan.max_parallel = m_group.run.max_parallel;
  plan.fail_fast = m_group.run.fail_fast;
  plan.launch_on_demand = m_options.launch_on_demand;
  plan.report_task_results = m_options.report_task_results;
  plan_timeouts(m_group, m_request, plan, m_diagnostics);

  const bool complete = bind_group_params(m_group, m_request, m_params, m_diagnostics);
  set_group_names(m_request, m_names);
  NameScope late;
  late.refuse("tasks.", "volumes are mounted before any task runs; use a param");
  const ChainScope variables{&m_names, &late};
  const RunWorkspaces workspaces = bind_group_workspaces(
      m_group, m_request, m_options, m_facts.given,
      Substitution({&m_params, &variables}, m_diagnostics), m_volume_names, m_volumes, m_names);
  if (!complete)
    return plan; // there are errors, and more would only follow from them
  find_specs();
  fan_out();
  const DraftCommon step_template = group_template();
  plan_pod_template(plan);
  check_service_accounts();
  const GroupContext context{m_request,
                             m_facts,
                             m_params,
                             m_names,
                             workspaces,
                             step_template,
                             m_containers,
                             m_volume_names,
                             m_template_volumes,
                             m_group.run,
                             m_options.pod,
                             m_commands_later,
                             m_options.pod && m_group.run.sidecars_from_start};
  plan_tasks(context);
  choose_tasks();
  plan_finally(context);
  choose_finally();
  check_names();
  add_pod_templates_of_tasks(plan);
  for (auto* drafts : {&m_tasks, &m_finally}) {
    for (TaskDraft& draft : *drafts)
      m_diagnostics.add(std::move(draft.diagnostics));
  }
  if (m_left_out.empty())
    warn_unused_params(m_group, m_request, m_params, m_diagnostics);
  add_tasks(plan);
  add_volumes(plan);
  add_results(plan);
  return plan;
}

} // namespace

void resolve_task_names(GroupSpec& group, const RunRequest& request) {
  Diagnostics unheard;
  ParamScope params;
  if (!bind_group_params(group, request, params, unheard))
    return;
  NameScope names;
  set_group_names(request, names);
  for (auto* tasks : {&group.tasks, &group.finally}) {
    for (PipelineTask& task : *tasks) {
      if (!task.task_ref || task.task_ref->text.find("$(") == std::string::npos)
        continue;
      Diagnostics of_name;
      const Substitution substitution({&params, &names}, of_name);
      const std::string name = substitution.known(*task.task_ref, "the name of a Task");
      if (!of_name.has_errors())
        task.task_ref->text = name;
    }
  }
}

namespace {

// Plan what a group really runs: the tasks of its Pipeline, and in their steps the StepActions.
Plan make_plan(const GroupSpec& group, const RunRequest& request, const Facts& facts,
               const PlanOptions& options, Diagnostics& diagnostics, bool commands_later) {
  std::optional<GroupSpec> of_pipeline;
  if (group.pipeline_ref)
    of_pipeline = resolve_pipeline_ref(group, facts);
  const GroupSpec& spec = of_pipeline ? *of_pipeline : group;
  const auto steps = resolve_step_actions(spec, facts);
  return Planner(steps ? steps->group : spec, request, steps ? steps->facts : facts, options,
                 diagnostics, commands_later)
      .make();
}

} // namespace

std::optional<Plan> plan(const GroupSpec& group, const RunRequest& request, const Facts& facts,
                         const PlanOptions& options, Diagnostics& diagnostics) {
  Diagnostics own;
  Plan result = make_plan(group, request, facts, options, own, false);
  const bool good = !own.has_errors();
  diagnostics.add(std::move(own));
  if (!good)
    return std::nullopt;
  return result;
}

std::vector<std::string> images_to_look_up(const GroupSpec& group, const RunRequest& request,
                                           const Facts& facts, const PlanOptions& options) {
  Diagnostics unheard;
  const Plan made = make_plan(group, request, facts, options, unheard, true);
  std::set<std::string> images;
  for (const PlanTask& task : made.tasks) {
    for (std::size_t i = 0; i < container_count(task); ++i) {
      const PlanStep& step = container_at(task, i);
      if (!step.script && step.command.empty() && !facts.images.contains(step.image))
        images.insert(step.image);
    }
  }
  if (unheard.has_errors())
    return {};
  return {images.begin(), images.end()};
}

} // namespace taskgroup
