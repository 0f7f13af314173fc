// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/run_view.h"

#include <fmt/format.h>

#include <cstdint>

namespace taskgroup::cluster {

namespace {

using nlohmann::json;

std::int64_t number_field(const json& object, const char* field) {
  const auto found = object.is_object() ? object.find(field) : object.end();
  return object.is_object() && found != object.end() && found->is_number_integer()
             ? found->get<std::int64_t>()
             : 0;
}

std::optional<kube::WallTime> time_field(const json& object, const char* field) {
  return kube::from_rfc3339(text_field(object, field));
}

const json& asked_of(const json& custom_run) {
  const json& spec = object_field(custom_run, "spec");
  const json& reference = object_field(spec, "customRef");
  return reference.empty() ? object_field(spec, "customSpec") : reference;
}

StepView step_of(const json& object) {
  StepView step;
  step.name = text_field(object, "name");
  step.container = text_field(object, "container");
  step.state = text_field(object, "state");
  if (object.is_object() && object.contains("exitCode") && object["exitCode"].is_number_integer())
    step.exit_code = object["exitCode"].get<int>();
  step.reason = text_field(object, "reason");
  step.message = text_field(object, "message");
  step.started = time_field(object, "startTime");
  step.finished = time_field(object, "completionTime");
  return step;
}

TaskView task_of(const json& object) {
  TaskView task;
  task.name = text_field(object, "name");
  task.state = text_field(object, "state");
  task.reason = text_field(object, "reason");
  task.message = text_field(object, "message");
  task.is_finally = object.is_object() && object.contains("finally") && object["finally"] == true;
  task.attempts = static_cast<int>(number_field(object, "attempts"));
  task.started = time_field(object, "startTime");
  task.finished = time_field(object, "completionTime");
  for (const json& step : array_field(object, "steps"))
    task.steps.push_back(step_of(step));
  return task;
}

const json& condition_of(const json& status) {
  static const json none = json::object();
  for (const json& condition : array_field(status, "conditions")) {
    if (text_field(condition, "type") == "Succeeded")
      return condition;
  }
  return none;
}

AttemptView attempt_of(const json& status) {
  const json& pod = object_field(object_field(status, "extraFields"), "pod");
  const json& condition = condition_of(status);
  return {text_field(pod, "name"), text_field(pod, "uid"), text_field(condition, "reason"),
          text_field(condition, "message")};
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

std::string text_field(const json& object, const char* field) {
  if (!object.is_object())
    return {};
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& object_field(const json& object, const char* field) {
  static const json none = json::object();
  if (!object.is_object())
    return none;
  const auto found = object.find(field);
  return found != object.end() && found->is_object() ? *found : none;
}

const json& array_field(const json& object, const char* field) {
  static const json none = json::array();
  if (!object.is_object())
    return none;
  const auto found = object.find(field);
  return found != object.end() && found->is_array() ? *found : none;
}

std::string asked_kind_of(const json& custom_run) {
  const json& asked = asked_of(custom_run);
  return fmt::format("{} ({})", text_field(asked, "kind"), text_field(asked, "apiVersion"));
}

std::optional<RunView> run_view_of(const json& custom_run) {
  const json& asked = asked_of(custom_run);
  if (!text_field(asked, "apiVersion").starts_with("taskgroup.dev/")
      || text_field(asked, "kind") != "TaskGroup")
    return std::nullopt;
  const json& metadata = object_field(custom_run, "metadata");
  const json& spec = object_field(custom_run, "spec");
  const json& status = object_field(custom_run, "status");
  const json& condition = condition_of(status);

  RunView run;
  run.name = text_field(metadata, "name");
  run.namespace_name = text_field(metadata, "namespace");
  run.uid = text_field(metadata, "uid");
  run.created = text_field(metadata, "creationTimestamp");
  run.group = text_field(asked, "name");
  for (const json& owner : array_field(metadata, "ownerReferences")) {
    if (text_field(owner, "kind") == "PipelineRun")
      run.pipeline_run = text_field(owner, "name");
  }
  run.pipeline_task = text_field(object_field(metadata, "labels"), "tekton.dev/pipelineTask");
  run.reason = text_field(condition, "reason");
  run.message = text_field(condition, "message");
  run.state = state_of(text_field(condition, "status"), run.reason,
                       text_field(spec, "status") == "RunCancelled");
  run.started = time_field(status, "startTime");
  run.finished = time_field(status, "completionTime");
  for (const json& over : array_field(status, "retriesStatus"))
    run.attempts.push_back(attempt_of(over));
  run.attempts.push_back(attempt_of(status));
  run.attempts_allowed = static_cast<int>(number_field(spec, "retries")) + 1;
  run.raw_tasks = array_field(object_field(status, "extraFields"), "tasks");
  for (const json& task : run.raw_tasks)
    run.tasks.push_back(task_of(task));
  for (const json& result : array_field(status, "results"))
    run.results.emplace_back(text_field(result, "name"), text_field(result, "value"));
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
