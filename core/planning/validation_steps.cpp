// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>
#include <taskgroup/text.h>

#include "core/planning/step_actions.h"
#include "core/planning/steps.h"
#include "core/planning/validation.h"
#include "core/planning/variables.h"

#include <algorithm>
#include <array>

namespace taskgroup::validation {
namespace {

using Whole = FieldRule::Whole;

// Result names as upstream's ResultNameFormat.
bool is_result_name(std::string_view name) {
  const auto is_end = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && is_end(name.front()) && is_end(name.back())
         && std::all_of(name.begin(), name.end(),
                        [&](char c) { return is_end(c) || c == '-' || c == '_' || c == '.'; });
}

// Say whether a param for an object is passed `$(params.x[*])` of a string: Tekton leaves that as
// it is and takes the default, as its own examples do (bind_step_params()).
bool falls_back(const Param& param, const std::vector<ParamSpec>& declared,
                const ReferenceCheck& references) {
  const auto* text = std::get_if<Located>(&param.value.data);
  if (text == nullptr || !text->text.ends_with("[*])"))
    return false;
  const std::vector<Variable> variables = find_variables(text->text);
  if (variables.size() != 1 || variables[0].begin != 0 || variables[0].end != text->text.size())
    return false;
  const VariableName name = parse_variable_name(variables[0].name);
  if (name.parts.size() != 2 || name.parts[0] != "params")
    return false;
  const ParamSpec* passed = references.find_param(name.parts[1]);
  return passed != nullptr && passed->type == ValueType::string
         && std::any_of(declared.begin(), declared.end(), [&](const ParamSpec& spec) {
              return spec.name.text == param.name.text && spec.type == ValueType::object
                     && spec.default_value;
            });
}

} // namespace

void check_when(const std::vector<WhenExpression>& expressions, const ReferenceCheck& references,
                bool of_step, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 2> operators = {"in", "notin"};
  for (const WhenExpression& when : expressions) {
    if (std::find(operators.begin(), operators.end(), when.op.text) == operators.end())
      diagnostics.add_error(when.op.text.empty() ? when.where : when.op.where,
                            fmt::format("found the operator \"{}\", expected \"in\" or \"notin\"{}",
                                        when.op.text, did_you_mean(when.op.text, operators)));
    if (when.values.empty())
      diagnostics.add_error(when.where, "missing values; the input is looked for among them");
    references.text(when.input,
                    {.field = "an input", .whole = Whole::input, .step_results = of_step});
    references.texts(when.values,
                     {.field = "a value", .whole = Whole::element, .step_results = of_step});
  }
}

void check_results(const std::vector<ResultSpec>& results, Diagnostics& diagnostics) {
  for (const ResultSpec& result : results) {
    const std::string& name = result.name.text;
    if (!name.empty() && !is_result_name(name))
      diagnostics.add_error(
          result.name.where,
          fmt::format(
              "found \"{}\", expected letters, digits, dashes, underscores and dots, with a "
              "letter or digit at both ends",
              name.substr(0, 80)));
    if (result.type == ValueType::object && result.keys.empty())
      diagnostics.add_error(
          result.where, fmt::format("the result \"{}\" is an object and lacks `properties`, which "
                                    "name its keys",
                                    name));
  }
}

void check_result_values(const TaskSpec& spec, Diagnostics& diagnostics) {
  for (const ResultSpec& result : spec.results) {
    if (result.value.text.empty())
      continue;
    const auto refuse = [&](const std::string& problem) {
      diagnostics.add_error(result.value.where,
                            fmt::format("found \"{}\"; {}", result.value.text, problem));
    };
    const std::optional<Reference> from = step_result_of(result.value.text);
    if (!from) {
      refuse("the value of a Task's result is one result of a step, "
             "$(steps.<step>.results.<result>), and nothing else");
      continue;
    }
    std::vector<std::string> names;
    const Step* step = nullptr;
    for (std::size_t i = 0; i < spec.steps.size(); ++i) {
      names.push_back(step_name(spec.steps[i], i));
      if (names.back() == from->task)
        step = &spec.steps[i];
    }
    if (step == nullptr) {
      if (std::none_of(names.begin(), names.end(), has_variables))
        refuse(
            fmt::format("there is no step \"{}\"{}", from->task, did_you_mean(from->task, names)));
      continue;
    }
    std::vector<std::string_view> declared;
    const ResultSpec* found = nullptr;
    for (const ResultSpec& of_step : step->results) {
      declared.push_back(of_step.name.text);
      if (of_step.name.text == from->result)
        found = &of_step;
    }
    if (is_unresolved(*step))
      continue;
    if (found == nullptr)
      refuse(fmt::format("the step \"{}\" has no result \"{}\"{}", from->task, from->result,
                         did_you_mean(from->result, declared)));
    else if (found->type != result.type)
      refuse(
          fmt::format("the step's result is declared as {} and the Task's as {}; declare them as "
                      "one type",
                      to_string(found->type), to_string(result.type)));
  }
}

void check_step_extras(const Step& step, const ReferenceCheck& references,
                       Diagnostics& diagnostics) {
  check_when(step.when, references, true, diagnostics);
  check_results(step.results, diagnostics);
  for (const Located* path : {&step.stdout_path, &step.stderr_path})
    references.text(*path, {.field = "a path"});
}

void check_step_action(const Step& step, const ReferenceCheck& references,
                       Diagnostics& diagnostics) {
  const std::vector<ParamSpec> declared = step.action_params.value_or(std::vector<ParamSpec>());
  for (const Param& param : step.params)
    if (!falls_back(param, declared, references))
      references.value(param.value,
                       {.field = "a param", .whole = Whole::element, .step_results = true});
  if (!step.action_params)
    return;
  check_unique(step.params, "param", diagnostics);
  std::vector<std::string_view> known;
  for (const ParamSpec& spec : declared)
    known.push_back(spec.name.text);
  for (const Param& param : step.params)
    if (std::find(known.begin(), known.end(), param.name.text) == known.end())
      diagnostics.add_error(param.name.where,
                            fmt::format("the StepAction \"{}\" declares no param \"{}\"{}",
                                        step.ref->text, param.name.text,
                                        did_you_mean(param.name.text, known)));
  for (const ParamSpec& spec : declared) {
    const bool passed =
        std::any_of(step.params.begin(), step.params.end(),
                    [&](const Param& param) { return param.name.text == spec.name.text; });
    if (!passed && !spec.default_value)
      diagnostics.add_error(step.ref->where,
                            fmt::format("the step passes no value for the param \"{}\" of the "
                                        "StepAction \"{}\", which has no default",
                                        spec.name.text, step.ref->text));
  }
}

void check_action(const Step& step, const ReferenceCheck& references, Diagnostics& diagnostics) {
  check_param_specs(*step.action_params, NameFormat::variable, diagnostics);
  for (const ParamSpec& spec : *step.action_params)
    if (spec.default_value)
      references.value(*spec.default_value, {.field = "a default", .step_results = true});
  for (const Variable& variable :
       step.script ? find_variables(step.script->text) : std::vector<Variable>()) {
    const VariableName name = parse_variable_name(variable.name);
    if (name.parts[0] == "params")
      diagnostics.add_error(step.script->where,
                            fmt::format("\"$({})\": the script of a StepAction has no params; give "
                                        "them to it as variables under `env`, or as `args`",
                                        variable.name));
    if (name.parts[0] != "results" || name.parts.size() != 3)
      continue;
    const bool declared =
        std::any_of(step.results.begin(), step.results.end(),
                    [&](const ResultSpec& result) { return result.name.text == name.parts[1]; });
    if (!declared)
      diagnostics.add_error(step.script->where,
                            fmt::format("\"$({})\": the StepAction declares no result \"{}\"",
                                        variable.name, name.parts[1]));
  }
  for (const VolumeMount& mount : step.volume_mounts) {
    const std::vector<Variable> variables = find_variables(mount.name.text);
    if (variables.size() != 1 || variables[0].begin != 0
        || variables[0].end != mount.name.text.size() || !variables[0].name.starts_with("params"))
      diagnostics.add_error(mount.name.where,
                            fmt::format("found \"{}\"; a StepAction mounts a volume that a param "
                                        "names, $(params.<param>), for volumes are the Task's",
                                        mount.name.text));
  }
}

} // namespace taskgroup::validation
