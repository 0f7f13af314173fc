// SPDX-License-Identifier: Apache-2.0
#include "core/planning/params.h"

#include <taskgroup/nearest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace taskgroup {
namespace {

// Fills in the defaults of the params that have no value yet. A default may refer to other params,
// in any order; the value of such a param is used, not its default, though stock's TaskRun takes
// the default (pkg/reconciler/taskrun/resources/apply.go:400-501).
class Defaults : public Scope {
public:
  Defaults(const std::vector<ParamSpec>& specs, ParamScope& scope, Diagnostics& diagnostics)
      : m_specs(specs), m_scope(scope), m_diagnostics(diagnostics) {}

  void fill_in() {
    for (const ParamSpec& spec : m_specs)
      resolve(spec);
  }

  Meaning find(std::string_view written) const override {
    for (const auto& reading : param_readings(written)) {
      const auto spec =
          std::find_if(m_specs.begin(), m_specs.end(), [&](const ParamSpec& candidate) {
            return candidate.name.text == reading.first;
          });
      if (spec != m_specs.end())
        resolve(*spec);
    }
    return m_scope.find(written);
  }

private:
  void resolve(const ParamSpec& spec) const {
    const std::string& name = spec.name.text;
    if (!spec.default_value || m_done.contains(name))
      return;
    const auto begin = std::find(m_open.begin(), m_open.end(), name);
    if (begin != m_open.end()) {
      const std::vector<std::string> cycle(begin, m_open.end());
      m_diagnostics.add_error(spec.default_value->where,
                              fmt::format("the defaults of params refer to each other in a circle: "
                                          "{} -> {}; give one of them a value of its own",
                                          fmt::join(cycle, " -> "), name));
      return;
    }
    const DraftValue* passed = m_scope.find_passed(name);
    const bool needed = passed == nullptr || passed->type() != spec.type
                        || std::holds_alternative<DraftValue::Fields>(passed->data);
    if (!needed) {
      m_done.insert(name);
      return;
    }
    m_open.push_back(name);
    const Substitution substitution({this}, m_diagnostics);
    DraftValue value =
        substitution.value(make_draft_value(*spec.default_value, Draft::Piece::Kind::authored));
    m_open.pop_back();
    m_done.insert(name);
    if (passed == nullptr) {
      m_scope.set_default(name, std::move(value));
    } else if (passed->type() != spec.type) {
      m_scope.pass(name, std::move(value)); // an outer param of the same name but another type
    } else if (const auto* fields = std::get_if<DraftValue::Fields>(&value.data)) {
      m_scope.complete_fields(name, *fields);
    }
  }

  const std::vector<ParamSpec>& m_specs;
  ParamScope& m_scope;
  Diagnostics& m_diagnostics;
  mutable std::vector<std::string> m_open;
  mutable std::set<std::string> m_done;
};

const ParamSpec* find_spec(const std::vector<ParamSpec>& specs, const std::string& name) {
  const auto found = std::find_if(specs.begin(), specs.end(),
                                  [&](const ParamSpec& spec) { return spec.name.text == name; });
  return found != specs.end() ? &*found : nullptr;
}

std::vector<std::string> names_of(const std::vector<ParamSpec>& specs) {
  std::vector<std::string> result;
  for (const ParamSpec& spec : specs)
    result.push_back(spec.name.text);
  return result;
}

std::vector<std::string> texts_of(const std::vector<Located>& located) {
  std::vector<std::string> result;
  for (const Located& item : located)
    result.push_back(item.text);
  return result;
}

// Report a value of the wrong type; say whether it is right.
bool check_type(const ParamSpec& spec, const DraftValue& value, Diagnostics& diagnostics) {
  if (value.type() == spec.type)
    return true;
  diagnostics.add_error(
      value.where,
      fmt::format("param \"{}\" is declared as {} {} and got {} {}", spec.name.text,
                  spec.type == ValueType::string ? "a" : "an", to_string(spec.type),
                  value.type() == ValueType::string ? "a" : "an", to_string(value.type())));
  return false;
}

void check_keys(const ParamSpec& spec, const DraftValue& value, Diagnostics& diagnostics) {
  const auto* fields = std::get_if<DraftValue::Fields>(&value.data);
  if (fields == nullptr)
    return; // late: its result's declared keys were compared by validate()
  std::vector<std::string> missing;
  for (const std::string& key : spec.keys) {
    if (!fields->contains(key))
      missing.push_back(key);
  }
  if (!missing.empty())
    diagnostics.add_error(value.where,
                          fmt::format("param \"{}\" lacks the key{} \"{}\" that its properties ask "
                                      "for",
                                      spec.name.text, missing.size() > 1 ? "s" : "",
                                      fmt::join(missing, "\", \"")));
}

// Check a value against an enum. As in stock an empty text passes
// (pkg/reconciler/taskrun/validate_taskrun.go:155-205).
std::optional<PlanParamCheck> check_enum(const ParamSpec& spec, const DraftValue& value,
                                         Diagnostics& diagnostics) {
  const auto* draft = std::get_if<Draft>(&value.data);
  if (spec.allowed.empty() || draft == nullptr)
    return std::nullopt;
  std::vector<std::string> allowed = texts_of(spec.allowed);
  const std::optional<std::string> known = draft->known();
  if (!known)
    return PlanParamCheck{spec.name.text, draft->to_text(), std::move(allowed)};
  if (!known->empty() && std::find(allowed.begin(), allowed.end(), *known) == allowed.end())
    diagnostics.add_error(value.where,
                          fmt::format("param \"{}\" cannot be \"{}\"; its enum allows \"{}\"{}",
                                      spec.name.text, *known, fmt::join(allowed, "\", \""),
                                      did_you_mean(*known, allowed)));
  return std::nullopt;
}

} // namespace

bool bind_group_params(const GroupSpec& group, const RunRequest& request, ParamScope& scope,
                       Diagnostics& diagnostics) {
  std::set<std::string> mistyped;
  for (const Param& param : request.params) {
    DraftValue value = make_draft_value(param.value, Draft::Piece::Kind::data);
    const ParamSpec* spec = find_spec(group.params, param.name.text);
    if (spec != nullptr && !check_type(*spec, value, diagnostics)) {
      mistyped.insert(param.name.text);
      continue;
    }
    if (spec != nullptr)
      check_enum(*spec, value, diagnostics);
    scope.pass(param.name.text, std::move(value));
  }
  Defaults(group.params, scope, diagnostics).fill_in();
  bool complete = mistyped.empty();
  for (const ParamSpec& spec : group.params) {
    const DraftValue* value = scope.find_value(spec.name.text);
    complete = complete && value != nullptr;
    if (value != nullptr)
      check_keys(spec, *value, diagnostics);
    else if (!spec.default_value && !mistyped.contains(spec.name.text))
      diagnostics.add_error(
          spec.where, fmt::format("param \"{}\" has no default and got no value; pass one, on "
                                  "the command line with -p {}=VALUE",
                                  spec.name.text, spec.name.text));
  }
  return complete;
}

void warn_unused_params(const GroupSpec& group, const RunRequest& request, const ParamScope& scope,
                        Diagnostics& diagnostics) {
  const std::vector<std::string> declared = names_of(group.params);
  for (const Param& param : request.params) {
    const std::string& name = param.name.text;
    if (std::find(declared.begin(), declared.end(), name) == declared.end() && !scope.used(name))
      diagnostics.add_warning(param.where,
                              fmt::format("param \"{}\" has no effect: the group does not declare "
                                          "it and nothing refers to it{}",
                                          name, did_you_mean(name, declared)));
  }
}

std::vector<PlanParamCheck> bind_task_params(const PipelineTask& task, const TaskSpec& spec,
                                             const std::map<std::string, DraftValue>& matrix,
                                             const Substitution& group, ParamScope& scope,
                                             Diagnostics& diagnostics) {
  std::set<std::string> mistyped;
  for (const auto& [name, value] : matrix)
    scope.pass(name, value); // a string, and the param is declared as one: validate()
  for (const Param& param : task.params) {
    DraftValue value = group.value(make_draft_value(param.value, Draft::Piece::Kind::authored));
    const ParamSpec* declared = find_spec(spec.params, param.name.text);
    if (declared != nullptr && !check_type(*declared, value, diagnostics)) {
      mistyped.insert(param.name.text);
      continue;
    }
    scope.pass(param.name.text, std::move(value));
  }
  Defaults(spec.params, scope, diagnostics).fill_in();

  std::vector<PlanParamCheck> checks;
  for (const ParamSpec& declared : spec.params) {
    const DraftValue* value = scope.find_value(declared.name.text);
    if (value == nullptr) {
      if (!declared.default_value && !mistyped.contains(declared.name.text))
        diagnostics.add_error(task.where,
                              fmt::format("task \"{}\" passes no value for the param \"{}\" of its "
                                          "Task, which has no default",
                                          task.name.text, declared.name.text));
      continue;
    }
    check_keys(declared, *value, diagnostics);
    const auto* text = std::get_if<Draft>(&value->data);
    if (scope.find_passed(declared.name.text) == nullptr && text != nullptr && text->known())
      continue; // a default: validate() compared it with the enum
    if (std::optional<PlanParamCheck> check = check_enum(declared, *value, diagnostics))
      checks.push_back(*std::move(check));
  }
  return checks;
}

void bind_step_params(const Step& step, const Substitution& task, ParamScope& scope) {
  const std::vector<ParamSpec>& declared = *step.action_params;
  for (const Param& param : step.params) {
    const ParamSpec* spec = find_spec(declared, param.name.text);
    if (spec == nullptr)
      continue; // reported by validate()
    DraftValue value = task.value(make_draft_value(param.value, Draft::Piece::Kind::authored));
    const Reference* late = nullptr;
    if (const auto* whole = std::get_if<LateWhole>(&value.data))
      late = &whole->reference;
    else if (const auto* text = std::get_if<Draft>(&value.data);
             text != nullptr && text->pieces().size() == 1)
      late = text->first_late();
    if (late != nullptr && late->kind == Reference::Kind::step_result
        && spec->type != ValueType::string
        && (late->part == Reference::Part::whole || late->part == Reference::Part::star)) {
      Reference whole = *late;
      whole.part = Reference::Part::star;
      value.data = LateWhole{std::move(whole), spec->type};
    }
    if (spec->type == ValueType::object && spec->default_value && value.type() == ValueType::string)
      task.diagnostics().add_warning(
          value.where,
          fmt::format("param \"{}\" is declared as an object and got a string, so that "
                      "its default is taken, as in Tekton",
                      param.name.text));
    else if (check_type(*spec, value, task.diagnostics()))
      scope.pass(param.name.text, std::move(value));
  }
  Defaults(declared, scope, task.diagnostics()).fill_in();
  for (const ParamSpec& spec : declared)
    if (const DraftValue* value = scope.find_value(spec.name.text))
      check_keys(spec, *value, task.diagnostics());
}

} // namespace taskgroup
