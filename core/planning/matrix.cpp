// SPDX-License-Identifier: Apache-2.0
#include "core/planning/matrix.h"

#include "core/planning/variables.h"
#include "core/run/combinations.h"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace taskgroup {
namespace {

bool is_late(const Located& text) {
  const std::vector<Variable> variables = find_variables(text.text);
  return std::any_of(variables.begin(), variables.end(),
                     [](const Variable& variable) { return variable.name.starts_with("tasks."); });
}

bool is_late(const ParamValue& value) {
  if (const auto* text = std::get_if<Located>(&value.data))
    return is_late(*text);
  const auto* items = std::get_if<std::vector<Located>>(&value.data);
  return items != nullptr && std::any_of(items->begin(), items->end(), [](const Located& item) {
           return is_late(item);
         });
}

// A param of the matrix with its values, variables replaced.
struct Values {
  std::string name;
  Where where;
  std::vector<Draft> items; // a whole array that is late is one item
};

// Makes a MatrixDraft.
class Maker {
public:
  Maker(const PipelineTask& task, const TaskSpec& spec, const Substitution& group,
        const MatrixLimits& limits)
      : m_task(task), m_spec(spec), m_group(group), m_limits(limits) {}

  MatrixDraft make() {
    m_result.planned.task = m_task.name.text;
    for (const Param& param : m_task.matrix->params)
      m_params.push_back({param.name.text, param.value.where, array_of(param)});
    for (const MatrixInclude& include : m_task.matrix->include) {
      std::vector<Values>& values = m_includes.emplace_back();
      for (const Param& param : include.params)
        values.push_back({param.name.text, param.value.where, {text_of(param)}});
    }
    if (is_late())
      make_late();
    else
      make_known();
    return std::move(m_result);
  }

private:
  std::vector<Draft> array_of(const Param& param) {
    DraftValue value = m_group.value(make_draft_value(param.value, Draft::Piece::Kind::authored));
    if (const auto* late = std::get_if<LateWhole>(&value.data);
        late != nullptr && late->type == ValueType::array)
      return {Draft::late(late->reference)};
    if (auto* items = std::get_if<DraftValue::Items>(&value.data))
      return std::move(*items);
    error(param.value.where,
          fmt::format("the param \"{}\" of the matrix is a{} {}, and a matrix takes arrays; write "
                      "a list",
                      param.name.text, value.type() == ValueType::object ? "n" : "",
                      to_string(value.type())));
    return {};
  }

  Draft text_of(const Param& param) {
    DraftValue value = m_group.value(make_draft_value(param.value, Draft::Piece::Kind::authored));
    if (auto* text = std::get_if<Draft>(&value.data))
      return std::move(*text);
    error(param.value.where, fmt::format("the param \"{}\" of an include of the matrix is an {}, "
                                         "and an include takes strings",
                                         param.name.text, to_string(value.type())));
    return {};
  }

  bool is_late() const {
    const auto any_late = [](const std::vector<Values>& list) {
      return std::any_of(list.begin(), list.end(), [](const Values& values) {
        return std::any_of(values.items.begin(), values.items.end(),
                           [](const Draft& item) { return item.first_late() != nullptr; });
      });
    };
    return any_late(m_params) || std::any_of(m_includes.begin(), m_includes.end(), any_late);
  }

  // The draft of a value is kept beside its text: what an author wrote in it is looked at again by
  // the Task, data is not.
  Combination::value_type known(const std::string& name, const Draft& draft) {
    std::string text = draft.known().value_or(std::string());
    m_drafts.insert_or_assign({name, text}, draft);
    return {name, std::move(text)};
  }

  void make_known() {
    MatrixValues values;
    for (const Values& param : m_params) {
      auto& items = values.params.emplace_back(param.name, std::vector<std::string>()).second;
      for (const Draft& item : param.items)
        items.push_back(known(param.name, item).second);
    }
    for (const std::vector<Values>& include : m_includes) {
      Combination& combination = values.include.emplace_back();
      for (const Values& param : include)
        combination.insert(known(param.name, param.items.front()));
    }
    const auto combinations = fan_out(values, m_limits.known);
    if (!combinations)
      error(m_task.matrix->where, fmt::format("the matrix has more than {} combinations; make its "
                                              "arrays shorter",
                                              m_limits.known));
    if (!combinations || combinations->empty())
      make_empty();
    for (const Combination& combination : combinations.value_or(std::vector<Combination>())) {
      auto& passed = m_result.instances.emplace_back();
      for (const auto& [name, text] : combination)
        passed.emplace(name, DraftValue{m_task.matrix->where, m_drafts.at({name, text})});
    }
    m_result.planned.count = m_result.instances.size();
  }

  // One instance, which the engine skips.
  void make_empty() {
    auto& passed = m_result.instances.emplace_back();
    for (const Values& param : m_params) {
      PlanMatrixParam& planned = m_result.planned.params.emplace_back();
      planned.name = param.name;
      for (const Draft& item : param.items)
        planned.values.push_back(item.to_text());
      passed.emplace(param.name, DraftValue{param.where, Draft::data("")});
    }
    for (const std::vector<Values>& include : m_includes)
      for (const Values& param : include)
        passed.emplace(param.name, DraftValue{param.where, Draft::data("")});
  }

  void make_late() {
    PlanMatrix& planned = m_result.planned;
    std::set<std::string> names;
    const auto plan = [&names](const Values& values) {
      names.insert(values.name);
      PlanMatrixParam param{.name = values.name};
      for (const Draft& item : values.items)
        param.values.push_back(item.to_text());
      return param;
    };
    for (const Values& param : m_params)
      planned.params.push_back(plan(param));
    for (const std::vector<Values>& include : m_includes) {
      PlanMatrixInclude& one = planned.include.emplace_back();
      for (const Values& param : include)
        one.params.push_back(plan(param));
    }
    if (!planned.include.empty())
      for (const std::string& name : names)
        plan_default(name);
    planned.count = instances();
    std::map<std::string, DraftValue> passed;
    for (const std::string& name : names) {
      const Reference own{.kind = Reference::Kind::matrix_param, .result = name};
      passed.emplace(name, DraftValue{m_task.matrix->where, Draft::late(own)});
    }
    m_result.instances.assign(planned.count, passed);
  }

  // An include may leave some combinations without a param: the engine then takes the default.
  void plan_default(const std::string& name) {
    for (const ParamSpec& declared : m_spec.params) {
      if (declared.name.text != name || !declared.default_value)
        continue;
      const auto* text = std::get_if<Located>(&declared.default_value->data);
      if (text == nullptr)
        continue; // another type: reported by validate()
      if (!find_variables(text->text).empty())
        error(declared.default_value->where,
              fmt::format("the default of the param \"{}\" has variables in it, and the matrix of "
                          "the task \"{}\", whose values come from other tasks, may leave it to "
                          "the default; give each include of the matrix a value for it",
                          name, m_task.name.text));
      m_result.planned.defaults.push_back({name, {Text(text->text)}});
    }
  }

  // The combinations that there can be, as far as lengths are known; else the limit.
  std::size_t instances() {
    std::size_t count = m_params.empty() ? 0 : 1;
    bool is_certain = true;
    for (const Values& param : m_params) {
      std::size_t length = 0;
      for (const Draft& item : param.items) {
        const std::optional<std::size_t> items = items_of(item);
        is_certain = is_certain && items;
        length += items.value_or(1);
      }
      count = std::min(count * length, max_matrix_combinations + 1);
    }
    count += m_includes.size();
    if (!is_certain)
      return m_limits.late;
    if (count > m_limits.known)
      error(m_task.matrix->where, fmt::format("the matrix may have {} combinations, more than {}; "
                                              "make its arrays shorter",
                                              count, m_limits.known));
    return std::clamp<std::size_t>(count, 1, m_limits.known);
  }

  std::optional<std::size_t> items_of(const Draft& item) const {
    const Text text = item.to_text();
    const Reference* whole = text.sole_reference();
    if (whole == nullptr || whole->part != Reference::Part::star)
      return 1;
    return m_limits.length_of(*whole);
  }

  void error(const Where& where, std::string message) {
    m_group.diagnostics().add_error(where, std::move(message));
  }

  const PipelineTask& m_task;
  const TaskSpec& m_spec;
  const Substitution& m_group;
  const MatrixLimits& m_limits;
  std::vector<Values> m_params;
  std::vector<std::vector<Values>> m_includes;
  std::map<std::pair<std::string, std::string>, Draft> m_drafts;
  MatrixDraft m_result;
};

} // namespace

bool is_matrixed(const PipelineTask& task) {
  return task.matrix && (!task.matrix->params.empty() || !task.matrix->include.empty());
}

bool matrix_passes(const PipelineTask& task, std::string_view param) {
  bool found = false;
  each_matrix_param(task, [&](const Param& one) { found = found || one.name.text == param; });
  return found;
}

bool has_late_matrix(const PipelineTask& task) {
  bool late = false;
  each_matrix_param(task, [&](const Param& param) { late = late || is_late(param.value); });
  return late;
}

MatrixDraft draft_matrix(const PipelineTask& task, const TaskSpec& spec, const Substitution& group,
                         const MatrixLimits& limits) {
  return Maker(task, spec, group, limits).make();
}

} // namespace taskgroup
