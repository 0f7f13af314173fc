// SPDX-License-Identifier: Apache-2.0
#include "core/planning/steps.h"

#include "core/planning/policies.h"
#include "core/planning/raw_json.h"
#include "core/planning/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace taskgroup {
namespace {

constexpr std::string_view default_preamble = "#!/bin/sh\nset -e\n"; // pkg/pod/script.go:37

// Return the text that a script begins with, blanks left out; late references end it.
std::string_view beginning(const Draft& script) {
  if (script.pieces().empty() || script.pieces().front().kind == Draft::Piece::Kind::late)
    return {};
  std::string_view text = script.pieces().front().text;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n\v\f"), text.size()));
  return text;
}

std::vector<Text> to_texts(const std::vector<Draft>& drafts) {
  std::vector<Text> result;
  for (const Draft& draft : drafts)
    result.push_back(draft.to_text());
  return result;
}

std::vector<Draft> elements(const std::vector<Located>& list, const Substitution& substitution) {
  std::vector<Draft> result;
  for (const Located& item : list) {
    std::vector<Draft> expanded = substitution.element(item);
    std::move(expanded.begin(), expanded.end(), std::back_inserter(result));
  }
  return result;
}

std::vector<Draft> elements(const std::vector<Draft>& list, const Where& where,
                            const Substitution& substitution) {
  std::vector<Draft> result;
  for (const Draft& item : list) {
    std::vector<Draft> expanded = substitution.element(item, where);
    std::move(expanded.begin(), expanded.end(), std::back_inserter(result));
  }
  return result;
}

bool has_items(const std::optional<std::vector<Draft>>& list) { return list && !list->empty(); }

// Return what only a pod honours, as JSON (PlanStep::container_fields).
std::string container_fields(const StepCommon& common, const Substitution& substitution) {
  std::string result;
  const auto add = [&](const char* key, const std::string& value) {
    result = merge_json(result, json_object(key, value));
  };
  if (common.raw_resources)
    add("resources", plain_json(common.raw_resources));
  if (common.security_context)
    add("securityContext", plain_json(common.security_context));
  if (common.env_from)
    add("envFrom", known_json(common.env_from, substitution, "envFrom"));
  if (!common.image_pull_policy.text.empty())
    add("imagePullPolicy",
        quoted_json(substitution.known(common.image_pull_policy, "imagePullPolicy")));
  return result;
}

// Find out what a step with neither command nor script runs (taskrun-semantics.md 2.5).
void look_up_command(const Step& step, const DraftCommon& merged, const StepContext& context,
                     Diagnostics& diagnostics, PlanStep& planned) {
  const Facts& facts = context.facts;
  const auto found = facts.images.find(planned.image);
  if (found == facts.images.end()
      || (found->second.entrypoint.empty() && found->second.cmd.empty())) {
    diagnostics.add_error(step.where,
                          fmt::format("the {} says neither what command nor what script to run, "
                                      "and what the image \"{}\" would run is not known here; add "
                                      "a command or a script{}",
                                      context.sidecar ? "sidecar" : "step", planned.image,
                                      context.sidecar ? ", or set `run.sidecars: fromStart`" : ""));
    return;
  }
  const ImageCommand& image = found->second;
  for (const std::string& part : image.entrypoint.empty() ? image.cmd : image.entrypoint)
    planned.command.emplace_back(part);
  if (!image.entrypoint.empty() && !has_items(merged.args)) {
    for (const std::string& part : image.cmd)
      planned.args.emplace_back(part);
  }
}

// Report what variables are to come from and is not there. The JSON of envFrom may be a template's.
void check_given(const Step& step, const DraftCommon& merged, const GivenObjects& given,
                 Diagnostics& diagnostics) {
  for (const DraftEnv& variable : merged.env) {
    if (variable.value_from.empty())
      continue;
    if (const auto found = given_value(variable.value_from, given); !found)
      diagnostics.add_error(variable.where, found.error());
  }
  if (const std::string sources = json_field(merged.container_fields, "envFrom"); !sources.empty())
    if (const auto found = given_variables(sources, given); !found)
      diagnostics.add_error(
          step.env_from ? step.env_from.node.where(step.env_from.path) : step.where, found.error());
}

// Merge variables by name. The order decides which may refer to which as `$(NAME)`: it is that of a
// strategic merge patch (mergeSortedSlice), in which one of the template's own comes before the
// first of the step's that stands after it in the template, and else behind them all.
std::vector<DraftEnv> merge_env(const std::vector<DraftEnv>& lower, std::vector<DraftEnv> upper) {
  const auto place = [](const std::vector<DraftEnv>& list, const DraftEnv& wanted) {
    return std::find_if(list.begin(), list.end(),
                        [&](const DraftEnv& candidate) { return candidate.name == wanted.name; });
  };
  std::vector<DraftEnv> result;
  auto next = upper.begin();
  for (auto own = lower.begin(); own != lower.end(); ++own) {
    if (place(upper, *own) != upper.end())
      continue;
    for (; next != upper.end(); ++next) {
      const auto in_lower = place(lower, *next);
      if (in_lower != lower.end() && in_lower > own)
        break;
      result.push_back(*next);
    }
    result.push_back(*own);
  }
  result.insert(result.end(), std::move_iterator(next), std::move_iterator(upper.end()));
  return result;
}

} // namespace

DraftCommon draft_common(const StepCommon& common, const Substitution& substitution) {
  DraftCommon result;
  result.image = substitution.text(common.image);
  result.image_where = common.image.where;
  if (common.command)
    result.command = elements(*common.command, substitution);
  if (common.args)
    result.args = elements(*common.args, substitution);
  for (const EnvVar& variable : common.env)
    result.env.push_back({variable.name.text, substitution.text(variable.value),
                          variable.value_from
                              ? known_json(variable.value_from, substitution, "valueFrom")
                              : std::string(),
                          variable.value_from.node.where(variable.value_from.path)});
  result.working_dir = substitution.text(common.working_dir);
  result.mounts = resolve_mounts(common.volume_mounts, substitution);
  result.container_fields = container_fields(common, substitution);
  return result;
}

DraftCommon draft_common(const DraftCommon& common, const Substitution& substitution) {
  DraftCommon result;
  const Where& where = common.image_where;
  result.image = substitution.text(common.image, where);
  result.image_where = where;
  if (common.command)
    result.command = elements(*common.command, where, substitution);
  if (common.args)
    result.args = elements(*common.args, where, substitution);
  for (const DraftEnv& variable : common.env)
    result.env.push_back({variable.name, substitution.text(variable.value, where),
                          variable.value_from, variable.where});
  result.working_dir = substitution.text(common.working_dir, where);
  result.mounts = common.mounts;
  result.container_fields = common.container_fields;
  return result;
}

DraftCommon merge_common(const DraftCommon& lower, DraftCommon upper) {
  if (upper.image.empty()) {
    upper.image = lower.image;
    upper.image_where = lower.image_where;
  }
  if (!has_items(upper.command))
    upper.command = lower.command;
  if (!has_items(upper.args))
    upper.args = lower.args;
  if (upper.working_dir.empty())
    upper.working_dir = lower.working_dir;

  upper.env = merge_env(lower.env, std::move(upper.env));

  for (const UserMount& mount : lower.mounts) {
    const bool replaced =
        std::any_of(upper.mounts.begin(), upper.mounts.end(),
                    [&](const UserMount& candidate) { return candidate.path == mount.path; });
    if (!replaced)
      upper.mounts.push_back(mount);
  }
  upper.container_fields = merge_json(lower.container_fields, upper.container_fields);
  return upper;
}

std::string step_name(const Step& step, std::size_t index) {
  return step.name.text.empty() ? fmt::format("unnamed-{}", index) : step.name.text;
}

std::optional<Reference> step_result_of(const std::string& text) {
  const std::vector<Variable> variables = find_variables(text);
  if (variables.size() != 1 || variables[0].begin != 0 || variables[0].end != text.size())
    return std::nullopt;
  std::optional<Reference> reference = Reference::parse(variables[0].name);
  const bool whole = reference && reference->kind == Reference::Kind::step_result
                     && reference->part == Reference::Part::whole;
  return whole ? reference : std::nullopt;
}

std::string step_folder(const std::string& step_name, std::size_t index) {
  return step_name.empty() ? fmt::format("step-unnamed-{}", index) : "step-" + step_name;
}

PlanWhen plan_when(const WhenExpression& expression, const Substitution& substitution) {
  PlanWhen result;
  result.input = substitution.input(expression.input).to_text();
  result.negated = expression.op.text == "notin";
  for (const Located& value : expression.values) {
    for (const Draft& item : substitution.element(value))
      result.values.push_back(item.to_text());
  }
  return result;
}

std::vector<PlanResult> plan_results(const std::vector<ResultSpec>& declared) {
  std::vector<PlanResult> results;
  for (const ResultSpec& result : declared)
    results.push_back(
        {result.name.text, result.type, result.keys, step_result_of(result.value.text)});
  return results;
}

PlanStep plan_step(const Step& step, std::size_t index, const StepContext& context,
                   const Substitution& substitution, const Substitution& program) {
  Diagnostics& diagnostics = substitution.diagnostics();
  const DraftCommon merged = merge_common(context.step_template, draft_common(step, program));

  PlanStep result;
  result.name = substitution.known(step.name, "the name of a step");
  if (result.name.empty())
    result.name = fmt::format("unnamed-{}", index);
  result.container = context.containers.make(
      fmt::format("{}-{}-{}", context.sidecar ? "sidecar" : "step", context.task, result.name),
      fmt::format("{}/{}{}/{}", context.task, context.sidecar ? "sidecar/" : "", index,
                  result.name));

  if (std::optional<std::string> image = merged.image.known())
    result.image = *std::move(image);
  else
    diagnostics.add_error(merged.image_where,
                          fmt::format("\"$({})\" is known only while the group runs and cannot be "
                                      "part of an image, which is pulled before; use a param",
                                      merged.image.first_late()->name()));

  if (merged.args)
    result.args = to_texts(*merged.args);
  if (step.script && !step.script->text.empty()) {
    const Draft script = program.text(*step.script);
    const std::string_view begin = beginning(script);
    if (begin.starts_with("#!win"))
      diagnostics.add_error(step.script->where, "scripts for Windows are not supported; all steps "
                                                "of a group run in one Linux pod");
    Text text;
    if (!begin.starts_with("#!"))
      text.append(default_preamble);
    text.append(script.to_text());
    result.script = std::move(text);
  } else if (has_items(merged.command)) {
    result.command = to_texts(*merged.command);
  } else if (!context.commands_later) {
    look_up_command(step, merged, context, diagnostics, result);
  }

  for (const DraftEnv& variable : merged.env)
    result.env.push_back({variable.name, variable.value.to_text(), variable.value_from});
  result.container_fields = merged.container_fields;
  if (!context.pod)
    check_given(step, merged, context.facts.given, diagnostics);
  result.working_dir = merged.working_dir.to_text();
  result.working_dir.for_each_reference([&](const Reference& reference) {
    if (reference.kind == Reference::Kind::step_result)
      diagnostics.add_error(step.working_dir.where,
                            fmt::format("\"$({})\" comes here by a param, and the result of a step "
                                        "cannot be part of a workingDir; use it in command, args "
                                        "or env",
                                        reference.name()));
  });
  plan_policies(step, substitution, result);
  for (const WhenExpression& expression : step.when)
    result.when.push_back(plan_when(expression, substitution));
  result.results = plan_results(step.results);
  result.stdout_path = substitution.text(step.stdout_path).to_text();
  result.stderr_path = substitution.text(step.stderr_path).to_text();
  result.mounts = context.volumes.mounts_of(step, merged.mounts, substitution, !context.sidecar);
  return result;
}

} // namespace taskgroup
