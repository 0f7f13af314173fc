// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/run_view.h"

#include "kube/json_fields.h"

#include <fmt/format.h>

namespace taskgroup::cluster {

namespace {

using nlohmann::json;

std::optional<kube::WallTime> time_field(const json& object, const char* field) {
  return kube::from_rfc3339(text_at(object, field));
}

const json& asked_of(const json& custom_run) {
  const json& spec = object_at(custom_run, "spec");
  const json& reference = object_at(spec, "customRef");
  return reference.empty() ? object_at(spec, "customSpec") : reference;
}

StepView step_of(const json& object) {
  StepView step;
  step.name = text_at(object, "name");
  step.container = text_at(object, "container");
  step.state = text_at(object, "state");
  if (object.is_object() && object.contains("exitCode") && object["exitCode"].is_number_integer())
    step.exit_code = object["exitCode"].get<int>();
  step.reason = text_at(object, "reason");
  step.message = text_at(object, "message");
  step.paused = text_at(object, "paused");
  step.started = time_field(object, "startTime");
  step.finished = time_field(object, "completionTime");
  return step;
}

TaskView task_of(const json& object) {
  TaskView task;
  task.name = text_at(object, "name");
  task.state = text_at(object, "state");
  task.reason = text_at(object, "reason");
  task.message = text_at(object, "message");
  task.is_finally = object.is_object() && object.contains("finally") && object["finally"] == true;
  task.attempts = static_cast<int>(integer_at(object, "attempts"));
  task.started = time_field(object, "startTime");
  task.finished = time_field(object, "completionTime");
  for (const json& step : array_at(object, "steps"))
    task.steps.push_back(step_of(step));
  for (const json& sidecar : array_at(object, "sidecars"))
    task.sidecars.push_back(step_of(sidecar));
  return task;
}

const json& condition_of(const json& status) {
  static const json none = json::object();
  for (const json& condition : array_at(status, "conditions")) {
    if (text_at(condition, "type") == "Succeeded")
      return condition;
  }
  return none;
}

AttemptView attempt_of(const json& status) {
  const json& pod = object_at(object_at(status, "extraFields"), "pod");
  const json& condition = condition_of(status);
  return {text_at(pod, "name"), text_at(pod, "uid"), text_at(condition, "reason"),
          text_at(condition, "message")};
}

std::string state_of(const std::string& succeeded, const std::string& reason, bool cancelling) {
  if (succeeded == "True")
    return "Succeeded";
  if (succeeded == "False")
    return reason == "CustomRunCancelled" || reason == "RunCancelled" ? "Cancelled" : "Failed";
  if (cancelling)
    return "Cancelling";
  return reason == "Running" ? "Running" : "Pending";
}

} // namespace

std::string asked_kind_of(const json& custom_run) {
  const json& asked = asked_of(custom_run);
  return fmt::format("{} ({})", text_at(asked, "kind"), text_at(asked, "apiVersion"));
}

std::optional<RunView> run_view_of(const json& custom_run) {
  const json& asked = asked_of(custom_run);
  if (!text_at(asked, "apiVersion").starts_with("taskgroup.dev/")
      || text_at(asked, "kind") != "TaskGroup")
    return std::nullopt;
  const json& metadata = object_at(custom_run, "metadata");
  const json& spec = object_at(custom_run, "spec");
  const json& status = object_at(custom_run, "status");
  const json& condition = condition_of(status);

  RunView run;
  run.name = text_at(metadata, "name");
  run.namespace_name = text_at(metadata, "namespace");
  run.uid = text_at(metadata, "uid");
  run.created = text_at(metadata, "creationTimestamp");
  run.group = text_at(asked, "name");
  for (const json& owner : array_at(metadata, "ownerReferences")) {
    if (text_at(owner, "kind") == "PipelineRun")
      run.pipeline_run = text_at(owner, "name");
  }
  run.pipeline_task = text_at(object_at(metadata, "labels"), "tekton.dev/pipelineTask");
  run.reason = text_at(condition, "reason");
  run.message = text_at(condition, "message");
  run.state =
      state_of(text_at(condition, "status"), run.reason, text_at(spec, "status") == "RunCancelled");
  run.started = time_field(status, "startTime");
  run.finished = time_field(status, "completionTime");
  for (const json& over : array_at(status, "retriesStatus"))
    run.attempts.push_back(attempt_of(over));
  run.attempts.push_back(attempt_of(status));
  run.attempts_allowed = static_cast<int>(integer_at(spec, "retries")) + 1;
  run.raw_tasks = array_at(object_at(status, "extraFields"), "tasks");
  for (const json& task : run.raw_tasks)
    run.tasks.push_back(task_of(task));
  for (const json& result : array_at(status, "results"))
    run.results.emplace_back(text_at(result, "name"), text_at(result, "value"));
  return run;
}

nlohmann::ordered_json document_of(const RunView& run) {
  nlohmann::ordered_json document;
  const auto set = [&document](const char* field, const std::string& text) {
    if (!text.empty())
      document[field] = text;
  };
  document["name"] = run.name;
  document["namespace"] = run.namespace_name;
  set("taskGroup", run.group);
  set("pipelineRun", run.pipeline_run);
  set("pipelineTask", run.pipeline_task);
  document["state"] = run.state;
  set("reason", run.reason);
  set("message", run.message);
  document["attempt"] = run.attempts.size();
  document["attempts"] = run.attempts_allowed;
  set("pod", run.attempt().pod);
  if (run.started)
    document["startTime"] = kube::to_rfc3339(*run.started);
  if (run.finished)
    document["completionTime"] = kube::to_rfc3339(*run.finished);
  document["tasks"] = run.raw_tasks;
  document["results"] = nlohmann::ordered_json::object();
  for (const auto& [name, value] : run.results)
    document["results"][name] = value;
  return document;
}

} // namespace taskgroup::cluster
