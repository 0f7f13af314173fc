// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/catalog.h>
#include <taskgroup/nearest.h>

#include "core/planning/annotations.h"
#include "core/planning/decode.h"
#include "core/planning/embedded_groups.h"
#include "core/planning/group_of_one.h"
#include "core/planning/object_reader.h"
#include "core/planning/timeout_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace taskgroup {
namespace {

constexpr std::string_view own_api = "taskgroup.dev/v1alpha1";

constexpr std::array<std::string_view, 11> known_kinds = {
    "TaskGroup", "Pipeline",  "PipelineRun",          "Task",
    "TaskRun",   "CustomRun", "StepAction",           "List",
    "ConfigMap", "Secret",    "PersistentVolumeClaim"};

// Kinds that one meets beside Tekton's, and what to do with them.
struct OtherKind {
  std::string_view kind;
  std::string_view way_out;
};

constexpr OtherKind other_kinds[] = {
    {"ClusterTask", "removed from Tekton; make it a Task"},
    {"PipelineResource", "removed from Tekton; use params, workspaces and results"},
    {"Condition", "removed from Tekton; use `when`"},
    {"Run", "removed from Tekton; use a CustomRun"},
};

bool starts_with(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_tektons_or_ours(std::string_view version) {
  const std::string_view group = version.substr(0, version.find('/'));
  return group == "taskgroup.dev" || group == "tekton.dev";
}

// What every object's metadata tells.
struct Identity {
  Located name; // else generateName without its dash, else the kind in lower case
  bool generated = false;
  std::string namespace_name = "default";
  std::string uid;
};

bool is_object_name(std::string_view name) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= 63 && is_alphanumeric(name.front())
         && is_alphanumeric(name.back()) && std::all_of(name.begin(), name.end(), [&](char c) {
              return is_alphanumeric(c) || c == '-' || c == '.';
            });
}

class CatalogMaker {
public:
  CatalogMaker(Diagnostics& diagnostics, Target target, std::set<const Field*>* rows_read)
      : m_diagnostics(diagnostics), m_target(target), m_rows_read(rows_read) {}

  void add(const Node& document, const std::string& path);
  Catalog finish();

private:
  // A runnable whose group is known once all documents are.
  struct Pending {
    std::size_t runnable = 0;
    Located group_ref;
  };
  struct PendingTaskRun {
    std::size_t runnable = 0;
    SingleTask single;
  };

  void add_list(const ObjectReader& list);
  void add_task_group(const ObjectReader& reader, const Identity& identity);
  void add_pipeline(const ObjectReader& reader, const Identity& identity);
  void add_pipeline_run(const ObjectReader& reader, const Identity& identity);
  void add_task(const ObjectReader& reader, const Identity& identity);
  void add_step_action(const ObjectReader& reader, const Identity& identity);
  void add_task_run(const ObjectReader& reader, const Identity& identity);
  void add_custom_run(const ObjectReader& reader, const Identity& identity);
  void add_given(const ObjectReader& reader, const Identity& identity);

  Identity identify(const ObjectReader& reader, const std::string& kind);
  RunRequest request_of(const ObjectReader& reader, const Identity& identity);
  void add_groups_of_pipeline(const ObjectReader& pipeline_spec, const RunRequest& run);
  void add_runnable(std::string kind, const Identity& identity, GroupSpec group,
                    RunRequest request);
  void refuse_kind(const Node& document, const std::string& path, const std::string& version,
                   const std::string& kind);

  Diagnostics& m_diagnostics;
  Target m_target;
  std::set<const Field*>* m_rows_read;
  Catalog m_catalog;
  std::map<std::pair<std::string, std::string>, Where> m_seen; // by kind and name
  std::vector<Pending> m_group_refs;
  std::vector<PendingTaskRun> m_task_runs;
  bool m_incomplete = false;
};

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string join(const std::string& path, std::string_view field) {
  return path.empty() ? std::string(field) : fmt::format("{}.{}", path, field);
}

void CatalogMaker::refuse_kind(const Node& document, const std::string& path,
                               const std::string& version, const std::string& kind) {
  const Node& at = *document.find("kind");
  // A misspelt kind of ours is more likely than a foreign one of nearly the same name.
  if (!is_tektons_or_ours(version) && did_you_mean(kind, known_kinds).empty()) {
    m_catalog.no_effect_on_host.push_back(
        {kind, "nothing is made of it here, and the tasks do not refer to it"});
    return;
  }
  for (const OtherKind& other : other_kinds)
    if (kind == other.kind) {
      m_diagnostics.add_error(at.where(join(path, "kind")),
                              fmt::format("{} is not taken: {}", kind, other.way_out));
      return;
    }
  m_diagnostics.add_error(
      at.where(join(path, "kind")),
      fmt::format(
          "{} {} is not taken{}; expected one of TaskGroup, Pipeline, PipelineRun, Task, "
          "TaskRun, CustomRun, StepAction and List, or an object that they use: ConfigMap, Secret, "
          "PersistentVolumeClaim",
          version, kind, did_you_mean(kind, known_kinds)));
}

void CatalogMaker::add(const Node& document, const std::string& path) {
  if (!document.is_mapping()) {
    m_diagnostics.add_error(
        document.where(path),
        fmt::format("found {}, expected an object with apiVersion and kind", describe(document)));
    return;
  }
  std::array<std::string, 2> type;
  constexpr std::array<std::string_view, 2> type_fields = {"apiVersion", "kind"};
  bool typed = true;
  for (std::size_t i = 0; i < type.size(); ++i) {
    const Node* node = document.find(type_fields[i]);
    if (node != nullptr && node->is_string() && !node->text().empty()) {
      type[i] = node->text();
      continue;
    }
    typed = false;
    const Where where = node == nullptr ? document.where(join(path, type_fields[i]))
                                        : node->where(join(path, type_fields[i]));
    m_diagnostics.add_error(where, "missing; it says what the object is, for example `apiVersion: "
                                   "taskgroup.dev/v1alpha1` and `kind: TaskGroup`");
  }
  if (!typed)
    return;

  const auto& [version, kind] = type;
  const bool of_tekton = starts_with(version, "tekton.dev/");
  const bool is_list = (version == "v1" && kind == "List")
                       || ((of_tekton || version == own_api) && ends_with(kind, "List"));
  struct Reading {
    ObjectKind kind;
    void (CatalogMaker::*add)(const ObjectReader&, const Identity&);
  };
  const std::map<std::string_view, Reading> readings = {
      {"TaskGroup", {ObjectKind::task_group, &CatalogMaker::add_task_group}},
      {"Pipeline", {ObjectKind::pipeline, &CatalogMaker::add_pipeline}},
      {"PipelineRun", {ObjectKind::pipeline_run, &CatalogMaker::add_pipeline_run}},
      {"Task", {ObjectKind::task, &CatalogMaker::add_task}},
      {"TaskRun", {ObjectKind::task_run, &CatalogMaker::add_task_run}},
      {"CustomRun", {ObjectKind::custom_run, &CatalogMaker::add_custom_run}},
      {"StepAction", {ObjectKind::step_action, &CatalogMaker::add_step_action}},
      {"ConfigMap", {ObjectKind::config_map, &CatalogMaker::add_given}},
      {"Secret", {ObjectKind::secret, &CatalogMaker::add_given}},
      {"PersistentVolumeClaim", {ObjectKind::volume_claim, &CatalogMaker::add_given}},
  };
  const auto reading = readings.find(kind);
  if (!is_list && reading == readings.end()) {
    refuse_kind(document, path, version, kind);
    return;
  }

  std::vector<std::string_view> versions;
  if (is_list)
    versions = {version};
  else if (kind == "TaskGroup")
    versions = {own_api};
  else if (kind == "CustomRun")
    versions = {"tekton.dev/v1beta1"};
  else if (kind == "StepAction")
    versions = {"tekton.dev/v1beta1", "tekton.dev/v1alpha1"};
  else if (reading->second.add == &CatalogMaker::add_given)
    versions = {"v1"};
  else
    versions = {"tekton.dev/v1", "tekton.dev/v1beta1"};
  if (std::find(versions.begin(), versions.end(), version) == versions.end()) {
    m_diagnostics.add_error(
        document.find("apiVersion")->where(join(path, "apiVersion")),
        fmt::format("found \"{}\", expected \"{}\"{} for a {}", version, versions.front(),
                    versions.size() > 1 ? fmt::format(" or \"{}\"", versions[1]) : std::string(),
                    kind));
    return;
  }

  DecodeContext context{m_diagnostics, m_catalog.no_effect_on_host, kind,       false,
                        m_target,      &m_catalog.refused_on_host,  m_rows_read};
  if (is_list) {
    add_list(ObjectReader(document, ObjectKind::list, path, ApiVersion::v1, context));
    return;
  }
  if (const Node* metadata = document.find("metadata"))
    if (const Node* name = metadata->find("name"))
      context.object += " " + name->text();
  const ObjectReader reader(
      document, reading->second.kind, path,
      ends_with(version, "v1beta1") && kind != "StepAction" ? ApiVersion::v1beta1 : ApiVersion::v1,
      context);
  const Identity identity = identify(reader, kind);
  if (reading->second.add != &CatalogMaker::add_given && !reader.has("spec")) {
    if (document.find("spec") == nullptr)
      reader.error("spec", "missing; it holds what the object asks for");
    m_incomplete = true;
    return;
  }
  (this->*reading->second.add)(reader, identity);
}

void CatalogMaker::add_list(const ObjectReader& list) {
  list.text("apiVersion");
  list.text("kind");
  const Node* items = list.find("items");
  if (items == nullptr)
    return;
  for (std::size_t i = 0; i < items->size(); ++i)
    add(items->children()[i], fmt::format("{}[{}]", list.path_of("items"), i));
}

Identity CatalogMaker::identify(const ObjectReader& reader, const std::string& kind) {
  Identity identity;
  reader.text("apiVersion");
  reader.text("kind");
  check_annotations(reader);
  const auto metadata = reader.object("metadata");
  // What is only run needs no name: it gets its kind's.
  const Located fallback{lower(kind), reader.where()};
  if (!metadata) {
    identity.name = fallback;
    identity.generated = true;
    return identity;
  }
  const Located prefix = metadata->text("generateName");
  identity.name = metadata->text("name");
  identity.generated = identity.name.text.empty();
  if (identity.generated) {
    identity.name = prefix;
    while (ends_with(identity.name.text, "-"))
      identity.name.text.pop_back();
    if (identity.name.text.empty())
      identity.name = fallback;
  }
  if (!identity.name.text.empty() && !is_object_name(identity.name.text))
    metadata->error(
        identity.generated ? "generateName" : "name",
        fmt::format("found \"{}\", expected at most 63 lower-case letters, digits, dashes "
                    "and dots, with a letter or digit at both ends",
                    identity.name.text.substr(0, 80)));
  if (const Located name = metadata->text("namespace"); !name.text.empty())
    identity.namespace_name = name.text;
  identity.uid = metadata->text("uid").text;
  if (!identity.name.text.empty() && !identity.generated) {
    const auto [seen, inserted] =
        m_seen.try_emplace({kind, identity.name.text}, identity.name.where);
    if (!inserted)
      m_diagnostics.add_error(identity.name.where,
                              fmt::format("there is another {} \"{}\", at {}:{}", kind,
                                          identity.name.text,
                                          seen->second.file ? *seen->second.file : std::string("?"),
                                          seen->second.line));
  }
  return identity;
}

RunRequest CatalogMaker::request_of(const ObjectReader& reader, const Identity& identity) {
  RunRequest request;
  request.where = reader.where();
  request.name = identity.name.text;
  request.pipeline_name = identity.name.text;
  request.namespace_name = identity.namespace_name;
  request.uid = identity.uid;
  return request;
}

void CatalogMaker::add_runnable(std::string kind, const Identity& identity, GroupSpec group,
                                RunRequest request) {
  m_catalog.runnables.push_back(
      {std::move(kind), identity.name.text, false, std::move(group), std::move(request), {}});
}

void CatalogMaker::add_task_group(const ObjectReader& reader, const Identity& identity) {
  GroupSpec group = decode_group_spec(*reader.object("spec"));
  if (reader.context().incomplete) {
    m_incomplete = true;
    return;
  }
  if (!identity.generated)
    m_catalog.groups.try_emplace(identity.name.text, group);
  add_runnable("TaskGroup", identity, std::move(group), request_of(reader, identity));
}

void CatalogMaker::add_groups_of_pipeline(const ObjectReader& pipeline_spec,
                                          const RunRequest& run) {
  for (EmbeddedGroup& embedded : decode_embedded_groups(pipeline_spec, run)) {
    if (embedded.group_ref)
      m_group_refs.push_back({m_catalog.runnables.size(), *embedded.group_ref});
    m_catalog.runnables.push_back(std::move(embedded.runnable));
  }
}

void CatalogMaker::add_pipeline(const ObjectReader& reader, const Identity& identity) {
  const ObjectReader spec = *reader.object("spec");
  RunRequest request = request_of(reader, identity);
  if (holds_groups(*reader.find("spec"))) {
    add_groups_of_pipeline(spec, request);
    return;
  }
  GroupSpec group = decode_pipeline_spec(spec);
  if (reader.context().incomplete) {
    m_incomplete = true;
    return;
  }
  if (!identity.generated)
    m_catalog.pipelines.try_emplace(identity.name.text, group);
  add_runnable("Pipeline", identity, std::move(group), std::move(request));
}

void CatalogMaker::add_pipeline_run(const ObjectReader& reader, const Identity& identity) {
  const ObjectReader spec = *reader.object("spec");
  RunRequest request = request_of(reader, identity);
  request.params = decode_params(spec);
  request.workspaces = decode_workspace_bindings(spec);
  RunSpec run;
  if (const auto timeouts = spec.object("timeouts")) {
    request.timeout = timeouts->text("pipeline");
    request.tasks_timeout = timeouts->text("tasks");
    request.finally_timeout = timeouts->text("finally");
    if (!request.timeout.text.empty())
      check_timeouts(request.timeout, request.tasks_timeout, request.finally_timeout,
                     m_diagnostics);
  }
  if (spec.version() == ApiVersion::v1beta1) {
    const Located timeout = spec.text("timeout");
    if (!timeout.text.empty() && spec.has("timeouts"))
      spec.error("timeout", "given beside timeouts; use `timeouts.pipeline`");
    else if (!timeout.text.empty())
      request.timeout = timeout;
    request.service_account = spec.text("serviceAccountName").text;
    spec.check("podTemplate");
    run.pod_template = spec.raw("podTemplate");
  } else if (const auto task_runs = spec.object("taskRunTemplate")) {
    request.service_account = task_runs->text("serviceAccountName").text;
    task_runs->check("podTemplate");
    run.pod_template = task_runs->raw("podTemplate");
  }
  run.task_run_specs = decode_task_run_specs(spec);
  for (const TaskRunSpec& one : run.task_run_specs) { // as pipelinerun_validation.go has it
    const Located& tasks =
        request.tasks_timeout.text.empty() ? request.timeout : request.tasks_timeout;
    check_timeouts(tasks.text.empty() ? Located{"60m", {}} : tasks, one.timeout, {}, m_diagnostics);
  }

  const bool has_ref = spec.has("pipelineRef");
  const bool has_spec = spec.has("pipelineSpec");
  if (has_ref == has_spec)
    spec.error({}, has_ref ? "has both pipelineRef and pipelineSpec; give one of them"
                           : "missing pipelineRef or pipelineSpec; give one of them");
  GroupSpec group;
  group.where = spec.where();
  if (const auto reference = spec.object("pipelineRef")) {
    group.pipeline_ref = decode_pipeline_ref(*reference);
    request.pipeline_name = group.pipeline_ref->text;
  }
  if (const auto pipeline = spec.object("pipelineSpec")) {
    if (holds_groups(*spec.find("pipelineSpec"))) {
      add_groups_of_pipeline(*pipeline, request);
      return;
    }
    group = decode_pipeline_spec(*pipeline);
    declare_propagated(request, group.params, group.workspaces);
  }
  group.run = std::move(run);
  if (reader.context().incomplete) {
    m_incomplete = true;
    return;
  }
  add_runnable("PipelineRun", identity, std::move(group), std::move(request));
}

void CatalogMaker::add_step_action(const ObjectReader& reader, const Identity& identity) {
  StepAction action = decode_step_action(*reader.object("spec"));
  if (!identity.generated)
    m_catalog.step_actions.try_emplace(identity.name.text, std::move(action));
}

void CatalogMaker::add_task(const ObjectReader& reader, const Identity& identity) {
  TaskSpec task = decode_task_spec(*reader.object("spec"));
  if (reader.context().incomplete) {
    m_incomplete = true;
    return;
  }
  if (!identity.generated)
    m_catalog.tasks.try_emplace(identity.name.text, task);
  std::vector<ParamSpec> params = task.params;
  std::vector<GroupWorkspace> workspaces = workspaces_of(task);
  SingleTask single;
  single.name = identity.name;
  if (identity.generated)
    single.task_spec = std::move(task);
  else // nothing is propagated into it
    single.task_ref = identity.name;
  add_runnable("Task", identity,
               group_of_one(std::move(single), std::move(params), std::move(workspaces)),
               request_of(reader, identity));
}

void CatalogMaker::add_task_run(const ObjectReader& reader, const Identity& identity) {
  const ObjectReader spec = *reader.object("spec");
  RunRequest request = request_of(reader, identity);
  request.params = decode_params(spec);
  request.workspaces = decode_workspace_bindings(spec);
  SingleTask single;
  single.name = identity.name;
  single.retries = spec.integer("retries");
  // A TaskRun's timeout holds for each attempt.
  single.timeout = spec.text("timeout");
  if (single.timeout.text.empty())
    single.timeout = {"60m", spec.where()};
  request.timeout = {"0", single.timeout.where};
  request.service_account = spec.text("serviceAccountName").text;
  spec.check("podTemplate");
  single.run.pod_template = spec.raw("podTemplate");
  single.run.task_run_specs.push_back(decode_task_resources(spec));
  single.run.task_run_specs.back().task = identity.name;
  single.run.breakpoints = decode_debug(spec, identity.name);

  const bool has_ref = spec.has("taskRef");
  const bool has_spec = spec.has("taskSpec");
  if (has_ref == has_spec)
    spec.error({}, has_ref ? "has both taskRef and taskSpec; give one of them"
                           : "missing taskRef or taskSpec; give one of them");
  if (const auto reference = spec.object("taskRef"))
    single.task_ref = decode_task_ref(*reference, true);
  if (const auto task = spec.object("taskSpec"))
    single.task_spec = decode_task_spec(*task);
  if (reader.context().incomplete) {
    m_incomplete = true;
    return;
  }
  m_task_runs.push_back({m_catalog.runnables.size(), std::move(single)});
  add_runnable("TaskRun", identity, {}, std::move(request));
}

void CatalogMaker::add_custom_run(const ObjectReader& reader, const Identity& identity) {
  const ObjectReader spec = *reader.object("spec");
  RunRequest request = request_of(reader, identity);
  request.params = decode_params(spec);
  request.workspaces = decode_workspace_bindings(spec);
  request.timeout = spec.text("timeout");
  request.service_account = spec.text("serviceAccountName").text;
  for (const std::string_view field : {"status", "statusMessage", "retries"})
    spec.find(field); // the controller's
  const bool has_ref = spec.has("customRef");
  const bool has_spec = spec.has("customSpec");
  if (has_ref == has_spec)
    spec.error({}, has_ref ? "has both customRef and customSpec; give one of them"
                           : "missing customRef or customSpec; give one of them");
  GroupSpec group;
  if (const auto reference = spec.object("customRef")) {
    check_group_type(*reference);
    const Located name = reference->required_text("name", "it says which TaskGroup to run");
    request.pipeline_name = name.text;
    if (!reader.context().incomplete)
      m_group_refs.push_back({m_catalog.runnables.size(), name});
  }
  if (const auto embedded = spec.object("customSpec")) {
    check_group_type(*embedded);
    embedded->check("metadata");
    check_annotations(*embedded);
    if (const Node* node = embedded->find("spec"))
      group = decode_group_spec(ObjectReader(*node, ObjectKind::task_group_spec,
                                             embedded->path_of("spec"), ApiVersion::v1,
                                             reader.context()));
    else
      embedded->error("spec", "missing; it holds the TaskGroup");
  }
  if (reader.context().incomplete) {
    m_incomplete = true;
    return;
  }
  add_runnable("CustomRun", identity, std::move(group), std::move(request));
}

void CatalogMaker::add_given(const ObjectReader& reader, const Identity& identity) {
  if (identity.generated) {
    reader.error("metadata", "missing a name; by it the object is referred to");
    return;
  }
  const std::string& name = identity.name.text;
  switch (reader.kind()) {
  case ObjectKind::config_map:
    m_catalog.given.config_maps.try_emplace(name, decode_config_map(reader));
    break;
  case ObjectKind::secret:
    m_catalog.given.secrets.try_emplace(name, decode_secret(reader));
    break;
  default:
    m_catalog.given.claims.insert(name);
  }
}

Catalog CatalogMaker::finish() {
  std::set<std::size_t> without_group;
  std::vector<std::string_view> names;
  for (const auto& [name, group] : m_catalog.groups)
    names.push_back(name);
  for (const Pending& pending : m_group_refs) {
    const auto group = m_catalog.groups.find(pending.group_ref.text);
    if (group != m_catalog.groups.end()) {
      m_catalog.runnables[pending.runnable].group = group->second;
      continue;
    }
    without_group.insert(pending.runnable);
    if (!m_incomplete && !pending.group_ref.text.empty())
      m_diagnostics.add_error(pending.group_ref.where,
                              fmt::format("there is no TaskGroup \"{}\" in the given files{}",
                                          pending.group_ref.text,
                                          did_you_mean(pending.group_ref.text, names)));
  }
  for (PendingTaskRun& pending : m_task_runs) {
    Runnable& runnable = m_catalog.runnables[pending.runnable];
    std::vector<ParamSpec> params;
    std::vector<GroupWorkspace> workspaces;
    const TaskSpec* task = nullptr;
    if (pending.single.task_spec)
      task = &*pending.single.task_spec;
    else if (pending.single.task_ref)
      if (const auto found = m_catalog.tasks.find(pending.single.task_ref->text);
          found != m_catalog.tasks.end())
        task = &found->second;
    if (task != nullptr) {
      params = task->params;
      workspaces = workspaces_of(*task);
    }
    // Into an embedded Task all is propagated; a Task by name lacks nothing that it declares.
    if (task == nullptr || pending.single.task_spec)
      declare_propagated(runnable.request, params, workspaces);
    runnable.group =
        group_of_one(std::move(pending.single), std::move(params), std::move(workspaces));
  }
  for (auto at = without_group.rbegin(); at != without_group.rend(); ++at)
    m_catalog.runnables.erase(m_catalog.runnables.begin() + static_cast<std::ptrdiff_t>(*at));
  return std::move(m_catalog);
}

} // namespace

Catalog make_catalog(const std::vector<Node>& documents, Diagnostics& diagnostics, Target target) {
  return make_catalog(documents, diagnostics, target, nullptr);
}

Catalog make_catalog(const std::vector<Node>& documents, Diagnostics& diagnostics, Target target,
                     std::set<const Field*>* rows_read) {
  CatalogMaker maker(diagnostics, target, rows_read);
  for (const Node& document : documents)
    maker.add(document, {});
  return maker.finish();
}

} // namespace taskgroup
