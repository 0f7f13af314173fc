// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/pod_shape.h"

#include <taskgroup/nearest.h>

#include "kube/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace taskgroup::cluster {

namespace {

using nlohmann::json;

const json& status_of(const json& pod, const std::string& container) {
  static const json none = json::object();
  for (const json& status : array_at(object_at(pod, "status"), "containerStatuses")) {
    if (text_at(status, "name") == container)
      return status;
  }
  return none;
}

} // namespace

tl::expected<Plan, Failure> shape_of(const json& pod, const std::string& run) {
  const json& metadata = object_at(pod, "metadata");
  const std::string text = text_at(object_at(metadata, "annotations"), "taskgroup.dev/outline");
  const json outline = json::parse(text, nullptr, /*allow_exceptions=*/false);
  Plan shape;
  shape.group = run;
  for (const json& told : array_at(outline, "tasks")) {
    PlanTask task;
    task.name = text_at(told, "name");
    task.is_finally = told.is_object() && told.contains("finally") && told["finally"] == true;
    for (const json& one : array_at(told, "steps")) {
      PlanStep step;
      step.name = text_at(one, "name");
      step.container = text_at(one, "container");
      task.steps.push_back(std::move(step));
    }
    for (const json& one : array_at(told, "sidecars")) {
      PlanSidecar& sidecar = task.sidecars.emplace_back();
      sidecar.name = text_at(one, "name");
      sidecar.container = text_at(one, "container");
    }
    shape.tasks.push_back(std::move(task));
  }
  if (shape.tasks.empty())
    return tl::unexpected(
        Failure{ExitCode::failed,
                fmt::format("error: pod \"{}\" tells of no tasks (annotation "
                            "taskgroup.dev/outline): no pod of a TaskGroup, or one of a later "
                            "release. kubectl logs shows its containers",
                            text_at(metadata, "name"))});
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
  const json& state = object_at(status_of(pod, container), "state");
  if (state.contains("running"))
    return ContainerState::running;
  return state.contains("terminated") ? ContainerState::terminated : ContainerState::waiting;
}

std::string obstacle_of(const json& pod) {
  const json& status = object_at(pod, "status");
  for (const json& condition : array_at(status, "conditions")) {
    if (text_at(condition, "type") == "PodScheduled" && text_at(condition, "status") == "False")
      return fmt::format("{}: {}", text_at(condition, "reason"), text_at(condition, "message"));
  }
  for (const json& container : array_at(status, "containerStatuses")) {
    const json& waiting = object_at(object_at(container, "state"), "waiting");
    const std::string reason = text_at(waiting, "reason");
    if (!reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing")
      return fmt::format("container \"{}\": {}: {}", text_at(container, "name"), reason,
                         text_at(waiting, "message"));
  }
  return {};
}

} // namespace taskgroup::cluster
