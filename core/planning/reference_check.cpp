// SPDX-License-Identifier: Apache-2.0
#include "core/planning/reference_check.h"

#include <taskgroup/nearest.h>
#include <taskgroup/text.h>

#include "core/planning/matrix.h"
#include "core/planning/step_actions.h"
#include "core/planning/steps.h"
#include "core/planning/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace taskgroup {
namespace {

using Names = std::vector<std::string_view>;

constexpr std::array<std::string_view, 4> group_contexts = {
    "context.pipelineRun.name", "context.pipelineRun.namespace", "context.pipelineRun.uid",
    "context.pipeline.name"};
constexpr std::string_view task_retries = "context.pipelineTask.retries";
constexpr std::array<std::string_view, 5> task_contexts = {
    "context.taskRun.name", "context.taskRun.namespace", "context.taskRun.uid", "context.task.name",
    "context.task.retry-count"};

// First parts of variables. `step`, `artifacts` and `finally` are known, though not everywhere.
constexpr std::array<std::string_view, 11> prefixes = {
    "params", "tasks", "finally", "context",     "workspaces", "results",
    "steps",  "step",  "inputs",  "credentials", "artifacts"};

std::string join(const std::vector<std::string>& parts, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i)
    text += (i == begin ? "" : ".") + parts[i];
  return text;
}

template <typename Items>
auto find_named(const Items& items, std::string_view name) {
  const auto found = std::find_if(items.begin(), items.end(),
                                  [&](const auto& item) { return item.name.text == name; });
  return found == items.end() ? nullptr : &*found;
}

template <typename Items>
Names names_of(const Items& items) {
  Names names;
  for (const auto& item : items)
    names.push_back(item.name.text);
  return names;
}

// Tell whether a variable is known inside a Task only.
bool is_of_task(const VariableName& name, std::string_view written) {
  const std::string& first = name.parts[0];
  return first == "results" || first == "credentials" || first == "steps"
         || written.starts_with("context.task.") || written.starts_with("context.taskRun.")
         || (first == "workspaces" && name.parts.size() > 2 && name.parts.back() != "bound");
}

std::string_view article(ValueType type) { return type == ValueType::string ? "a" : "an"; }

} // namespace

ReferenceCheck::Meaning ReferenceCheck::fail(const Where& where, std::string message) const {
  m_diagnostics.add_error(where, std::move(message));
  return {};
}

bool ReferenceCheck::sees_group() const { return m_level != Level::task || m_task->embedded; }

const ParamSpec* ReferenceCheck::find_param(std::string_view name) const {
  if (m_in_action)
    return find_named(*m_task->spec->steps[*m_step].action_params, name);
  if (m_level == Level::task && m_task->spec != nullptr)
    if (const ParamSpec* own = find_named(m_task->spec->params, name))
      return own;
  return sees_group() ? m_group.param(name) : nullptr;
}

// A dot may belong to the name or lead to a key, so the longest name that is declared counts.
ReferenceCheck::Meaning ReferenceCheck::param(const VariableName& name, const std::string& written,
                                              const FieldRule& rule, const Where& where) const {
  const std::size_t begin = name.parts[0] == "inputs" ? 2 : 1;
  const std::size_t size = name.parts.size();
  for (std::size_t end = size; end > begin; --end)
    if (const ParamSpec* found = find_param(join(name.parts, begin, end)))
      return part_of_param(*found, name, join(name.parts, end, size), written, where);

  // An embedded Task may use params that its task passes without declaring them.
  if (m_level == Level::task && m_task->embedded && size > begin && !m_in_action)
    for (std::size_t end = size; end > begin; --end)
      if (find_named(m_task->task->params, join(name.parts, begin, end)) != nullptr
          || matrix_passes(*m_task->task, join(name.parts, begin, end)))
        return {true, std::nullopt, m_late_params.contains(join(name.parts, begin, end)), false};

  Names known;
  if (m_in_action)
    known = names_of(*m_task->spec->steps[*m_step].action_params);
  else if (m_level == Level::task && m_task->spec != nullptr)
    known = names_of(m_task->spec->params);
  if (sees_group() && !m_in_action)
    for (const std::string_view of_group : m_group.param_names())
      known.push_back(of_group);
  const std::string wanted = size > begin ? name.parts[begin] : std::string();
  const std::string hint = did_you_mean(wanted, known);
  if (rule.of_default) { // stock's webhook looks at steps only (ValidateUsageOfDeclaredParameters)
    m_diagnostics.add_warning(where, fmt::format("\"$({})\": the param \"{}\" is not declared, so "
                                                 "that it stays as it is{}",
                                                 written, wanted, hint));
    return {};
  }
  return fail(where,
              fmt::format("\"$({})\": the param \"{}\" is not declared{}", written, wanted, hint));
}

// An embedded Task sees the keys of a param that its task passes beside those of the group's.
bool ReferenceCheck::passes_key(const std::string& param, const std::string& key) const {
  if (m_level != Level::task || !m_task->embedded)
    return false;
  const Param* passed = find_named(m_task->task->params, param);
  const auto* fields = passed == nullptr ? nullptr : std::get_if<2>(&passed->value.data);
  return fields != nullptr && std::any_of(fields->begin(), fields->end(), [&](const auto& field) {
           return field.first == key;
         });
}

ReferenceCheck::Meaning ReferenceCheck::part_of_param(const ParamSpec& param,
                                                      const VariableName& name,
                                                      const std::string& key,
                                                      const std::string& written,
                                                      const Where& where) const {
  const std::string& param_name = param.name.text;
  const bool late = !m_in_action && m_late_params.contains(param_name);
  if (!key.empty()) {
    if (param.type != ValueType::object)
      return fail(where,
                  fmt::format("\"$({})\": the param \"{}\" is {} {} and has no keys", written,
                              param_name, article(param.type), to_string(param.type)));
    if (std::find(param.keys.begin(), param.keys.end(), key) == param.keys.end()
        && !passes_key(param_name, key))
      return fail(where, fmt::format("\"$({})\": the param \"{}\" has no key \"{}\"{}", written,
                                     param_name, key, did_you_mean(key, param.keys)));
    if (!name.index.empty())
      return fail(where,
                  fmt::format("\"$({})\": the key \"{}\" of the param \"{}\" is a string and "
                              "has no elements",
                              written, key, param_name));
    return {true, ValueType::string, late, false};
  }
  if (name.index.empty() || (name.index == "*" && param.type != ValueType::string))
    return {true, param.type, late, false};
  if (param.type != ValueType::array)
    return fail(where,
                fmt::format("\"$({})\": the param \"{}\" is {} {} and has no elements", written,
                            param_name, article(param.type), to_string(param.type)));
  return {true, ValueType::string, late, false};
}

ReferenceCheck::Meaning ReferenceCheck::result(const TaskView& producer, const VariableName& name,
                                               const std::string& written,
                                               const Where& where) const {
  const auto reference = Reference::parse(written);
  if (!reference || reference->kind != Reference::Kind::task_result)
    return fail(where, fmt::format("\"$({})\" is no variable; expected $({}.{}.results.<result>), "
                                   "with `[*]`, `[<index>]` or `.<key>` behind it for a part",
                                   written, name.parts[0], producer.task->name.text));
  if (producer.spec == nullptr)
    return {true, std::nullopt, true, true};
  const ResultSpec* declared = find_named(producer.spec->results, reference->result);
  if (declared == nullptr)
    return fail(where,
                fmt::format("\"$({})\": the task \"{}\" has no result \"{}\"{}", written,
                            reference->task, reference->result,
                            did_you_mean(reference->result, names_of(producer.spec->results))));
  using Part = Reference::Part;
  if (is_matrixed(*producer.task)) {
    if (declared->type != ValueType::string)
      return fail(where, fmt::format("\"$({})\": the task \"{}\" has a matrix, and only results of "
                                     "type string are gathered from its instances; \"{}\" is an {}",
                                     written, reference->task, declared->name.text,
                                     to_string(declared->type)));
    if (reference->part == Part::star
        || (m_level == Level::group_result && reference->part == Part::index))
      return {true, reference->part == Part::star ? ValueType::array : ValueType::string, true,
              true};
    return fail(where, fmt::format("\"$({})\": the task \"{}\" has a matrix, so that its result is "
                                   "an array of all instances' results; write $(tasks.{}.results.{}"
                                   "[*])",
                                   written, reference->task, reference->task, declared->name.text));
  }
  const ValueType type = declared->type;
  const bool fits = reference->part == Part::whole
                    || (reference->part == Part::star && type != ValueType::string)
                    || (reference->part == Part::index && type == ValueType::array)
                    || (reference->part == Part::key && type == ValueType::object);
  if (!fits)
    return fail(where, fmt::format("\"$({})\": the result \"{}\" is {} {} and has no {}", written,
                                   declared->name.text, article(type), to_string(type),
                                   reference->part == Part::key ? "keys" : "elements"));
  if (reference->part == Part::key && !declared->keys.empty()
      && std::find(declared->keys.begin(), declared->keys.end(), reference->key)
             == declared->keys.end())
    return fail(where, fmt::format("\"$({})\": the result \"{}\" has no key \"{}\"{}", written,
                                   declared->name.text, reference->key,
                                   did_you_mean(reference->key, declared->keys)));
  const bool whole = reference->part == Part::whole || reference->part == Part::star;
  return {true, whole ? type : ValueType::string, true, true};
}

ReferenceCheck::Meaning ReferenceCheck::task_variable(const VariableName& name,
                                                      const std::string& written,
                                                      const Where& where) const {
  if (!sees_group())
    return fail(where,
                fmt::format("\"$({})\": a Task that is referred to by name does not know the "
                            "tasks of the group; declare a param and pass the value to it",
                            written));
  if (m_level == Level::group)
    return fail(where,
                fmt::format("\"$({})\" is known only while the group runs, and this is settled "
                            "before",
                            written));
  const bool of_finally = name.parts[0] == "finally";
  const bool in_results = m_level == Level::group_result;
  const bool in_finally = m_task != nullptr && m_task->is_finally;
  if (of_finally && !in_results)
    return fail(where, fmt::format("\"$({})\": results of finally tasks are for the results of the "
                                   "group only; they are not known before all is over",
                                   written));
  if (written == "tasks.status") {
    if (in_finally)
      return {true, ValueType::string, true, false};
    return fail(where,
                fmt::format("\"$({})\" is for finally tasks only; it is not known before the "
                            "others are done",
                            written));
  }

  const std::string wanted = name.parts.size() > 1 ? name.parts[1] : std::string();
  const TaskView* producer = m_group.task(wanted);
  if (producer == nullptr)
    return fail(where, fmt::format("\"$({})\": there is no task \"{}\"{}", written, wanted,
                                   did_you_mean(wanted, m_group.task_names(of_finally))));
  if (producer->is_finally != of_finally)
    return fail(where,
                of_finally
                    ? fmt::format("\"$({})\": \"{}\" is no finally task; write $(tasks.{}…)",
                                  written, wanted, wanted)
                    : fmt::format("\"$({})\": \"{}\" is a finally task{}", written, wanted,
                                  in_results ? "; write $(finally." + wanted + "…)"
                                  : in_finally
                                      ? ", and those run side by side: none knows another's outcome"
                                      : ", and those run last"));
  const std::string what = name.parts.size() > 2 ? name.parts[2] : std::string();
  if (name.parts.size() == 3 && (what == "status" || what == "reason") && name.index.empty()) {
    if (in_finally)
      return {true, ValueType::string, true, false};
    return fail(where, fmt::format("\"$({})\" is for finally tasks only; the others run before the "
                                   "outcome of each other is settled",
                                   written));
  }
  if (what == "matrix")
    return matrix(*producer, written, where);
  if (what == "outputs" || what == "inputs")
    return fail(where, fmt::format("\"$({})\": {}", written, no_artifacts));
  return result(*producer, name, written, where);
}

ReferenceCheck::Meaning ReferenceCheck::matrix(const TaskView& producer, const std::string& written,
                                               const Where& where) const {
  const std::string& task = producer.task->name.text;
  const auto reference = Reference::parse(written);
  if (!reference)
    return fail(where,
                fmt::format("\"$({})\" is no variable; expected $(tasks.{}.matrix.length) or "
                            "$(tasks.{}.matrix.<result>.length)",
                            written, task, task));
  if (!is_matrixed(*producer.task))
    return fail(where, fmt::format("\"$({})\": the task \"{}\" has no matrix", written, task));
  if (m_level != Level::pipeline_task)
    return fail(where,
                fmt::format("\"$({})\" is for params and matrix of a task, as in Tekton; pass "
                            "it to the Task as a param",
                            written));
  const bool of_result = reference->kind == Reference::Kind::matrix_result_length;
  if (of_result && producer.spec != nullptr
      && find_named(producer.spec->results, reference->result) == nullptr)
    return fail(where,
                fmt::format("\"$({})\": the task \"{}\" has no result \"{}\"{}", written, task,
                            reference->result,
                            did_you_mean(reference->result, names_of(producer.spec->results))));
  return {true, ValueType::string, of_result || has_late_matrix(*producer.task), false};
}

ReferenceCheck::Meaning ReferenceCheck::context(const std::string& written, bool strict,
                                                const Where& where) const {
  Names known;
  known.reserve(group_contexts.size() + 1 + task_contexts.size());
  if (sees_group())
    known.assign(group_contexts.begin(), group_contexts.end());
  if (m_level == Level::pipeline_task)
    known.push_back(task_retries);
  if (m_level != Level::group_result)                    // as for credentials.path, see variable()
    for (const std::string_view of_task : task_contexts) // insert() makes GCC 12 warn of nothing
      known.push_back(of_task);
  if (std::find(known.begin(), known.end(), written) != known.end())
    return {true, ValueType::string, written == "context.task.retry-count", false};
  if (std::find(group_contexts.begin(), group_contexts.end(), written) != group_contexts.end())
    return fail(where,
                fmt::format("\"$({})\": a Task that is referred to by name does not know the "
                            "group; declare a param and pass the value to it",
                            written));
  const std::string message =
      fmt::format("\"$({})\" is no variable{}", written, did_you_mean(written, known));
  const std::string begin = written.substr(0, written.rfind('.') + 1);
  const bool is_near = std::any_of(known.begin(), known.end(), [&](std::string_view name) {
    return name.substr(0, begin.size()) == begin;
  });
  if (strict || is_near)
    return fail(where, message);
  m_diagnostics.add_warning(where, message + " and stays as it is");
  return {};
}

ReferenceCheck::Meaning ReferenceCheck::workspace(const VariableName& name,
                                                  const std::string& written,
                                                  const Where& where) const {
  constexpr std::array<std::string_view, 4> attributes = {"path", "bound", "claim", "volume"};
  const std::size_t size = name.parts.size();
  const std::string wanted = size > 2 ? join(name.parts, 1, size - 1) : join(name.parts, 1, size);
  Names known;
  if (m_task != nullptr && m_task->spec != nullptr)
    known = names_of(m_task->spec->workspaces);
  if (sees_group())
    for (const std::string_view of_group : m_group.workspace_names())
      known.push_back(of_group);
  const bool unknown_task = m_level == Level::pipeline_task && m_task->spec == nullptr;
  if (!unknown_task && std::find(known.begin(), known.end(), wanted) == known.end()) {
    const std::string message =
        fmt::format("\"$({})\": the workspace \"{}\" is not declared", written, wanted);
    // To stock it is text inside a Task, and Tasks make use of that: a step whose `when` asks for
    // `bound` of a workspace that is not there is skipped (docs/tasks.md of Tekton).
    const std::string hint = did_you_mean(wanted, known);
    if (m_level != Level::task)
      return fail(where, message + hint);
    m_diagnostics.add_warning(where, message + ", so that it stays as it is" + hint);
    return {};
  }
  const std::string attribute = size > 2 ? name.parts.back() : std::string();
  if (!name.index.empty()
      || std::find(attributes.begin(), attributes.end(), attribute) == attributes.end())
    return fail(where,
                fmt::format("\"$({})\" is no variable; a workspace has path, bound, claim and "
                            "volume{}",
                            written, did_you_mean(attribute, attributes)));
  return {true, ValueType::string, false, false};
}

ReferenceCheck::Meaning ReferenceCheck::own_result(const VariableName& name,
                                                   const std::string& written,
                                                   const Where& where) const {
  const std::size_t size = name.parts.size();
  if (size < 3 || name.parts.back() != "path" || !name.index.empty())
    return fail(
        where, fmt::format("\"$({})\" is no variable; expected $(results.<result>.path)", written));
  if (m_task == nullptr)
    return fail(where,
                fmt::format("\"$({})\": there are results of a Task inside a Task only", written));
  if (m_task->spec == nullptr)
    return {true, ValueType::string, false, false};
  const std::string wanted = join(name.parts, 1, size - 1);
  if (find_named(m_task->spec->results, wanted) == nullptr)
    return fail(where, fmt::format("\"$({})\": the result \"{}\" is not declared{}", written,
                                   wanted, did_you_mean(wanted, names_of(m_task->spec->results))));
  return {true, ValueType::string, false, false};
}

// A step's own results: $(step.results.<result>.path).
ReferenceCheck::Meaning ReferenceCheck::own_step_result(const VariableName& name,
                                                        const std::string& written,
                                                        const Where& where) const {
  const std::size_t size = name.parts.size();
  if (size < 4 || name.parts.back() != "path" || !name.index.empty())
    return fail(where, fmt::format("\"$({})\" is no variable; expected "
                                   "$(step.results.<result>.path)",
                                   written));
  if (!m_step)
    return fail(where,
                fmt::format("\"$({})\": there are results of a step inside a step only", written));
  const std::vector<ResultSpec>& results = m_task->spec->steps[*m_step].results;
  const std::string wanted = join(name.parts, 2, size - 1);
  if (find_named(results, wanted) == nullptr)
    return fail(where, fmt::format("\"$({})\": the step declares no result \"{}\"{}", written,
                                   wanted, did_you_mean(wanted, names_of(results))));
  return {true, ValueType::string, false, false};
}

// Results of steps before: the notation says what type is meant (taskrun-semantics.md 3.4).
ReferenceCheck::Meaning ReferenceCheck::step_result(const Reference& reference,
                                                    const std::string& written,
                                                    const FieldRule& rule,
                                                    const Where& where) const {
  if (!rule.step_results || !m_step)
    return fail(where,
                fmt::format("\"$({})\": the result of a step can be used in command, args, env and "
                            "`when` of a later step only, not in {}; give it to the step as a "
                            "variable under `env`",
                            written, rule.field));
  std::vector<std::string> before;
  bool named_late = false;
  for (std::size_t i = 0; i < m_task->spec->steps.size(); ++i) {
    const Step& step = m_task->spec->steps[i];
    const std::string own_name = step_name(step, i);
    named_late = named_late || validation::has_variables(own_name);
    if (own_name == reference.task && i >= *m_step)
      return fail(where, fmt::format("\"$({})\": the step \"{}\" does not run before this one",
                                     written, reference.task));
    if (own_name == reference.task) {
      if (!is_unresolved(step) && find_named(step.results, reference.result) == nullptr)
        return fail(where, fmt::format("\"$({})\": the step \"{}\" declares no result \"{}\"{}",
                                       written, reference.task, reference.result,
                                       did_you_mean(reference.result, names_of(step.results))));
      break;
    }
    before.push_back(own_name);
  }
  if (before.size() == m_task->spec->steps.size() && !named_late)
    return fail(where, fmt::format("\"$({})\": there is no step \"{}\"{}", written, reference.task,
                                   did_you_mean(reference.task, before)));
  const bool star = reference.part == Reference::Part::star;
  return {true, star ? ValueType::array : ValueType::string, true, false};
}

ReferenceCheck::Meaning ReferenceCheck::step(const VariableName& name, const std::string& written,
                                             const FieldRule& rule, const Where& where) const {
  const std::string what = name.parts.size() > 2 ? name.parts[2] : std::string();
  if (what == "outputs" || what == "inputs" || name.parts[1] == "artifacts")
    return fail(where, fmt::format("\"$({})\": {}", written, no_artifacts));
  if (m_task == nullptr || m_task->spec == nullptr)
    return fail(where, fmt::format("\"$({})\": there are steps inside a Task only", written));
  if (name.parts[0] == "step")
    return own_step_result(name, written, where);
  if (what == "results") {
    const auto reference = Reference::parse(written);
    if (!reference)
      return fail(where, fmt::format("\"$({})\" is no variable; expected "
                                     "$(steps.<step>.results.<result>), with `[*]`, `[<index>]` or "
                                     "`.<key>` behind it for a part",
                                     written));
    return step_result(*reference, written, rule, where);
  }
  std::vector<std::string> known;
  for (std::size_t i = 0; i < m_task->spec->steps.size(); ++i)
    known.push_back("step-" + step_name(m_task->spec->steps[i], i));
  const bool has_variables = std::any_of(known.begin(), known.end(), [](const std::string& text) {
    return text.find("$(") != std::string::npos;
  });
  const std::string wanted = name.parts.size() > 1 ? name.parts[1] : std::string();
  if (!has_variables && std::find(known.begin(), known.end(), wanted) == known.end())
    return fail(where, fmt::format("\"$({})\": there is no step \"{}\"{}", written, wanted,
                                   did_you_mean(wanted, known)));
  if (what != "exitCode" || name.parts.size() != 4 || name.parts[3] != "path")
    return fail(where, fmt::format("\"$({})\" is no variable; expected $(steps.{}.exitCode.path)",
                                   written, wanted));
  return {true, ValueType::string, false, false};
}

ReferenceCheck::Meaning ReferenceCheck::variable(const Variable& variable, const Located& located,
                                                 const FieldRule& rule) const {
  const VariableName name = parse_variable_name(variable.name);
  const std::string& first = name.parts[0];
  const std::string& written = variable.name;
  const Where& where = located.where;
  const bool in_task = m_level == Level::task;
  const bool seen_by_task = in_task || rule.passed_on;
  if (m_level == Level::pipeline_task && !seen_by_task && is_of_task(name, written)) {
    m_diagnostics.add_warning(
        where,
        fmt::format("\"$({})\" is known inside a Task only and stays as it is in {}; pass it "
                    "in a param",
                    written, rule.field));
    return {};
  }
  if (name.parts.size() == 1 && !rule.strict)
    return {}; // a program of the shell's: $(date)
  if (first == "params"
      || (first == "inputs" && name.parts.size() > 1 && name.parts[1] == "params"))
    return param(name, written, rule, where);
  if (first == "tasks" || first == "finally")
    return task_variable(name, written, where);
  if (name.parts.size() > 1) {
    if (first == "context")
      return context(written, rule.strict, where);
    if (first == "workspaces")
      return workspace(name, written, where);
    if (first == "results")
      return own_result(name, written, where);
    if (seen_by_task
        && (first == "steps" || (first == "step" && rule.strict)
            || (first == "step" && (name.parts[1] == "results" || name.parts[1] == "artifacts"))))
      return step(name, written, rule, where);
    if (in_task && (written == "artifacts.path" || first == "artifacts"))
      return fail(where, fmt::format("\"$({})\": {}", written, no_artifacts));
    if (seen_by_task && written == "credentials.path")
      return {true, ValueType::string, false, false};
  }
  if (rule.strict)
    return fail(where,
                fmt::format("\"$({})\" is no variable{}; write ${{{}}} if the shell's is meant",
                            written, did_you_mean(first, prefixes), first));
  // In a script it may well be a program: $(task.sh).
  if (const auto meant = nearest_name(first, prefixes);
      meant && *meant != first && name.parts.size() > 1)
    m_diagnostics.add_warning(where, fmt::format("\"$({})\" is no variable and stays as it is (did "
                                                 "you mean \"{}\"?)",
                                                 written, *meant));
  return {};
}

void ReferenceCheck::text(const Located& located, const FieldRule& rule) const {
  if (located.text.find("$(") == std::string::npos)
    return;
  const std::vector<Variable> variables = find_variables(located.text);
  for (const Variable& found : variables) {
    const Meaning meaning = variable(found, located, rule);
    if (!meaning.good)
      continue;
    if (meaning.late && !rule.late)
      fail(located.where,
           fmt::format(
               "\"$({})\" is known only while the group runs and cannot be part of {}, which "
               "is settled before; use it in script, command, args, env, workingDir, onError or "
               "timeout",
               found.name, rule.field));
    if (!meaning.type || *meaning.type == ValueType::string)
      continue;
    const bool alone = found.begin == 0 && found.end == located.text.size();
    const bool is_array = *meaning.type == ValueType::array;
    if (is_array && alone
        && (rule.whole == FieldRule::Whole::element
            || (rule.whole == FieldRule::Whole::input && meaning.is_result)))
      continue;
    fail(located.where,
         is_array && rule.whole == FieldRule::Whole::element
             ? fmt::format("\"$({})\" is an array and must stand alone in its element", found.name)
         : is_array
             ? fmt::format(
                   "\"$({})\" is an array and cannot be part of {}; name one element, as in "
                   "[0]{}",
                   found.name, rule.field, m_level == Level::task ? ", or pass it by args" : "")
             : fmt::format("\"$({})\" is an object and cannot be part of {}; name one of its keys",
                           found.name, rule.field));
  }
}

void ReferenceCheck::texts(const std::vector<Located>& list, const FieldRule& rule) const {
  for (const Located& located : list)
    text(located, rule);
}

std::optional<ValueType> ReferenceCheck::value(const ParamValue& value,
                                               const FieldRule& rule) const {
  if (const auto* items = std::get_if<std::vector<Located>>(&value.data)) {
    FieldRule element = rule;
    element.whole = FieldRule::Whole::element;
    texts(*items, element);
    return ValueType::array;
  }
  if (const auto* fields = std::get_if<2>(&value.data)) {
    for (const auto& [key, field] : *fields)
      text(field, rule);
    return ValueType::object;
  }
  const auto& located = std::get<Located>(value.data);
  const std::vector<Variable> variables = find_variables(located.text);
  if (variables.size() == 1 && variables[0].begin == 0 && variables[0].end == located.text.size()) {
    const Meaning meaning = variable(variables[0], located, rule);
    if (meaning.good && meaning.late && !rule.late)
      fail(located.where,
           fmt::format("\"$({})\" is known only while the group runs and cannot be part "
                       "of {}, which is settled before",
                       variables[0].name, rule.field));
    return meaning.good ? meaning.type : std::nullopt;
  }
  text(located, rule);
  return ValueType::string;
}

std::vector<std::string> tasks_used(const GroupView& group, const std::string& text) {
  std::vector<std::string> names;
  if (text.find("$(tasks.") == std::string::npos)
    return names;
  for (const Variable& variable : find_variables(text)) {
    const auto reference = Reference::parse(variable.name);
    if (!reference)
      continue;
    const TaskView* task = group.task(reference->task);
    if (reference->kind == Reference::Kind::task_result
        || reference->kind == Reference::Kind::matrix_result_length
        || (reference->kind == Reference::Kind::matrix_length && task != nullptr
            && has_late_matrix(*task->task)))
      names.push_back(reference->task);
  }
  return names;
}

} // namespace taskgroup
