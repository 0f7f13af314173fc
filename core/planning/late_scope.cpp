// SPDX-License-Identifier: Apache-2.0
#include "core/planning/late_scope.h"

#include "core/planning/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace taskgroup {
namespace {

const ResultSpec* find_result(const TaskSpec& spec, const std::string& name) {
  const auto found =
      std::find_if(spec.results.begin(), spec.results.end(),
                   [&](const ResultSpec& result) { return result.name.text == name; });
  return found != spec.results.end() ? &*found : nullptr;
}

Meaning result_meaning(Reference reference, ValueType type, std::string_view written) {
  using Part = Reference::Part;
  const bool whole = reference.part == Part::whole || reference.part == Part::star;
  if (type == ValueType::string) {
    if (reference.part == Part::whole)
      return Draft::late(std::move(reference));
    return Refused{
        fmt::format("\"$({})\" asks for a part of a result that is declared as a string", written)};
  }
  if (whole) {
    reference.part = Part::star;
    return LateWhole{std::move(reference), type};
  }
  if ((reference.part == Part::index) == (type == ValueType::array))
    return Draft::late(std::move(reference));
  return Refused{fmt::format("\"$({})\" asks for {} of a result that is declared as an {}", written,
                             reference.part == Part::index ? "an element" : "a key",
                             to_string(type))};
}

} // namespace

Meaning StepResultScope::find(std::string_view written) const {
  if (!written.starts_with("steps."))
    return Unknown{};
  std::optional<Reference> reference = Reference::parse(written);
  if (!reference)
    return Unknown{};
  if (reference->part == Reference::Part::star)
    return LateWhole{*std::move(reference), ValueType::array};
  return Draft::late(*std::move(reference));
}

Meaning LateScope::find(std::string_view written) const {
  const bool of_finally = written.starts_with("finally.");
  const bool is_late = of_finally ? m_for == For::group_results : written.starts_with("tasks.");
  if (!is_late)
    return Unknown{};
  std::optional<Reference> reference = Reference::parse(written);
  if (!reference) {
    const std::vector<std::string> parts = parse_variable_name(written).parts;
    if (parts.size() > 2 && (parts[2] == "outputs" || parts[2] == "inputs"))
      return Refused{fmt::format("\"$({})\": {}", written, no_artifacts)};
    return Unknown{};
  }
  if (reference->kind == Reference::Kind::matrix_length
      || reference->kind == Reference::Kind::matrix_result_length)
    return find_length(*std::move(reference));
  if (reference->kind != Reference::Kind::task_result) {
    if (m_for != For::finally)
      return Unknown{};
    if (m_left_out.contains(reference->task))
      return Draft::data(reference->kind == Reference::Kind::task_status ? "None" : "");
    return Draft::late(*std::move(reference));
  }
  const auto spec = m_specs.find(reference->task);
  if (spec == m_specs.end())
    return Unknown{};
  const ResultSpec* result = find_result(*spec->second, reference->result);
  if (result == nullptr)
    return Unknown{};
  const ValueType type = is_matrixed(reference->task) ? ValueType::array : result->type;
  return result_meaning(*std::move(reference), type, written);
}

// The number of instances is known before the group runs, unless the matrix has late values.
Meaning LateScope::find_length(Reference reference) const {
  if (m_left_out.contains(reference.task))
    return Draft::data("0");
  const auto matrix = m_matrices.find(reference.task);
  if (matrix != m_matrices.end() && !matrix->second.planned.is_late()
      && reference.kind == Reference::Kind::matrix_length)
    return Draft::data(std::to_string(matrix->second.planned.count));
  return is_matrixed(reference.task) ? Meaning(Draft::late(std::move(reference))) : Unknown{};
}

bool LateScope::is_matrixed(const std::string& task) const {
  for (const auto* tasks : {&m_group.tasks, &m_group.finally}) {
    for (const PipelineTask& candidate : *tasks) {
      if (candidate.name.text == task)
        return taskgroup::is_matrixed(candidate);
    }
  }
  return false;
}

} // namespace taskgroup
