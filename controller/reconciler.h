// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/custom_run.h"
#include "controller/decide.h"
#include "controller/journals.h"
#include "controller/preparer.h"
#include "kube/kube_api.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace taskgroup {

class ControllerMetrics;

// Names a run: both kinds may have one of the same name.
struct RunKey {
  RunKind kind = RunKind::custom_run;
  kube::ObjectKey object;
  friend auto operator<=>(const RunKey&, const RunKey&) = default;
};

// What the controller's caches hold. Answers may be old. All calls are thread-safe.
class Cache {
public:
  virtual ~Cache() = default;
  virtual std::optional<Json> run(const RunKey& key) const = 0;
  virtual std::optional<Json> pod(const kube::ObjectKey& key) const = 0;

  // Return the pods that a run controls.
  virtual std::vector<Json> pods_of(const RunKey& key, const std::string& uid) const = 0;
};

// How a reconcile ended.
struct Reconciled {
  enum class Kind {
    settled,  // nothing to do until something changes
    wait,     // look again at `until`
    try_again // something failed that may pass: look again, later each time
  };
  Kind kind = Kind::settled;
  std::int64_t until = 0; // milliseconds since the epoch
  bool failed = false;    // try_again: something failed; not where another one wrote first
};

struct ReconcilerSettings {
  std::string agent_image;
};

// The shell around decide(): reads what it asks for, does what it says, one write at a time.
// Thread-safe, as long as no two threads reconcile one run at once.
class Reconciler {
public:
  using Clock = std::function<std::int64_t()>; // milliseconds since the epoch
  using Events = std::function<void(const Json& about, const RunEvent& event)>;

  Reconciler(kube::KubeApi& api, const Cache& cache, Journals& journals, const Preparer& preparer,
             ReconcilerSettings settings, Clock clock, Events events, ControllerMetrics& metrics)
      : m_api(api),
        m_cache(cache),
        m_journals(journals),
        m_preparer(preparer),
        m_settings(std::move(settings)),
        m_clock(std::move(clock)),
        m_events(std::move(events)),
        m_metrics(metrics),
        m_begun(m_clock()) {}

  Reconciled reconcile(const RunKey& key, std::stop_token stop);

private:
  class Pass;

  // What a process remembers of a run beside the API server's objects.
  struct Memory {
    std::int64_t last_write = 0;
    std::string pod; // UID of the one whose journal was asked for last
    std::int64_t first_seen = 0;
    bool step_ran = false; // its first step was heard of
  };

  Memory remembered(const std::string& uid) const;
  void remember_write(const std::string& uid, std::int64_t time);
  void remember_pod(const std::string& uid, const std::string& pod_uid);
  void remember_step(const std::string& uid);
  void forget(const std::string& uid);

  kube::KubeApi& m_api;
  const Cache& m_cache;
  Journals& m_journals;
  const Preparer& m_preparer;
  const ReconcilerSettings m_settings;
  const Clock m_clock;
  const Events m_events;
  ControllerMetrics& m_metrics;
  const std::int64_t m_begun;

  mutable std::mutex m_mutex;
  std::map<std::string, Memory> m_memory; // by the run's UID
  std::map<RunKey, std::string> m_uids;   // of runs seen, to forget those that are gone
};

} // namespace taskgroup
