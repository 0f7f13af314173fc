// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/clock.h"
#include "kube/kube_api.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace taskgroup::kube {

// Tells users what has happened to an object, as Events (events.k8s.io/v1). Never blocks and never
// fails: a thread of its own writes them; what it cannot write is counted and dropped. The same
// again within six minutes raises a counter (`series`) on the first one, at most every so often.
class EventRecorder {
public:
  enum class Type { normal, warning };

  struct Settings {
    std::string controller; // "taskgroup.dev/taskgroup-controller"
    std::string instance;   // of the controller: its pod's name
    std::size_t burst = 25; // Events of one object at once; then one each five minutes
    std::size_t queue = 1000;
  };

  struct Figures {
    std::uint64_t written = 0;
    std::uint64_t dropped = 0; // by limits
    std::uint64_t failed = 0;
  };

  EventRecorder(KubeApi& api, Settings settings, std::shared_ptr<Clock> clock = system_clock());
  ~EventRecorder(); // writes nothing more

  // Report about `regarding`, an object with apiVersion, kind and metadata. `reason` and `action`
  // are words like "PodCreated" and "Create"; `note` is a sentence, cut to 1,024 bytes.
  void record(const Json& regarding, Type type, const std::string& reason,
              const std::string& action, const std::string& note);

  // Wait until all that was recorded before is written or dropped.
  void flush();

  Figures figures() const;

private:
  struct Note {
    Json reference;
    Type type = Type::normal;
    std::string reason;
    std::string action;
    std::string text;
  };

  // An Event that was written, and how often the same has happened since.
  struct Series {
    ObjectKey key;
    std::int64_t count = 1;
    Clock::Time last;
    Clock::Time patched;
  };

  // How many more Events an object may have.
  struct Allowance {
    double left = 0;
    Clock::Time at;
  };

  void run(const std::stop_token& stop);
  void write(const Note& note, const std::stop_token& stop);
  bool allowed(const std::string& uid, Clock::Time now);
  bool raise(Series& series, Clock::Time now, const std::stop_token& stop);
  void count(std::uint64_t Figures::* member);

  KubeApi& m_api;
  Settings m_settings;
  std::shared_ptr<Clock> m_clock;
  std::map<std::string, Series> m_series;        // the thread's own, by all that makes Events alike
  std::map<std::string, Allowance> m_allowances; // the thread's own, by UID
  std::uint64_t m_names = 0;

  mutable std::mutex m_mutex; // of what follows
  std::condition_variable_any m_changed;
  std::deque<Note> m_queue;
  bool m_busy = false;
  Figures m_figures;
  std::jthread m_thread;
};

} // namespace taskgroup::kube
