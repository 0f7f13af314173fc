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

void decode_common(const ObjectReader& reader, StepCommon& step) {
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
  const char* const resources_field =
      reader.version() == ApiVersion::v1 ? "computeResources" : "resources";
  const auto resources = reader.object(resources_field);
  if (resources) {
    step.resources = {decode_quantities(*resources, "requests"),
                      decode_quantities(*resources, "limits")};
    resources->find("claims");
    step.raw_resources = reader.raw(resources_field);
  }
  reader.check("securityContext");
  step.security_context = reader.raw("securityContext");
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
  if (reader.is_refused()) { // a StepAction would bring these
    const Located stand_in{"refused", reader.where()};
    if (step.image.text.empty())
      step.image = stand_in;
    if (!step.script && !step.command)
      step.command = {stand_in};
  }
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
