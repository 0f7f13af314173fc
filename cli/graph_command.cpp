// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/planner.h>

#include "cli/commands.h"
#include "cli/graph_drawing.h"
#include "cli/prepared_run.h"
#include "core/planning/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup {
namespace {

// Give each param without a value one that shows its place: a drawing needs shapes, not values.
void fill_params(const GroupSpec& group, RunRequest& request) {
  for (const ParamSpec& spec : group.params) {
    const bool given =
        std::any_of(request.params.begin(), request.params.end(),
                    [&](const Param& one) { return one.name.text == spec.name.text; });
    if (given || spec.default_value)
      continue;
    const Located stand_in{
        spec.allowed.empty() ? "<" + spec.name.text + ">" : spec.allowed.front().text, spec.where};
    Param param{spec.where, spec.name, {spec.where, stand_in}};
    if (spec.type == ValueType::array)
      param.value.data = std::vector<Located>(16, stand_in); // enough for any index one writes
    if (spec.type == ValueType::object) {
      std::vector<std::pair<std::string, Located>> fields;
      for (const std::string& key : spec.keys)
        fields.emplace_back(key, stand_in);
      param.value.data = std::move(fields);
    }
    request.params.push_back(std::move(param));
  }
}

std::vector<std::string> notes_of(const PlanTask& task) {
  std::vector<std::string> notes;
  if (!task.when.empty())
    notes.emplace_back("when");
  if (task.retries > 0)
    notes.push_back(fmt::format("retries {}", task.retries));
  if (task.on_error == PlanTask::OnError::carry_on)
    notes.emplace_back("onError continue");
  if (task.late_on_error)
    notes.emplace_back("onError from a result");
  for (const PlanSidecar& sidecar : task.sidecars)
    notes.push_back("sidecar " + sidecar.name);
  return notes;
}

// Let a matrix whose values are known have one combination: a drawing shows one task for it, and
// the values of params that stand in would make any number.
void narrow_matrices(GroupSpec& group) {
  for (auto* tasks : {&group.tasks, &group.finally}) {
    for (PipelineTask& task : *tasks) {
      if (!task.matrix || has_late_matrix(task))
        continue;
      task.matrix->include.resize(task.matrix->params.empty() ? 1 : 0);
      for (Param& param : task.matrix->params)
        param.value.data = std::vector<Located>{{"<" + param.name.text + ">", param.where}};
    }
  }
}

// The instances of a matrix are one task of the drawing.
Drawing drawing_of(const Plan& plan) {
  Drawing drawing;
  drawing.name = plan.group;
  std::vector<std::size_t> drawn; // by the plan's index
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    const PlanMatrix* matrix = matrix_of(plan, i);
    if (matrix != nullptr && matrix->first != i) {
      drawn.push_back(drawn.back());
      continue;
    }
    drawn.push_back(drawing.tasks.size());
    const PlanTask& task = plan.tasks[i];
    std::set<std::size_t> after;
    for (const std::size_t before : predecessors_of(task))
      after.insert(drawn[before]);
    std::vector<std::string> notes = notes_of(task);
    if (matrix != nullptr)
      notes.insert(notes.begin(), "matrix");
    drawing.tasks.push_back(
        {author_name(plan, i), task.is_finally, {after.begin(), after.end()}, std::move(notes)});
  }
  return drawing;
}

} // namespace

ExitCode graph_command(const GraphFlags& flags) {
  const Input input = read_input({flags.file}, Target::pod);
  auto checked = check_group(input, flags.group, {});
  if (!checked)
    return fail(checked.error());
  fill_params(checked->group, checked->request);
  narrow_matrices(checked->group);
  // Bindings do not change the graph, and those that only a cluster has need not exist here.
  checked->request.workspaces.clear();
  const auto plan = plan_group(*checked, input.facts, {});
  if (!plan)
    return fail(plan.error());
  const Drawing drawing = drawing_of(*plan);
  const std::string text = flags.format == "mermaid" ? draw_mermaid(drawing)
                           : flags.format == "dot"   ? draw_dot(drawing)
                                                     : draw_text(drawing);
  std::fputs(text.c_str(), stdout);
  return ExitCode::success;
}

} // namespace taskgroup
