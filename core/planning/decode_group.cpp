// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include "core/planning/annotations.h"
#include "core/planning/decode.h"
#include "core/planning/limits.h"
#include "core/planning/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace taskgroup {
namespace {

std::string no_custom_task(std::string_view kind) {
  return fmt::format(
      "custom tasks inside a group are not supported (found a {}); keep this one in the "
      "Pipeline that runs the group",
      kind.empty() ? "task of no kind" : kind);
}

bool starts_with(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

void decode_embedded_task(const ObjectReader& reader, PipelineTask& task) {
  const Node* spec = reader.find("taskSpec");
  if (spec == nullptr)
    return;
  if (has_own_type(*spec) && spec->find("steps") == nullptr) {
    const Node* kind = spec->find("kind");
    const std::string name = kind == nullptr ? std::string() : kind->text();
    reader.error("taskSpec", name == "TaskGroup"
                                 ? "a TaskGroup inside a group is not supported yet; "
                                   "put its tasks into the group"
                                 : no_custom_task(name));
    reader.context().incomplete = true;
    return;
  }
  const auto embedded = reader.object("taskSpec");
  embedded->check("metadata");
  check_annotations(*embedded);
  task.task_spec = decode_task_spec(*embedded);
}

std::optional<Matrix> decode_matrix(const ObjectReader& task) {
  const auto reader = task.object("matrix");
  if (!reader)
    return std::nullopt;
  Matrix matrix{reader->where(), decode_params(*reader), {}};
  for (const ObjectReader& include : reader->objects("include"))
    matrix.include.push_back({include.where(), decode_params(include)});
  return matrix;
}

PipelineTask decode_pipeline_task(const ObjectReader& reader) {
  PipelineTask task;
  task.where = reader.where();
  task.name = reader.required_text("name", "every task needs a name");
  if (const auto reference = reader.object("taskRef"))
    task.task_ref = decode_task_ref(*reference, false);
  decode_embedded_task(reader, task);
  const bool has_ref = reader.has("taskRef");
  const bool has_spec = reader.has("taskSpec");
  if (has_ref && has_spec)
    reader.error("taskSpec", fmt::format("the task \"{}\" has a taskRef as well; give one of them",
                                         task.name.text));
  constexpr std::array<std::string_view, 4> bodies = {"taskRef", "taskSpec", "pipelineRef",
                                                      "pipelineSpec"};
  if (!has_ref && !has_spec
      && std::none_of(bodies.begin(), bodies.end(),
                      [&](std::string_view field) { return reader.is_written(field); }))
    reader.error({}, fmt::format("the task \"{}\" has no taskRef and no taskSpec; give one of them",
                                 task.name.text));
  task.params = decode_params(reader);
  task.matrix = decode_matrix(reader);
  task.when = decode_when(reader);
  task.run_after = reader.texts("runAfter");
  task.retries = reader.integer("retries");
  task.timeout = reader.text("timeout");
  task.on_error = reader.text("onError");
  for (const ObjectReader& workspace : reader.objects("workspaces"))
    task.workspaces.push_back(
        {workspace.where(),
         workspace.required_text("name", "it says which workspace of the Task is bound"),
         workspace.text("workspace"), workspace.text("subPath")});
  return task;
}

std::vector<PipelineTask> decode_tasks(const ObjectReader& reader, std::string_view field) {
  std::vector<PipelineTask> tasks;
  for (const ObjectReader& task : reader.objects(field))
    tasks.push_back(decode_pipeline_task(task));
  return tasks;
}

std::vector<GroupWorkspace> decode_workspaces(const ObjectReader& reader, bool may_have_shape) {
  std::vector<GroupWorkspace> workspaces;
  for (const ObjectReader& workspace : reader.objects("workspaces")) {
    GroupWorkspace decoded;
    decoded.where = workspace.where();
    decoded.name = workspace.required_text("name", "every workspace needs a name");
    decoded.optional = workspace.boolean("optional");
    if (may_have_shape) {
      if (const auto empty_dir = workspace.object("emptyDir")) {
        const EmptyDir shape = decode_empty_dir(*empty_dir);
        decoded.memory = shape.memory;
        decoded.size_limit = shape.size_limit;
      }
    }
    workspaces.push_back(std::move(decoded));
  }
  return workspaces;
}

// The fields that a TaskGroup and a Pipeline have in common.
void decode_shared(const ObjectReader& reader, GroupSpec& group) {
  group.where = reader.where();
  group.params = decode_param_specs(reader);
  group.tasks = decode_tasks(reader, "tasks");
  group.finally = decode_tasks(reader, "finally");
  for (const ObjectReader& result : reader.objects("results")) {
    GroupResult decoded;
    decoded.where = result.where();
    decoded.name = result.required_text("name", "every result needs a name");
    if (const Node* value = result.find("value"))
      decoded.value = decode_value(*value, result.path_of("value"), result.context().diagnostics);
    else
      result.error("value", "missing; it says which task's result becomes the group's");
    group.results.push_back(std::move(decoded));
  }
}

void require_tasks(const ObjectReader& reader) {
  const Node* tasks = reader.find("tasks");
  if (tasks == nullptr ? !reader.is_written("tasks") : tasks->size() == 0)
    reader.error("tasks", "missing; it holds the tasks to run");
}

int decode_max_combinations(const ObjectReader& reader) {
  const int most = reader.integer("maxCombinations");
  if (most < 0 || most > static_cast<int>(max_matrix_combinations))
    reader.error("maxCombinations", fmt::format("found {}, expected 1 to {}; each combination has "
                                                "containers of its own",
                                                most, max_matrix_combinations));
  return most;
}

RunSpec decode_run(const ObjectReader& reader) {
  RunSpec run;
  run.where = reader.where();
  if (const auto timeouts = reader.object("timeouts")) {
    run.tasks_timeout = timeouts->text("tasks");
    run.finally_timeout = timeouts->text("finally");
  }
  run.max_parallel = reader.integer("maxParallel");
  if (run.max_parallel < 0)
    reader.error("maxParallel",
                 fmt::format("found {}, expected 0 (no limit) or more", run.max_parallel));
  run.fail_fast = reader.boolean("failFast");
  if (const auto matrix = reader.object("matrix"))
    run.max_combinations = decode_max_combinations(*matrix);
  if (const auto step_template = reader.object("stepTemplate"))
    run.step_template = decode_step_template(*step_template);
  constexpr std::array<std::string_view, 3> modes = {"peak", "sum", "pod"};
  const Located resources = reader.text("resources");
  if (const auto found = std::find(modes.begin(), modes.end(), resources.text);
      found != modes.end())
    run.resources = static_cast<RequestMode>(found - modes.begin());
  else if (!resources.text.empty())
    reader.error("resources", fmt::format("found \"{}\", expected \"peak\", \"sum\" or \"pod\"{}",
                                          resources.text, did_you_mean(resources.text, modes)));
  reader.check("podTemplate");
  run.pod_template = reader.raw("podTemplate");
  run.task_run_specs = decode_task_run_specs(reader);
  run.breakpoints = decode_breakpoints(reader);
  constexpr std::array<std::string_view, 2> sidecar_ways = {"wrapped", "fromStart"};
  const Located sidecars = reader.text("sidecars");
  run.sidecars_from_start = sidecars.text == sidecar_ways[1];
  if (!sidecars.text.empty() && sidecars.text != sidecar_ways[0] && !run.sidecars_from_start)
    reader.error("sidecars", fmt::format("found \"{}\", expected \"wrapped\" or \"fromStart\"{}",
                                         sidecars.text, did_you_mean(sidecars.text, sidecar_ways)));
  constexpr std::array<std::string_view, 3> installs = {"auto", "postStart", "init"};
  const Located install = reader.text("agentInstall");
  if (const auto found = std::find(installs.begin(), installs.end(), install.text);
      found != installs.end())
    run.agent_install = static_cast<AgentInstall>(found - installs.begin());
  else if (!install.text.empty())
    reader.error("agentInstall",
                 fmt::format("found \"{}\", expected \"auto\", \"postStart\" or \"init\"{}",
                             install.text, did_you_mean(install.text, installs)));
  return run;
}

} // namespace

void check_group_type(const ObjectReader& reader) {
  const Located kind = reader.text("kind");
  const Located version = reader.text("apiVersion");
  if (kind.text != "TaskGroup")
    reader.error("kind", fmt::format("found \"{}\", expected \"TaskGroup\", the one kind of custom "
                                     "task that can be run",
                                     kind.text));
  else if (version.text != "taskgroup.dev/v1alpha1")
    reader.error("apiVersion",
                 fmt::format("found \"{}\", expected \"taskgroup.dev/v1alpha1\"", version.text));
}

bool has_own_type(const Node& spec) {
  const Node* kind = spec.find("kind");
  const Node* version = spec.find("apiVersion");
  return (kind != nullptr && !kind->is_null()) || (version != nullptr && !version->is_null());
}

Located decode_task_ref(const ObjectReader& reader, bool may_have_version) {
  const Located kind = reader.text("kind");
  const Located version = reader.text("apiVersion");
  const bool of_tekton = starts_with(version.text, "tekton.dev/");
  const bool is_task = kind.text == "Task" || (may_have_version && kind.text == "task");
  if (kind.text == "ClusterTask")
    reader.error("kind", "ClusterTasks were removed from Tekton; make it a Task");
  else if ((!kind.text.empty() && !is_task) || (!version.text.empty() && !of_tekton))
    reader.error(version.text.empty() ? "kind" : "apiVersion", no_custom_task(kind.text));
  else if (of_tekton && !may_have_version)
    reader.error("apiVersion", "leave it out; a taskRef that has one is a custom task to Tekton");
  if (reader.has("name") || !reader.is_refused())
    return reader.required_text("name", "it says which Task to run");
  return {};
}

Located decode_pipeline_ref(const ObjectReader& reader) {
  if (reader.has("name") || !reader.is_refused())
    return reader.required_text("name", "it says which Pipeline to run");
  return {};
}

GroupSpec decode_group_spec(const ObjectReader& reader) {
  check_sizes(reader.node(), reader.path_of({}), reader.context().diagnostics);
  GroupSpec group;
  decode_shared(reader, group);
  group.workspaces = decode_workspaces(reader, true);
  if (const auto run = reader.object("run"))
    group.run = decode_run(*run);
  if (const auto reference = reader.object("pipelineRef")) {
    group.pipeline_ref = decode_pipeline_ref(*reference);
    for (const std::string_view field : {"params", "workspaces", "tasks", "finally", "results"})
      if (reader.has(field))
        reader.error(field, "given beside pipelineRef, whose Pipeline has its own; leave one out");
  } else {
    require_tasks(reader);
  }
  return group;
}

GroupSpec decode_pipeline_spec(const ObjectReader& reader) {
  GroupSpec group;
  decode_shared(reader, group);
  group.workspaces = decode_workspaces(reader, false);
  require_tasks(reader);
  return group;
}

} // namespace taskgroup
