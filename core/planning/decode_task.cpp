// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include "core/planning/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace taskgroup {
namespace {

constexpr std::array<std::string_view, 3> type_names = {"string", "array", "object"};

std::optional<ValueType> decode_type(const ObjectReader& reader) {
  const Located type = reader.text("type");
  if (type.text.empty())
    return std::nullopt;
  for (std::size_t i = 0; i < type_names.size(); ++i)
    if (type.text == type_names[i])
      return static_cast<ValueType>(i);
  reader.error("type", fmt::format("found \"{}\", expected \"string\", \"array\" or \"object\"{}",
                                   type.text, did_you_mean(type.text, type_names)));
  return std::nullopt;
}

std::vector<std::string> decode_properties(const ObjectReader& reader) {
  std::vector<std::string> keys;
  for (const auto& [key, property] : reader.object_map("properties")) {
    keys.push_back(key);
    const Located type = property.text("type");
    if (!type.text.empty() && type.text != "string")
      property.error("type",
                     fmt::format("found \"{}\", expected \"string\": the values of an object "
                                 "are strings",
                                 type.text));
  }
  return keys;
}

std::optional<std::vector<Located>> optional_texts(const ObjectReader& reader,
                                                   std::string_view field) {
  // An empty list is none to Tekton too (`omitempty`).
  std::vector<Located> texts = reader.texts(field);
  if (texts.empty())
    return std::nullopt;
  return texts;
}

Quantities decode_quantities(const ObjectReader& reader, std::string_view field) {
  Quantities result;
  const Node* node = reader.find(field);
  if (node == nullptr)
    return result;
  for (std::size_t i = 0; i < node->size(); ++i) {
    const Node& value = node->children()[i];
    const std::string& name = node->keys()[i].name;
    result[name] = {value.is_string() ? value.text() : value.to_json(),
                    value.where(reader.path_of(field) + "." + name)};
  }
  return result;
}

std::vector<Located> decode_ports(const ObjectReader& reader) {
  std::vector<Located> result;
  const Node* ports = reader.node().find("ports");
  if (ports == nullptr || reader.version() == ApiVersion::v1)
    return result;
  for (std::size_t i = 0; i < ports->size(); ++i)
    if (const Node* port = ports->children()[i].find("containerPort"))
      result.push_back({port->text(), port->where(fmt::format("{}[{}].containerPort",
                                                              reader.path_of("ports"), i))});
  return result;
}

// What a step may take from a StepAction as well.
void decode_program(const ObjectReader& reader, StepCommon& step) {
  step.where = reader.where();
  step.image = reader.text("image");
  step.command = optional_texts(reader, "command");
  step.args = optional_texts(reader, "args");
  step.working_dir = reader.text("workingDir");
  for (const ObjectReader& env : reader.objects("env"))
    step.env.push_back({env.where(), env.required_text("name", "every variable needs a name"),
                        env.text("value"), env.raw("valueFrom")});
  for (const ObjectReader& mount : reader.objects("volumeMounts"))
    step.volume_mounts.push_back(
        {mount.where(), mount.required_text("name", "it says which of `volumes` is mounted"),
         mount.required_text("mountPath", "it says where the volume is mounted"),
         mount.text("subPath"), mount.boolean("readOnly")});
}

void decode_security_context(const ObjectReader& reader, StepCommon& step) {
  reader.check("securityContext");
  step.security_context = reader.raw("securityContext");
}

void decode_common(const ObjectReader& reader, StepCommon& step) {
  decode_program(reader, step);
  const char* const resources_field =
      reader.version() == ApiVersion::v1 ? "computeResources" : "resources";
  const auto resources = reader.object(resources_field);
  if (resources) {
    step.resources = {decode_quantities(*resources, "requests"),
                      decode_quantities(*resources, "limits")};
    resources->find("claims");
    step.raw_resources = reader.raw(resources_field);
  }
  decode_security_context(reader, step);
  step.image_pull_policy = reader.text("imagePullPolicy");
  step.env_from = reader.raw("envFrom");
  step.ports = decode_ports(reader);
}

ResultSpec decode_result(const ObjectReader& reader) {
  ResultSpec result;
  result.where = reader.where();
  result.name = reader.required_text("name", "every result needs a name");
  result.keys = decode_properties(reader);
  result.type = decode_type(reader).value_or(reader.has("properties") ? ValueType::object
                                                                      : ValueType::string);
  return result;
}

// Take a result for the one of its name if there is one: stock takes several, and the last one's
// type counts (pkg/reconciler/taskrun/validate_taskrun.go mismatchedTypesResults).
void add_result(ResultSpec result, const ObjectReader& reader, std::vector<ResultSpec>& results) {
  const auto first = std::find_if(results.begin(), results.end(), [&](const ResultSpec& other) {
    return other.name.text == result.name.text;
  });
  if (first == results.end() || result.name.text.empty()) {
    results.push_back(std::move(result));
    return;
  }
  reader.context().diagnostics.add_warning(
      result.name.where,
      fmt::format("the result \"{}\" is declared before, too; this one counts", result.name.text));
  *first = std::move(result);
}

// A name as Kubernetes has them, not an URL; variables mean nothing in it (validateRef()).
bool is_action_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'
           || c == '.' || c == '_';
  });
}

// A step may say little beside `ref` (container_validation.go, Step.Validate).
void decode_ref(const ObjectReader& reader, Step& step) {
  constexpr std::array<std::string_view, 8> of_action = {
      "image", "command", "args", "script", "env", "workingDir", "volumeMounts", "results"};
  step.params = decode_params(reader);
  if (const auto ref = reader.object("ref")) {
    const Located name = ref->text("name");
    if (name.text.empty() && !ref->is_refused())
      ref->error("name", "missing; it says which StepAction is meant");
    if (!is_action_name(name.text))
      ref->error("name", fmt::format("found \"{}\", expected the name of a StepAction; variables "
                                     "are not replaced in it, and URLs are not taken",
                                     name.text.substr(0, 80)));
    step.ref = name;
    for (const std::string_view field : of_action)
      if (reader.has(field))
        reader.error(field, "given beside `ref`; the StepAction says it, leave it out here");
    if (const Node* own = reader.find("securityContext"))
      reader.context().diagnostics.add_warning(
          own->where(reader.path_of("securityContext")),
          "has no effect beside `ref`: the StepAction's takes its place, even where it has none, "
          "as in Tekton");
  } else if (reader.has("params") && !reader.is_written("ref")) {
    reader.error("params", "given without `ref`; they are for a StepAction. A step that is written "
                           "out uses the params of its Task");
  }
}

// The fields that a step and a sidecar have in common.
Step decode_step_fields(const ObjectReader& reader) {
  Step step;
  decode_common(reader, step);
  if (const Located script = reader.text("script"); !script.text.empty())
    step.script = script;
  for (const ObjectReader& workspace : reader.objects("workspaces"))
    step.workspaces.push_back({workspace.where(),
                               workspace.required_text("name", "it says which workspace is meant"),
                               workspace.text("mountPath")});
  return step;
}

Step decode_step(const ObjectReader& reader) {
  Step step = decode_step_fields(reader);
  step.name = reader.text("name");
  decode_ref(reader, step);
  step.on_error = reader.text("onError");
  step.timeout = reader.text("timeout");
  step.when = decode_when(reader);
  for (const ObjectReader& result : reader.objects("results"))
    add_result(decode_result(result), result, step.results);
  for (const auto& [field, path] :
       {std::pair("stdoutConfig", &step.stdout_path), std::pair("stderrConfig", &step.stderr_path)})
    if (const auto output = reader.object(field))
      *path = output->required_text("path", "it says which file gets a copy of the output");
  return step;
}

Sidecar decode_sidecar(const ObjectReader& reader) {
  Sidecar sidecar;
  static_cast<Step&>(sidecar) = decode_step_fields(reader);
  sidecar.name = reader.text("name");
  if (sidecar.name.text.empty()) // stock's container is `sidecar` then, so that there can be one
    sidecar.name = {"unnamed", reader.where()};
  sidecar.ports.clear();
  for (const ObjectReader& port : reader.objects("ports"))
    if (const Node* number = port.find("containerPort"))
      sidecar.ports.push_back({number->text(), number->where(port.path_of("containerPort"))});
  reader.check("ports");
  sidecar.raw_ports = reader.raw("ports");
  const auto raw = [&reader](std::string_view field) {
    reader.check(field);
    return reader.raw(field);
  };
  sidecar.startup_probe = raw("startupProbe");
  sidecar.readiness_probe = raw("readinessProbe");
  sidecar.liveness_probe = raw("livenessProbe");
  sidecar.lifecycle = raw("lifecycle");
  return sidecar;
}

Volume decode_volume(const ObjectReader& reader) {
  Volume volume;
  volume.where = reader.where();
  volume.name = reader.required_text("name", "every volume needs a name");
  if (const auto empty_dir = reader.object("emptyDir")) {
    const EmptyDir decoded = decode_empty_dir(*empty_dir);
    volume.memory = decoded.memory;
    volume.size_limit = decoded.size_limit;
  } // a volume without a source is an emptyDir to Kubernetes
  for (const Field& field : fields_of(ObjectKind::volume).fields) {
    if (field.type != FieldType::object || field.name == "emptyDir" || !field.is_read()
        || !reader.has(field.name))
      continue;
    if (!volume.kind.empty() || reader.has("emptyDir"))
      reader.error(field.name, "given beside another source; a volume has one");
    volume.kind = field.name;
    volume.source = {*reader.find(field.name), reader.path_of(field.name)};
  }
  return volume;
}

ParamSpec decode_param_spec(const ObjectReader& reader) {
  ParamSpec param;
  param.where = reader.where();
  param.name = reader.required_text("name", "every param needs a name");
  param.keys = decode_properties(reader);
  param.allowed = reader.texts("enum");
  const Node* fallback = reader.find("default");
  if (fallback != nullptr && !fallback->is_null())
    param.default_value =
        decode_value(*fallback, reader.path_of("default"), reader.context().diagnostics);
  if (const auto type = decode_type(reader))
    param.type = *type;
  else if (reader.has("properties"))
    param.type = ValueType::object;
  else if (param.default_value)
    param.type = param.default_value->type();
  return param;
}

} // namespace

ParamValue decode_value(const Node& node, const std::string& path, Diagnostics& diagnostics) {
  ParamValue value;
  value.where = node.where(path);
  const auto is_text = [](const Node& n) { return n.is_string() || n.is_null(); };
  const auto as_text = [&](const Node& n, const std::string& p) {
    return Located{n.is_null() ? std::string() : n.text(), n.where(p)};
  };
  const auto children = node.children();
  if (!node.is_scalar() && !std::all_of(children.begin(), children.end(), is_text)) {
    const auto odd = std::find_if_not(children.begin(), children.end(), is_text);
    const auto index = static_cast<std::size_t>(odd - children.begin());
    const std::string part = node.is_sequence()
                                 ? fmt::format("{}[{}]", path, index)
                                 : fmt::format("{}.{}", path, node.keys()[index].name);
    diagnostics.add_warning(
        odd->where(part),
        fmt::format("found {}, so that Tekton takes all of it for one text, its JSON{}",
                    describe(*odd), odd->is_scalar() ? "; put it in quotes" : ""));
    value.data = Located{node.to_json(), value.where};
  } else if (node.is_sequence()) {
    std::vector<Located> items;
    for (std::size_t i = 0; i < children.size(); ++i)
      items.push_back(as_text(children[i], fmt::format("{}[{}]", path, i)));
    value.data = std::move(items);
  } else if (node.is_mapping()) {
    std::vector<std::pair<std::string, Located>> fields;
    for (std::size_t i = 0; i < children.size(); ++i) {
      const std::string& key = node.keys()[i].name;
      fields.emplace_back(key, as_text(children[i], fmt::format("{}.{}", path, key)));
    }
    value.data = std::move(fields);
  } else if (node.is_string() || node.is_null()) {
    value.data = as_text(node, path);
  } else {
    value.data = Located{node.to_json(), value.where};
  }
  return value;
}

std::vector<Param> decode_params(const ObjectReader& reader) {
  std::vector<Param> params;
  for (const ObjectReader& param : reader.objects("params")) {
    Param decoded;
    decoded.where = param.where();
    decoded.name = param.required_text("name", "every param needs a name");
    if (const Node* value = param.find("value"))
      decoded.value = decode_value(*value, param.path_of("value"), param.context().diagnostics);
    else
      param.error("value", "missing; every param that is passed needs a value");
    params.push_back(std::move(decoded));
  }
  return params;
}

std::vector<ParamSpec> decode_param_specs(const ObjectReader& reader) {
  std::vector<ParamSpec> params;
  for (const ObjectReader& param : reader.objects("params"))
    params.push_back(decode_param_spec(param));
  return params;
}

std::vector<WhenExpression> decode_when(const ObjectReader& reader) {
  std::vector<WhenExpression> result;
  for (const ObjectReader& when : reader.objects("when")) {
    WhenExpression expression{when.where(), when.text("input"), when.text("operator"),
                              when.texts("values")};
    if (!when.is_refused())
      result.push_back(std::move(expression));
  }
  return result;
}

StepAction decode_step_action(const ObjectReader& reader) {
  StepAction action;
  decode_program(reader, action.step);
  decode_security_context(reader, action.step);
  if (!reader.has("image"))
    reader.error("image", "missing; Tekton wants one in every StepAction");
  action.params = decode_param_specs(reader);
  for (const ParamSpec& param : action.params)
    if (!param.allowed.empty())
      reader.context().diagnostics.add_warning(
          param.where, fmt::format("the enum of \"{}\" is not checked: Tekton does not look at it "
                                   "in a StepAction",
                                   param.name.text));
  if (const Located script = reader.text("script"); !script.text.empty())
    action.step.script = script;
  for (const ObjectReader& result : reader.objects("results"))
    add_result(decode_result(result), result, action.step.results);
  return action;
}

EmptyDir decode_empty_dir(const ObjectReader& reader) {
  EmptyDir result;
  const Located medium = reader.text("medium");
  if (medium.text == "Memory")
    result.memory = true;
  else if (!medium.text.empty())
    reader.error("medium", fmt::format("found \"{}\", expected \"\" or \"Memory\"", medium.text));
  result.size_limit = reader.text("sizeLimit");
  return result;
}

StepCommon decode_step_template(const ObjectReader& reader) {
  StepCommon step;
  decode_common(reader, step);
  return step;
}

TaskSpec decode_task_spec(const ObjectReader& reader) {
  TaskSpec task;
  task.where = reader.where();
  task.params = decode_param_specs(reader);
  for (const ObjectReader& workspace : reader.objects("workspaces"))
    task.workspaces.push_back({workspace.where(),
                               workspace.required_text("name", "every workspace needs a name"),
                               workspace.text("mountPath"), workspace.boolean("readOnly"),
                               workspace.boolean("optional")});
  for (const ObjectReader& result : reader.objects("results")) {
    ResultSpec decoded = decode_result(result);
    decoded.value = result.text("value");
    add_result(std::move(decoded), result, task.results);
  }
  for (const ObjectReader& volume : reader.objects("volumes"))
    task.volumes.push_back(decode_volume(volume));
  if (const auto step_template = reader.object("stepTemplate"))
    task.step_template = decode_step_template(*step_template);
  for (const ObjectReader& step : reader.objects("steps"))
    task.steps.push_back(decode_step(step));
  for (const ObjectReader& sidecar : reader.objects("sidecars"))
    task.sidecars.push_back(decode_sidecar(sidecar));
  return task;
}

} // namespace taskgroup
