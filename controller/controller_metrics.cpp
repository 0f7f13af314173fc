// SPDX-License-Identifier: Apache-2.0
#include "controller/controller_metrics.h"

#include "controller/reasons.h"
#include "core/run/reasons.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

namespace taskgroup {

namespace {

using metrics::Family;
using metrics::Sample;
using metrics::Type;

// Names of the queue and of the controller, as controller-runtime would give them.
constexpr const char* queue_name = "customruns";
constexpr const char* controller_name = "customrun";

double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// A label has a bounded number of values; anything else is told apart in the run's status only.
constexpr std::string_view other = "Other";

template <std::size_t N>
std::string known(const std::array<std::string_view, N>& reasons, std::string_view reason) {
  return std::string(std::find(reasons.begin(), reasons.end(), reason) == reasons.end() ? other
                                                                                        : reason);
}

constexpr std::array run_reasons{
    run_reason::succeeded,
    run_reason::failed,
    run_reason::no_group,
    run_reason::no_task,
    run_reason::no_pipeline,
    run_reason::invalid,
    run_reason::workspace,
    run_reason::several_claims,
    run_reason::admission,
    run_reason::pod_creation,
    run_reason::pod_lost,
    run_reason::pod_never_started,
    run_reason::coordinator_lost,
    run_reason::journal_lost,
    run_reason::journal_version,
    run_reason::results_too_large,
    group_reason::cancelled,
    group_reason::timed_out,
    group_reason::validation_failed,
    group_reason::no_result,
    std::string_view("CustomRunCancelled"),
    std::string_view("CustomRunTimedOut"),
    std::string_view("RunCancelled"),
    std::string_view("RunTimedOut"),
};

bool is_cancel(std::string_view reason) {
  return reason == "CustomRunCancelled" || reason == "RunCancelled"
         || reason == group_reason::cancelled;
}

// Outcomes are the journal's states in lower case.
constexpr std::array<std::pair<std::string_view, const char*>, 4> task_outcomes{
    {{"Succeeded", "succeeded"},
     {"Failed", "failed"},
     {"Skipped", "skipped"},
     {"Cancelled", "cancelled"}}};

constexpr std::array task_reasons{
    task_reason::succeeded,
    task_reason::step_failed,
    task_reason::step_out_of_memory,
    task_reason::failure_ignored,
    task_reason::timed_out,
    task_reason::cancelled,
    task_reason::validation_failed,
    task_reason::invalid_param,
    task_reason::invalid_reference,
    skip_reason::when,
    skip_reason::parent,
    skip_reason::stopping,
    skip_reason::cancelled,
    skip_reason::missing_results,
    skip_reason::run_timed_out,
    skip_reason::tasks_timed_out,
    skip_reason::finally_timed_out,
};

constexpr std::array<const char*, 4> journal_errors{"follow", "read", "unreadable", "version"};
constexpr std::array<const char*, 4> results{"success", "error", "requeue", "requeue_after"};

const char* result_of(const Reconciled& result) {
  switch (result.kind) {
  case Reconciled::Kind::settled:
    return "success";
  case Reconciled::Kind::wait:
    return "requeue_after";
  default:
    return result.failed ? "error" : "requeue";
  }
}

} // namespace

ControllerMetrics::ControllerMetrics(metrics::Registry& registry)
    : m_runs(registry.counter({"taskgroup_runs_total",
                               "Runs that got their final status: outcome succeeded, failed or "
                               "cancelled, and the condition's reason.",
                               {"outcome", "reason"}})),
      m_run_duration(registry.histogram(
          {"taskgroup_run_duration_seconds",
           "Time from a CustomRun's creation to its final status, retries included.",
           {"outcome"}},
          metrics::work_bounds())),
      m_tasks(registry.counter({"taskgroup_tasks_total",
                                "Tasks that have ended, in each attempt of a run: outcome "
                                "succeeded, failed, skipped or cancelled, and Tekton's reason.",
                                {"outcome", "reason"}})),
      m_task_duration(registry.histogram(
          {"taskgroup_task_duration_seconds",
           "Time from a task's start to its end, its retries included. Skipped tasks are not in "
           "it.",
           {"outcome"}},
          metrics::work_bounds())),
      m_pod_creation(
          registry.histogram({"taskgroup_run_pod_creation_seconds",
                              "Time from a CustomRun's creation until its first pod was created.",
                              {}},
                             metrics::start_bounds())),
      m_first_step(registry.histogram(
          {"taskgroup_run_first_step_seconds",
           "Time from a CustomRun's creation until its first step ran, by the node's clock.",
           {}},
          metrics::start_bounds())),
      m_handover(registry.histogram(
          {"taskgroup_step_handover_seconds",
           "Time from a step's end to the start of what waited for it: the next step of its task, "
           "or the first step of a task. In whole milliseconds.",
           {}},
          metrics::handover_bounds())),
      m_sum_cpu(registry.counter(
          {"taskgroup_requests_sum_cpu_cores_total",
           "CPU that all containers of the pods made would have asked for together.",
           {}})),
      m_peak_cpu(registry.counter({"taskgroup_requests_peak_cpu_cores_total",
                                   "CPU that the pods made have asked for.",
                                   {}})),
      m_sum_memory(registry.counter(
          {"taskgroup_requests_sum_memory_bytes_total",
           "Memory that all containers of the pods made would have asked for together.",
           {}})),
      m_peak_memory(registry.counter({"taskgroup_requests_peak_memory_bytes_total",
                                      "Memory that the pods made have asked for.",
                                      {}})),
      m_pods_replaced(registry.counter(
          {"taskgroup_pods_replaced_total",
           "Pods whose place another one took because no step of them was started.",
           {}})),
      m_journal_errors(registry.counter(
          {"taskgroup_journal_errors_total",
           "Failures to read the journal in a pod's log. Reason follow: a follow broke and is "
           "opened again; read: a read failed and is tried again; unreadable: given up; version: "
           "written by a release that this one does not know.",
           {"reason"}})),
      m_queued(registry.histogram(
          {"workqueue_queue_duration_seconds", "Time that a key waited in the queue.", {"name"}},
          metrics::call_bounds())),
      m_worked(registry.histogram(
          {"workqueue_work_duration_seconds", "Time that a worker had a key.", {"name"}},
          metrics::call_bounds())),
      m_reconciles(registry.counter(
          {"controller_runtime_reconcile_total",
           "Reconciles by result: success, error, requeue (somebody else wrote first) or "
           "requeue_after (a time was set).",
           {"controller", "result"}})),
      m_reconcile_errors(
          registry.counter({"controller_runtime_reconcile_errors_total",
                            "Reconciles that ended with an error and are tried again.",
                            {"controller"}})),
      m_reconcile_time(registry.histogram({"controller_runtime_reconcile_time_seconds",
                                           "Time that a reconcile took.",
                                           {"controller"}},
                                          metrics::call_bounds())) {
  // What an alert watches is seen before it happens for the first time.
  for (const char* result : results)
    m_reconciles.add({controller_name, result}, 0);
  m_reconcile_errors.add({controller_name}, 0);
  for (const char* reason : journal_errors)
    m_journal_errors.add({reason}, 0);
  for (const std::string_view reason :
       {run_reason::pod_lost, run_reason::pod_never_started, run_reason::coordinator_lost,
        run_reason::journal_lost, run_reason::journal_version, run_reason::pod_creation})
    m_runs.add({"failed", std::string(reason)}, 0);
  m_runs.add({"succeeded", std::string(run_reason::succeeded)}, 0);
  m_runs.add({"failed", std::string(run_reason::failed)}, 0);

  declare_figures(registry);
}

void ControllerMetrics::declare_figures(metrics::Registry& registry) {
  using QueueFigures = kube::WorkQueue::Figures;
  using Number = std::function<double(const Figures&)>;
  const auto one = [&](const char* name, const char* help, Type type,
                       std::optional<std::pair<const char*, const char*>> label, Number of) {
    Family family{name, help, {}};
    metrics::Values values;
    if (label) {
      family.labels.emplace_back(label->first);
      values.emplace_back(label->second);
    }
    registry.sample(std::move(family), type, [this, values, of = std::move(of)] {
      return std::vector<Sample>{{values, of(figures())}};
    });
  };
  const auto queue = [&](const char* name, const char* help, Type type, auto of) {
    one(name, help, type, std::pair("name", queue_name),
        [of](const Figures& figures) { return of(figures.queue); });
  };
  const auto workers = [&](const char* name, const char* help, Number of) {
    one(name, help, Type::gauge, std::pair("controller", controller_name), std::move(of));
  };

  one("taskgroup_runs_active", "Runs that have no final status yet.", Type::gauge, {},
      [](const Figures& figures) { return static_cast<double>(figures.census.runs_active); });
  one("taskgroup_journals_followed", "Logs of pods that are followed.", Type::gauge, {},
      [](const Figures& figures) { return static_cast<double>(figures.journals_followed); });
  registry.sample(
      {"taskgroup_pods",
       "Pods of TaskGroups by phase, pending or running. Those that are over are not in it.",
       {"phase"}},
      Type::gauge, [this] {
        const Census now = figures().census;
        return std::vector<Sample>{{{"pending"}, static_cast<double>(now.pods_pending)},
                                   {{"running"}, static_cast<double>(now.pods_running)}};
      });

  queue("workqueue_depth", "Keys that wait in the queue.", Type::gauge,
        [](const QueueFigures& figures) { return static_cast<double>(figures.depth); });
  queue("workqueue_adds_total", "Keys that were added to the queue.", Type::counter,
        [](const QueueFigures& figures) { return static_cast<double>(figures.adds); });
  queue("workqueue_retries_total", "Keys that came again after a failure.", Type::counter,
        [](const QueueFigures& figures) { return static_cast<double>(figures.retries); });
  queue("workqueue_unfinished_work_seconds",
        "Time spent so far on the keys that workers have, all together.", Type::gauge,
        [](const QueueFigures& figures) { return seconds(figures.unfinished); });
  queue("workqueue_longest_running_processor_seconds",
        "Time that the worker which has had its key longest has spent on it.", Type::gauge,
        [](const QueueFigures& figures) { return seconds(figures.longest_running); });

  workers("controller_runtime_max_concurrent_reconciles", "Workers that there are.",
          [](const Figures& figures) { return static_cast<double>(figures.workers); });
  workers("controller_runtime_active_workers", "Workers that are at work.",
          [](const Figures& figures) { return static_cast<double>(figures.queue.working); });
}

void ControllerMetrics::read_from(std::function<Figures()> read) {
  const std::scoped_lock lock(m_mutex);
  m_read = std::move(read);
}

ControllerMetrics::Figures ControllerMetrics::figures() const {
  const std::scoped_lock lock(m_mutex);
  return m_read ? m_read() : Figures{};
}

void ControllerMetrics::pod_created(const RequestTotals& requests,
                                    std::optional<std::chrono::milliseconds> wait) {
  m_sum_cpu.add({}, static_cast<double>(requests.sum_millicores) / 1000);
  m_peak_cpu.add({}, static_cast<double>(requests.peak_millicores) / 1000);
  m_sum_memory.add({}, static_cast<double>(requests.sum_bytes));
  m_peak_memory.add({}, static_cast<double>(requests.peak_bytes));
  if (wait)
    m_pod_creation.observe({}, seconds(*wait));
}

void ControllerMetrics::first_step_started(std::chrono::milliseconds wait) {
  m_first_step.observe({}, seconds(wait));
}

void ControllerMetrics::attempt_ended(const Progress& progress, const Outline& outline) {
  for (const TaskProgress& task : progress.tasks) {
    const auto* const outcome =
        std::find_if(task_outcomes.begin(), task_outcomes.end(),
                     [&](const auto& known) { return known.first == task.state; });
    if (outcome == task_outcomes.end())
      continue; // its end was never heard of
    m_tasks.add({outcome->second, known(task_reasons, task.reason)});
    if (task.state != "Skipped" && task.started != 0 && task.finished != 0)
      m_task_duration.observe({outcome->second},
                              seconds(std::chrono::milliseconds(task.finished - task.started)));
  }
  for (const std::chrono::milliseconds handover : handovers(progress, outline))
    m_handover.observe({}, seconds(handover));
}

void ControllerMetrics::run_ended(bool succeeded, std::string_view reason,
                                  std::chrono::milliseconds duration) {
  const char* const outcome = succeeded ? "succeeded" : is_cancel(reason) ? "cancelled" : "failed";
  m_runs.add({outcome, known(run_reasons, reason)});
  m_run_duration.observe({outcome}, seconds(duration));
}

void ControllerMetrics::pod_replaced() { m_pods_replaced.add(); }

void ControllerMetrics::journal_failed(JournalError error) {
  m_journal_errors.add({journal_errors.at(static_cast<std::size_t>(error))});
}

void ControllerMetrics::key_taken(std::chrono::nanoseconds queued) {
  m_queued.observe({queue_name}, seconds(queued));
}

void ControllerMetrics::key_done(std::chrono::nanoseconds worked) {
  m_worked.observe({queue_name}, seconds(worked));
}

void ControllerMetrics::reconciled(const Reconciled& result, std::chrono::nanoseconds duration) {
  m_reconciles.add({controller_name, result_of(result)});
  if (result.failed)
    m_reconcile_errors.add({controller_name});
  m_reconcile_time.observe({controller_name}, seconds(duration));
}

namespace {

// When the last step of a task had ended; 0: not yet, or nothing is known of it.
std::int64_t end_of(const TaskProgress& task) {
  std::int64_t end = 0;
  for (const StepProgress& step : task.steps)
    end = std::max(end, step.finished);
  return task.finished == 0 || end == 0 ? task.finished : end;
}

} // namespace

std::vector<std::chrono::milliseconds> handovers(const Progress& progress, const Outline& outline) {
  std::map<std::string_view, const TaskProgress*> heard;
  for (const TaskProgress& task : progress.tasks)
    heard[task.name] = &task;

  std::vector<std::chrono::milliseconds> all;
  const auto add = [&](std::int64_t end, std::int64_t start) {
    if (end != 0 && start != 0)
      all.emplace_back(std::max<std::int64_t>(start - end, 0));
  };
  std::int64_t all_others_done = 0;
  for (const Outline::Task& planned : outline.tasks) {
    if (const auto found = heard.find(planned.name); found != heard.end() && !planned.is_finally)
      all_others_done = std::max(all_others_done, end_of(*found->second));
  }
  for (const Outline::Task& planned : outline.tasks) {
    const auto found = heard.find(planned.name);
    if (found == heard.end() || found->second->steps.empty())
      continue;
    const TaskProgress& task = *found->second;
    for (std::size_t i = 1; i < task.steps.size(); ++i)
      add(task.steps[i - 1].finished, task.steps[i].started);
    if (!outline.has_order || task.attempts > 1)
      continue; // of several attempts the steps of the last one are known only
    std::int64_t end = planned.is_finally ? all_others_done : 0;
    for (const std::size_t before : planned.after) {
      const auto waited_for = heard.find(outline.tasks.at(before).name);
      if (waited_for != heard.end())
        end = std::max(end, end_of(*waited_for->second));
    }
    add(end, task.steps.front().started);
  }
  return all;
}

} // namespace taskgroup
