// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/diagnostic.h>

#include "core/planning/group_view.h"
#include "core/planning/order.h"
#include "core/planning/reference_check.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The parts of validate(). Each reports all errors of its kind.
namespace taskgroup::validation {

// Edges, cycles, runAfter and what finally tasks may not do.
void check_graph(const GroupView& group, Diagnostics& diagnostics);

// Return for each task those that it waits for, by runAfter or a result, as indices of
// group.tasks(). A finally task has none: it waits for all that are no finally tasks.
Edges order_of_tasks(const GroupView& group);

// What is legal but hardly meant: `when` that is never true, results that are never set, tasks that
// listen on one port at a time, tasks that write to one workspace as different users. Warnings.
void check_doubts(const GroupView& group, Diagnostics& diagnostics);

// Names, numbers and references of the group and of its tasks, without what is inside their Tasks.
void check_group(const GroupView& group, Diagnostics& diagnostics);

// What a task passes to its Task: params and workspaces against those declared.
void check_passing(const GroupView& group, const TaskView& task, Diagnostics& diagnostics);

// A task's matrix: its values, and what it passes to the Task.
void check_matrix(const GroupView& group, const TaskView& view, Diagnostics& diagnostics);

// Whether the group has so many containers that its pod is slow to start, or too large.
void check_containers(const GroupView& group, Diagnostics& diagnostics);

// A Task: its declarations, volumes and steps, with the references in them.
void check_task(const GroupView& group, const TaskView& task, Diagnostics& diagnostics);

// Sidecars: what an agent cannot run of them, and ports that tasks have to themselves.
void check_sidecars(const GroupView& group, const Facts& facts, Diagnostics& diagnostics);

// What a step may have beside the fields of a container: `when`, results, copies of its output.
// `references` knows which step of the Task it is.
void check_step_extras(const Step& step, const ReferenceCheck& references,
                       Diagnostics& diagnostics);

// What a step passes to its StepAction.
void check_step_action(const Step& step, const ReferenceCheck& references,
                       Diagnostics& diagnostics);

// What the step's StepAction says, by upstream's rules (stepaction_validation.go); `references`
// knows the StepAction's params.
void check_action(const Step& step, const ReferenceCheck& references, Diagnostics& diagnostics);

// The `when` expressions of a task or of a step.
void check_when(const std::vector<WhenExpression>& expressions, const ReferenceCheck& references,
                bool of_step, Diagnostics& diagnostics);

// Results that a Task or a step declares, and a Task's that come from its steps.
void check_results(const std::vector<ResultSpec>& results, Diagnostics& diagnostics);
void check_result_values(const TaskSpec& spec, Diagnostics& diagnostics);

// The defaults that the group gives to every step.
void check_run(const GroupView& group, Diagnostics& diagnostics);

// What the run says of single tasks, and that no step requests more than its limit.
void check_task_run_specs(const GroupView& group, Diagnostics& diagnostics);

// Tasks and steps that breakpoints name.
void check_breakpoints(const GroupView& group, Diagnostics& diagnostics);

// Declared params: names, types, defaults and enums.
enum class NameFormat { any, variable };
void check_param_specs(const std::vector<ParamSpec>& params, NameFormat format,
                       Diagnostics& diagnostics);

// A DNS label (RFC 1123): what Kubernetes takes for names of containers and volumes.
bool is_dns_label(std::string_view text);
inline constexpr std::string_view dns_label_rule =
    "at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends";

bool has_variables(std::string_view text);

// Report a text without variables that is none of those allowed; an empty one is none at all.
void check_one_of(const Located& text, std::span<const std::string_view> allowed,
                  Diagnostics& diagnostics);

// When Kubernetes pulls an image (core/v1 PullPolicy).
inline constexpr std::array<std::string_view, 3> pull_policies = {"Always", "IfNotPresent",
                                                                  "Never"};

// Report what no variable may be called: empty names are reported by whoever read them.
void check_env_name(const Located& name, Diagnostics& diagnostics);

// A Kubernetes quantity that is not negative: "500m", "2Gi", "1.5", "1e3".
bool is_quantity(std::string_view text);

// Return " in line 7"; nothing where lines are not known.
inline std::string in_line(int line) {
  return line > 0 ? fmt::format(" in line {}", line) : std::string();
}

// Report all but the first of several items of one name. Names that are missing are passed over.
template <typename Items>
void check_unique(const Items& items, std::string_view what, Diagnostics& diagnostics) {
  std::map<std::string_view, int> lines;
  for (const auto& item : items) {
    if (item.name.text.empty())
      continue;
    const auto [first, inserted] = lines.try_emplace(item.name.text, item.name.where.line);
    if (!inserted)
      diagnostics.add_error(item.name.where, fmt::format("there is another {} \"{}\"{}", what,
                                                         item.name.text, in_line(first->second)));
  }
}

} // namespace taskgroup::validation
