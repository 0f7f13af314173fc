// SPDX-License-Identifier: Apache-2.0
#include "core/planning/embedded_groups.h"

#include "core/planning/annotations.h"
#include "core/planning/decode.h"
#include "core/planning/variables.h"

#include <fmt/format.h>

#include <map>

namespace taskgroup {
namespace {

bool names_group(const Node* object) {
  if (object == nullptr)
    return false;
  const Node* kind = object->find("kind");
  return kind != nullptr && kind->text() == "TaskGroup";
}

bool is_group(const Node& task) {
  return names_group(task.find("taskSpec")) || names_group(task.find("taskRef"));
}

// The params of the Pipeline whose values are known before it runs.
using KnownParams = std::map<std::string, ParamValue>;

// Return what a text becomes, or nothing if it uses a variable that is not known. A text that is
// one whole array gives its items.
std::optional<std::vector<Located>> put_in(const Located& located, const KnownParams& known) {
  const auto variables = find_variables(located.text);
  Located result{{}, located.where};
  std::size_t at = 0;
  for (const Variable& variable : variables) {
    const VariableName name = parse_variable_name(variable.name);
    const auto param = name.parts.size() == 2 && name.parts[0] == "params"
                           ? known.find(name.parts[1])
                           : known.end();
    if (param == known.end())
      return std::nullopt;
    const auto* text = std::get_if<Located>(&param->second.data);
    const auto* items = std::get_if<std::vector<Located>>(&param->second.data);
    const bool alone = variable.begin == 0 && variable.end == located.text.size();
    if (items != nullptr && name.index == "*" && alone)
      return *items;
    if (text == nullptr || !name.index.empty())
      return std::nullopt;
    result.text += located.text.substr(at, variable.begin - at) + text->text;
    at = variable.end;
  }
  result.text += located.text.substr(at);
  return std::vector<Located>{result};
}

std::optional<ParamValue> put_in(const ParamValue& value, const KnownParams& known) {
  ParamValue result{value.where, {}};
  if (const auto* text = std::get_if<Located>(&value.data)) {
    const auto variables = find_variables(text->text);
    if (variables.size() == 1 && variables[0].end - variables[0].begin == text->text.size()) {
      // A sole reference to a whole array or object passes that on.
      const VariableName name = parse_variable_name(variables[0].name);
      if (name.parts.size() == 2 && name.parts[0] == "params" && name.index == "*")
        if (const auto param = known.find(name.parts[1]); param != known.end())
          return param->second;
    }
    const auto texts = put_in(*text, known);
    if (!texts || texts->size() != 1)
      return std::nullopt;
    result.data = texts->front();
  } else if (const auto* items = std::get_if<std::vector<Located>>(&value.data)) {
    std::vector<Located> all;
    for (const Located& item : *items) {
      const auto texts = put_in(item, known);
      if (!texts)
        return std::nullopt;
      all.insert(all.end(), texts->begin(), texts->end());
    }
    result.data = std::move(all);
  } else {
    auto fields = std::get<2>(value.data);
    for (auto& [key, text_of_key] : fields) {
      const auto texts = put_in(text_of_key, known);
      if (!texts || texts->size() != 1)
        return std::nullopt;
      text_of_key = texts->front();
    }
    result.data = std::move(fields);
  }
  return result;
}

bool is_literal(const ParamValue& value) { return put_in(value, {}).has_value(); }

KnownParams known_params(const std::vector<ParamSpec>& declared, const RunRequest& run) {
  KnownParams known;
  for (const ParamSpec& param : declared)
    if (param.default_value && is_literal(*param.default_value))
      known[param.name.text] = *param.default_value;
  for (const Param& param : run.params)
    if (is_literal(param.value))
      known[param.name.text] = param.value;
  return known;
}

std::string join_paths(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() ? a + b : a + "/" + b;
}

// Read a `taskSpec` that holds a TaskGroup; nothing if it holds none.
std::optional<GroupSpec> decode_group(const Node& spec, const std::string& path, ApiVersion version,
                                      DecodeContext& context) {
  const ObjectReader embedded(spec, ObjectKind::embedded_group, path, version, context);
  check_group_type(embedded);
  embedded.check("metadata");
  check_annotations(embedded);
  const Node* group = embedded.find("spec");
  if (group == nullptr) {
    embedded.error("spec", "missing; it holds the TaskGroup");
    return std::nullopt;
  }
  return decode_group_spec(ObjectReader(*group, ObjectKind::task_group_spec,
                                        embedded.path_of("spec"), ApiVersion::v1, context));
}

Located decode_group_ref(const Node& reference, const std::string& path, ApiVersion version,
                         DecodeContext& context) {
  const ObjectReader referred(reference, ObjectKind::custom_ref, path, version, context);
  check_group_type(referred);
  return referred.required_text("name", "it says which TaskGroup to run");
}

EmbeddedGroup decode_one(const ObjectReader& task, const KnownParams& known,
                         const RunRequest& run) {
  EmbeddedGroup result;
  Runnable& runnable = result.runnable;
  runnable.kind = "TaskGroup";
  runnable.embedded = true;
  runnable.name = task.required_text("name", "every task needs a name").text;

  if (const Node* spec = task.find("taskSpec"); spec != nullptr) {
    if (auto group = decode_group(*spec, task.path_of("taskSpec"), task.version(), task.context()))
      runnable.group = *std::move(group);
  } else if (const Node* reference = task.find("taskRef")) {
    result.group_ref =
        decode_group_ref(*reference, task.path_of("taskRef"), task.version(), task.context());
  }

  RunRequest& request = runnable.request;
  request.where = task.where();
  request.name = runnable.name;
  request.pipeline_name = runnable.name;
  request.namespace_name = run.namespace_name;
  request.timeout = task.text("timeout");
  for (Param& param : decode_params(task)) {
    if (auto value = put_in(param.value, known))
      request.params.push_back({param.where, param.name, *std::move(value)});
    else
      runnable.open_params.push_back(std::move(param));
  }
  for (const ObjectReader& workspace : task.objects("workspaces")) {
    const Located name = workspace.required_text("name", "it says which workspace is bound");
    const Located source = workspace.text("workspace");
    const Located sub_path = workspace.text("subPath");
    for (WorkspaceBinding binding : run.workspaces)
      if (binding.name.text == (source.text.empty() ? name.text : source.text)) {
        binding.name = name;
        binding.sub_path.text = join_paths(binding.sub_path.text, sub_path.text);
        request.workspaces.push_back(std::move(binding));
      }
  }
  if (task.integer("retries") > 0)
    task.context().diagnostics.add_warning(
        task.find("retries")->where(task.path_of("retries")),
        "the whole group is tried again in a cluster only; run from a file, it is tried once");
  // When and after what the group runs is the Pipeline's business.
  task.check("when");
  for (const std::string_view field : {"runAfter", "onError"})
    task.find(field);
  return result;
}

// Says whether a taskSpec or taskRef is of our API group, in any version.
bool is_ours(const Node* object) {
  constexpr std::string_view group = "taskgroup.dev/";
  const Node* version = object == nullptr ? nullptr : object->find("apiVersion");
  return version != nullptr && version->is_string() && version->text().starts_with(group);
}

// Calls visit(element, path) for each element of a list.
template <typename Visit>
void each_of(const Node& object, const std::string& path, std::string_view field, Visit visit) {
  const Node* list = object.find(field);
  if (list == nullptr || !list->is_sequence())
    return;
  for (std::size_t i = 0; i < list->size(); ++i)
    visit(list->children()[i], fmt::format("{}.{}[{}]", path, field, i));
}

std::string name_in(const Node& param) {
  const Node* name = param.find("name");
  return name != nullptr && name->is_string() ? name->text() : std::string();
}

void read_params(const Node& task, const std::string& path, const KnownParams& known,
                 GroupTask& result) {
  Diagnostics of_tekton;
  each_of(task, path, "params", [&](const Node& param, const std::string& at) {
    const Node* value = param.find("value");
    const std::string name = name_in(param);
    auto certain = value == nullptr ? std::nullopt
                                    : put_in(decode_value(*value, at + ".value", of_tekton), known);
    if (certain)
      result.request.params.push_back(
          {param.where(at), {name, param.where(at + ".name")}, *std::move(certain)});
    else
      result.open_params.insert(name);
  });
  const Node* matrix = task.find("matrix");
  if (matrix == nullptr)
    return;
  const auto open = [&](const Node& param, const std::string&) {
    result.open_params.insert(name_in(param));
  };
  each_of(*matrix, {}, "params", open);
  each_of(*matrix, {}, "include", [&](const Node& combination, const std::string& at) {
    each_of(combination, at, "params", open);
  });
}

GroupTask read_group_task(const Node& task, const std::string& path, const KnownParams& known,
                          ApiVersion version, Diagnostics& diagnostics) {
  GroupTask result;
  std::vector<NoEffect> no_effect;
  DecodeContext context{diagnostics, no_effect, {}, false, Target::pod, nullptr, nullptr};
  if (const Node* spec = task.find("taskSpec"); is_ours(spec)) {
    auto group = decode_group(*spec, path + ".taskSpec", version, context);
    if (group && !context.incomplete)
      result.group = std::move(group);
  } else {
    result.group_ref = decode_group_ref(*task.find("taskRef"), path + ".taskRef", version, context);
  }
  result.request.where = task.where(path);
  result.request.name = name_in(task);
  result.request.pipeline_name = result.request.name;
  read_params(task, path, known, result);
  return result;
}

} // namespace

bool holds_groups(const Node& pipeline_spec) {
  for (const std::string_view field : {"tasks", "finally"})
    if (const Node* tasks = pipeline_spec.find(field))
      for (const Node& task : tasks->children())
        if (is_group(task))
          return true;
  return false;
}

std::vector<EmbeddedGroup> decode_embedded_groups(const ObjectReader& pipeline_spec,
                                                  const RunRequest& run) {
  const KnownParams known = known_params(decode_param_specs(pipeline_spec), run);
  std::vector<EmbeddedGroup> groups;
  for (const std::string_view field : {"tasks", "finally"}) {
    const Node* tasks = pipeline_spec.find(field);
    if (tasks == nullptr)
      continue;
    for (std::size_t i = 0; i < tasks->size(); ++i) {
      const Node& task = tasks->children()[i];
      if (is_group(task))
        groups.push_back(
            decode_one(ObjectReader(task, ObjectKind::pipeline_task,
                                    fmt::format("{}[{}]", pipeline_spec.path_of(field), i),
                                    pipeline_spec.version(), pipeline_spec.context()),
                       known, run));
    }
  }
  return groups;
}

std::vector<GroupTask> find_group_tasks(const Node& pipeline_spec, const std::string& path,
                                        const Node* run, ApiVersion version,
                                        Diagnostics& diagnostics) {
  KnownParams known;
  if (run != nullptr) {
    Diagnostics of_tekton;
    std::vector<NoEffect> no_effect;
    DecodeContext context{of_tekton, no_effect, {}, false, Target::pod, nullptr, nullptr};
    RunRequest request;
    request.params =
        decode_params(ObjectReader(*run, ObjectKind::pipeline_run_spec, {}, version, context));
    known = known_params(decode_param_specs(ObjectReader(pipeline_spec, ObjectKind::pipeline_spec,
                                                         path, version, context)),
                         request);
  }
  std::vector<GroupTask> found;
  for (const std::string_view field : {"tasks", "finally"})
    each_of(pipeline_spec, path, field, [&](const Node& task, const std::string& at) {
      if (is_ours(task.find("taskSpec"))
          || (task.find("taskSpec") == nullptr && is_ours(task.find("taskRef"))))
        found.push_back(read_group_task(task, at, known, version, diagnostics));
      else if (const Node* inner = task.find("pipelineSpec"))
        for (GroupTask& one :
             find_group_tasks(*inner, at + ".pipelineSpec", nullptr, version, diagnostics))
          found.push_back(std::move(one));
    });
  return found;
}

} // namespace taskgroup
