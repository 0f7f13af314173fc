// SPDX-License-Identifier: Apache-2.0
#include "controller/run_status.h"

#include "controller/reasons.h"
#include "controller/time_text.h"
#include "kube/json_fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace taskgroup {

namespace {

// A message is for people; a cluster's tools show it whole.
constexpr std::size_t max_message = 8'192;

std::string shortened(std::string message) {
  if (message.size() <= max_message)
    return message;
  std::size_t end = max_message;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0U) == 0x80U)
    --end; // not inside a character
  message.resize(end);
  return message + " …";
}

// The status as it was read, without what is null in it (contract.md 14: 15).
Json old_status(const CustomRun& run) {
  Json status = object_at(run.object, "status");
  for (auto field = status.begin(); field != status.end();) {
    field = field->is_null() ? status.erase(field) : std::next(field);
  }
  return status;
}

// Succeeded is the only condition (contract.md 14: 16).
void set_condition(Json& status, const std::string& succeeded, std::string_view reason,
                   const std::string& message, std::int64_t now) {
  std::string since = time_text(now);
  for (const Json& old : array_at(status, "conditions")) {
    if (text_at(old, "type") == "Succeeded" && text_at(old, "status") == succeeded
        && !text_at(old, "lastTransitionTime").empty())
      since = text_at(old, "lastTransitionTime");
  }
  status["conditions"] = Json::array({{{"type", "Succeeded"},
                                       {"status", succeeded},
                                       {"reason", reason},
                                       {"message", shortened(message)},
                                       {"lastTransitionTime", since}}});
}

Json status_with(const CustomRun& run, const std::string& succeeded, std::string_view reason,
                 const std::string& message, std::int64_t now) {
  Json status = old_status(run);
  set_condition(status, succeeded, reason, message, now);
  status["observedGeneration"] = run.generation;
  if (text_at(status, "startTime").empty())
    status["startTime"] = time_text(now);
  return status;
}

Json extra_of(const CustomRun& run) {
  Json extra = run.extra;
  extra["version"] = 1;
  return extra;
}

void set_tasks(const CustomRun& run, Json& status, Json tasks) {
  if (tasks.empty())
    return;
  Json extra = extra_of(run);
  extra["tasks"] = std::move(tasks);
  status["extraFields"] = std::move(extra);
}

void set_time(Json& object, const char* field, std::int64_t millis) {
  if (millis > 0)
    object[field] = time_text(millis);
}

void set_text(Json& object, const char* field, const std::string& text) {
  if (!text.empty())
    object[field] = text;
}

// kubelet knows better than the coordinator why a container has gone.
void merge_kubelet(Json& step, const ContainerView& container) {
  if (container.state != ContainerView::State::terminated)
    return;
  const bool telling = container.reason == "OOMKilled" || container.reason == "Evicted"
                       || container.reason == "StartError"
                       || container.reason == "ContainerCannotRun";
  if (!telling || text_at(step, "reason") == "Completed")
    return;
  step["reason"] = container.reason;
  if (!step.contains("exitCode")) // the container's is the agent's, the step's own is known
    step["exitCode"] = container.exit_code;
  set_text(step, "message", container.message);
}

Json step_of(const Outline::Step& planned, const std::vector<StepProgress>* told,
             const PodView* pod) {
  Json step = {{"name", planned.name}, {"container", planned.container}};
  if (told != nullptr) {
    for (const StepProgress& heard : *told) {
      if (heard.name != planned.name)
        continue;
      set_text(step, "state", heard.state);
      set_text(step, "paused", heard.paused);
      if (heard.exit_code)
        step["exitCode"] = *heard.exit_code;
      set_text(step, "reason", heard.reason);
      set_text(step, "message", heard.message);
      set_time(step, "startTime", heard.started);
      set_time(step, "completionTime", heard.finished);
    }
  }
  if (pod != nullptr && step.contains("state")) {
    for (const ContainerView& container : pod->others()) {
      if (container.name == planned.container)
        merge_kubelet(step, container);
    }
  }
  return step;
}

const TaskProgress* find_task(const Progress& progress, const std::string& name) {
  const auto found = std::find_if(progress.tasks.begin(), progress.tasks.end(),
                                  [&](const TaskProgress& task) { return task.name == name; });
  return found == progress.tasks.end() ? nullptr : &*found;
}

Json results_of(const std::map<std::string, Value>& results) {
  Json list = Json::array();
  for (const auto& [name, value] : results)
    list.push_back({{"name", name}, {"value", value.to_text()}});
  return list;
}

// What the object would weigh with this status.
std::size_t weight(const CustomRun& run, const Json& status) {
  const auto size = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace).size();
  };
  return size(run.object) - size(object_at(run.object, "status")) + size(status);
}

Json ended_status(const CustomRun& run, const Verdict& verdict,
                  const std::map<std::string, Value>& results, const Json& tasks,
                  std::int64_t now) {
  Json status =
      status_with(run, verdict.succeeded ? "True" : "False", verdict.reason, verdict.message, now);
  status["completionTime"] = status["conditions"][0]["lastTransitionTime"]; // contract.md 14: 30
  status.erase("results");
  if (!results.empty())
    status["results"] = results_of(results);
  set_tasks(run, status, tasks);
  return status;
}

std::string too_large(const std::map<std::string, Value>& results, std::size_t bytes) {
  std::string name;
  std::size_t largest = 0;
  std::size_t sum = 0;
  for (const auto& [key, value] : results) {
    const std::size_t size = value.to_text().size();
    sum += size;
    if (name.empty() || size > largest) {
      largest = size;
      name = key;
    }
  }
  return fmt::format(
      "The run would be an object of {} bytes; Kubernetes keeps none above {}. Its {} "
      "results are {} bytes long, the largest is \"{}\" with {}. Write large content "
      "to a workspace and report where it is",
      bytes, max_run_bytes, results.size(), sum, name, largest);
}

} // namespace

std::string cancelled_reason(RunKind kind) {
  return kind == RunKind::custom_run ? "CustomRunCancelled" : "RunCancelled";
}

std::string timed_out_reason(RunKind kind) {
  return kind == RunKind::custom_run ? "CustomRunTimedOut" : "RunTimedOut";
}

Json started_status(const CustomRun& run, std::int64_t now) {
  return status_with(run, "Unknown", run_reason::started, "The TaskGroup is being prepared", now);
}

Json waiting_status(const CustomRun& run, std::string_view reason, const std::string& message,
                    std::int64_t now) {
  return status_with(run, "Unknown", reason, message, now);
}

Json running_status(const CustomRun& run, const std::string& pod_name, const std::string& pod_uid,
                    std::int64_t now) {
  Json status = status_with(run, "Unknown", run_reason::running,
                            fmt::format("Running in pod \"{}\"", pod_name), now);
  Json extra = extra_of(run);
  extra["pod"] = {{"name", pod_name}, {"uid", pod_uid}};
  status["extraFields"] = std::move(extra);
  return status;
}

Json replaced_status(const CustomRun& run, const std::string& why, std::int64_t now) {
  Json status = status_with(run, "Unknown", run_reason::started, why, now);
  Json extra = extra_of(run);
  extra.erase("pod");
  extra.erase("tasks");
  extra["podReplacements"] = run.pod_replacements() + 1;
  status["extraFields"] = std::move(extra);
  return status;
}

Json tasks_of(const Progress& progress, const Outline& outline, const PodView* pod) {
  Json tasks = Json::array();
  for (const Outline::Task& planned : outline.tasks) {
    const TaskProgress* heard = find_task(progress, planned.name);
    if (heard == nullptr && progress.ended)
      continue; // an instance of a matrix that came out smaller than it might have been
    Json task = {{"name", planned.name}, {"state", heard != nullptr ? heard->state : "Pending"}};
    if (planned.is_finally)
      task["finally"] = true;
    if (heard != nullptr) {
      set_text(task, "reason", heard->reason);
      set_text(task, "message", heard->message);
      if (heard->attempts > 0)
        task["attempts"] = heard->attempts;
      set_time(task, "startTime", heard->started);
      set_time(task, "completionTime", heard->finished);
    }
    Json steps = Json::array();
    for (const Outline::Step& step : planned.steps)
      steps.push_back(step_of(step, heard != nullptr ? &heard->steps : nullptr, pod));
    task["steps"] = std::move(steps);
    for (const Outline::Step& sidecar : planned.sidecars)
      task["sidecars"].push_back(
          step_of(sidecar, heard != nullptr ? &heard->sidecars : nullptr, pod));
    tasks.push_back(std::move(task));
  }
  return tasks;
}

Json live_status(const CustomRun& run, Json tasks, const std::string& message, std::int64_t now) {
  Json status = status_with(run, "Unknown", run_reason::running, message, now);
  set_tasks(run, status, std::move(tasks));
  return status;
}

Json final_status(const CustomRun& run, const Verdict& verdict,
                  const std::map<std::string, Value>& results, const Json& tasks,
                  std::int64_t now) {
  Json status = ended_status(run, verdict, results, tasks, now);
  const std::size_t bytes = weight(run, status);
  if (bytes <= max_run_bytes)
    return status;
  const Verdict refused{false, std::string(run_reason::results_too_large),
                        too_large(results, bytes), false};
  status = ended_status(run, refused, {}, tasks, now);
  if (weight(run, status) <= max_run_bytes)
    return status;
  status =
      ended_status(run, refused, {}, Json::array(), now); // messages of tasks alone are too much
  status.erase("extraFields");
  return status;
}

Json retry_status(const CustomRun& run, const Verdict& verdict,
                  const std::map<std::string, Value>& results, const Json& tasks,
                  std::int64_t now) {
  Json over = ended_status(run, verdict, results, tasks, now);
  over.erase("retriesStatus"); // contract.md 14: 29

  Json status = Json::object();
  status["retriesStatus"] = array_at(object_at(run.object, "status"), "retriesStatus");
  status["retriesStatus"].push_back(std::move(over));
  status["observedGeneration"] = run.generation;
  status["startTime"] = time_text(now); // contract.md 14: 27
  set_condition(status, "Unknown", run_reason::retrying,
                fmt::format("Attempt {} of {} failed: {}", run.attempts_over + 1, run.retries + 1,
                            verdict.message),
                now);
  if (weight(run, status) > max_run_bytes) {
    // Retries never fail for what earlier attempts had to say.
    for (Json& old : status["retriesStatus"]) {
      old.erase("results");
      old.erase("extraFields");
    }
  }
  return status;
}

} // namespace taskgroup
