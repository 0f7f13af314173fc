// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/informer_cache.h"
#include "controller/journals.h"
#include "controller/pod_builder.h"
#include "controller/progress.h"
#include "kube/work_queue.h"
#include "service/metrics.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace taskgroup {

// What the controller exports: docs/metrics.md lists and explains it. Lives as long as the process,
// whether it leads or not; thread-safe. Times are milliseconds since the Unix epoch.
class ControllerMetrics {
public:
  explicit ControllerMetrics(metrics::Registry& registry);
  ControllerMetrics(const ControllerMetrics&) = delete;
  ControllerMetrics& operator=(const ControllerMetrics&) = delete;

  // What is read at each scrape.
  struct Figures {
    kube::WorkQueue::Figures queue;
    std::size_t workers = 0;
    Census census;
    std::size_t journals_followed = 0;
  };

  // Ask `read` from now on; all is zero before, and where it is empty: this process does not lead.
  // Returns once no earlier one runs.
  void read_from(std::function<Figures()> read);

  // A pod was created. `wait` is the time since its run was created; nothing: not the first pod of
  // the run.
  void pod_created(const RequestTotals& requests, std::optional<std::chrono::milliseconds> wait);

  // The first step of a run was started, so long after the run was created.
  void first_step_started(std::chrono::milliseconds wait);

  // An attempt has ended, with what its journal said of its tasks.
  void attempt_ended(const Progress& progress, const Outline& outline);

  // A run has got its final status. `reason` is the condition's; `duration` counts from the run's
  // creation.
  void run_ended(bool succeeded, std::string_view reason, std::chrono::milliseconds duration);

  void pod_replaced();
  void journal_failed(JournalError error);

  // Of the work queue.
  void key_taken(std::chrono::nanoseconds queued);
  void key_done(std::chrono::nanoseconds worked);
  void reconciled(const Reconciled& result, std::chrono::nanoseconds duration);

private:
  Figures figures() const;
  void declare_figures(metrics::Registry& registry);

  mutable std::mutex m_mutex; // of m_read
  std::function<Figures()> m_read;

  metrics::Counter m_runs;
  metrics::Histogram m_run_duration;
  metrics::Counter m_tasks;
  metrics::Histogram m_task_duration;
  metrics::Histogram m_pod_creation;
  metrics::Histogram m_first_step;
  metrics::Histogram m_handover;
  metrics::Counter m_sum_cpu;
  metrics::Counter m_peak_cpu;
  metrics::Counter m_sum_memory;
  metrics::Counter m_peak_memory;
  metrics::Counter m_pods_replaced;
  metrics::Counter m_journal_errors;
  metrics::Histogram m_queued;
  metrics::Histogram m_worked;
  metrics::Counter m_reconciles;
  metrics::Counter m_reconcile_errors;
  metrics::Histogram m_reconcile_time;
};

// Return the hand-overs of an attempt: from a step's end to the start of the next step of its task,
// and from the end of the last task that a task waited for to its first step.
std::vector<std::chrono::milliseconds> handovers(const Progress& progress, const Outline& outline);

} // namespace taskgroup
