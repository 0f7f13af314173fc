// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/pod_shape.h"

#include <taskgroup/nearest.h>

#include "cli/cluster/run_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace taskgroup::cluster {

namespace {

using nlohmann::json;

const json& status_of(const json& pod, const std::string& container) {
  static const json none = json::object();
  for (const json& status : array_field(object_field(pod, "status"), "containerStatuses")) {
    if (text_field(status, "name") == container)
      return status;
  }
  return none;
}

} // namespace

tl::expected<Plan, Failure> shape_of(const json& pod, const std::string& run) {
  const json& metadata = object_field(pod, "metadata");
  const std::string text =
      text_field(object_field(metadata, "annotations"), "taskgroup.dev/outline");
  const json outline = json::parse(text, nullptr, /*allow_exceptions=*/false);
  Plan shape;
  shape.group = run;
  for (const json& told : array_field(outline, "tasks")) {
    PlanTask task;
    task.name = text_field(told, "name");
    task.is_finally = told.is_object() && told.contains("finally") && told["finally"] == true;
    for (const json& one : array_field(told, "steps")) {
      PlanStep step;
      step.name = text_field(one, "name");
      step.container = text_field(one, "container");
      task.steps.push_back(std::move(step));
    }
    shape.tasks.push_back(std::move(task));
  }
  if (shape.tasks.empty())
    return tl::unexpected(
        Failure{ExitCode::failed,
                fmt::format("error: pod \"{}\" tells of no tasks (annotation "
                            "taskgroup.dev/outline): no pod of a TaskGroup, or one of a later "
                            "release. kubectl logs shows its containers",
                            text_field(metadata, "name"))});
  return shape;
}

tl::expected<Plan, Failure> only_tasks(Plan shape, const std::vector<std::string>& tasks) {
  if (tasks.empty())
    return shape;
  std::vector<std::string> names;
  for (const PlanTask& task : shape.tasks)
    names.push_back(task.name);
  for (const std::string& task : tasks) {
    if (std::find(names.begin(), names.end(), task) == names.end())
      return tl::unexpected(
          Failure{ExitCode::bad_input,
                  fmt::format("error: --task: \"{}\" has no task \"{}\"{}; it has {}", shape.group,
                              task, did_you_mean(task, names), fmt::join(names, ", "))});
  }
  std::erase_if(shape.tasks, [&](const PlanTask& task) {
    return std::find(tasks.begin(), tasks.end(), task.name) == tasks.end();
  });
  return shape;
}

ContainerState container_state(const json& pod, const std::string& container) {
  const json& state = object_field(status_of(pod, container), "state");
  if (state.contains("running"))
    return ContainerState::running;
  return state.contains("terminated") ? ContainerState::terminated : ContainerState::waiting;
}

std::string obstacle_of(const json& pod) {
  const json& status = object_field(pod, "status");
  for (const json& condition : array_field(status, "conditions")) {
    if (text_field(condition, "type") == "PodScheduled"
        && text_field(condition, "status") == "False")
      return fmt::format("{}: {}", text_field(condition, "reason"),
                         text_field(condition, "message"));
  }
  for (const json& container : array_field(status, "containerStatuses")) {
    const json& waiting = object_field(object_field(container, "state"), "waiting");
    const std::string reason = text_field(waiting, "reason");
    if (!reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing")
      return fmt::format("container \"{}\": {}: {}", text_field(container, "name"), reason,
                         text_field(waiting, "message"));
  }
  return {};
}

} // namespace taskgroup::cluster
