// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/controller_metrics.h"
#include "controller/informer_cache.h"
#include "controller/journals.h"
#include "controller/preparer.h"
#include "controller/reconciler.h"
#include "kube/event_recorder.h"
#include "kube/work_queue.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace taskgroup {

struct ControllerSettings {
  std::string namespace_name; // empty: all namespaces
  std::size_t workers = 8;
  std::size_t most_followed = 200; // journals at once, each with a connection and a thread
  std::string instance;            // of this process: its pod's name
  PreparerSettings preparer;
};

// Everything that works while this process leads: caches, queue, workers. start() once, stop()
// once. `metrics` must outlive it, and reads its figures meanwhile.
class Controller {
public:
  Controller(kube::KubeApi& api, ControllerSettings settings, ControllerMetrics& metrics);
  ~Controller();

  void start();

  // Take nothing new in, end the step in hand, end all watches.
  void stop();

  bool has_synced() const { return m_cache.has_synced(); }

  // Tell whether a worker has had one run for so long that no slow API server explains it.
  bool is_stuck() const;

private:
  void enqueue(const RunKey& run);
  void report(const JournalTrouble& trouble);
  void work(const std::stop_token& stop);

  ControllerMetrics::Figures figures() const;

  const ControllerSettings m_settings;
  ControllerMetrics& m_metrics;
  kube::WorkQueue m_queue;
  InformerCache m_cache;
  Journals m_journals;
  kube::EventRecorder m_events;
  Preparer m_preparer;
  Reconciler m_reconciler;
  std::vector<std::jthread> m_workers;
};

} // namespace taskgroup
