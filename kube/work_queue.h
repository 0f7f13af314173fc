// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

namespace taskgroup::kube {

// Keys of objects to look at, as client-go's work queue has it: a key waits at most once, is with
// at most one worker at a time, and comes again if it was added while a worker had it. Any thread
// may call any member.
class WorkQueue {
public:
  using Key = std::string;
  using Duration = std::chrono::nanoseconds;

  // Delays of add_after_failure(): `first`, doubled with each failure of the key, at most `limit`;
  // and over all keys together `burst` at once, then `rate` a second.
  struct Settings {
    std::chrono::milliseconds first{5};
    std::chrono::milliseconds limit{1'000'000};
    double rate = 10;
    double burst = 100;
    // Told how long a key waited when it is taken, and how long a worker had it when it is done,
    // from the worker's thread. May be empty.
    std::function<void(Duration)> on_taken;
    std::function<void(Duration)> on_done;
  };

  // Figures for metrics, under the names that client-go's dashboards know.
  struct Figures {
    std::size_t depth = 0;
    std::size_t working = 0;
    std::size_t delayed = 0;
    std::uint64_t adds = 0;
    std::uint64_t retries = 0;
    Duration queued{0}; // sum over all takes
    Duration worked{0}; // sum over all done()
    std::uint64_t taken = 0;
    std::uint64_t finished = 0;
    Duration longest_running{0}; // of those that work
    Duration unfinished{0};      // sum over those that work
  };

  WorkQueue();
  explicit WorkQueue(Settings settings);

  void add(const Key& key);

  // Add it once the time has passed; the earliest of several counts. Does not hold back add().
  void add_after(const Key& key, Duration delay);

  // Count a failure of the key and add it after a delay that grows with them; returns the delay.
  Duration add_after_failure(const Key& key);

  // Forget the failures of the key: the next delay is the first again.
  void forget(const Key& key);
  int failures(const Key& key) const;

  // Wait for a key and take it; done() must follow. Nothing: `stop`, or shut down and empty.
  std::optional<Key> take(const std::stop_token& stop);
  void done(const Key& key);

  // Take nothing more in; what waits (not what is delayed) is still handed out.
  void shut_down();

  Figures figures() const;

private:
  using Time = std::chrono::steady_clock::time_point;

  void add_locked(const Key& key, Time now);
  void move_due(Time now);

  Settings m_settings;
  mutable std::mutex m_mutex;
  std::condition_variable_any m_changed;
  std::deque<Key> m_waiting;
  std::map<Key, Time> m_since;   // of those that wait or are dirty: when they were added
  std::map<Key, Time> m_working; // since when
  std::map<Key, Time> m_due;     // of those that are delayed
  std::set<std::pair<Time, Key>> m_delayed;
  std::map<Key, int> m_failures;
  double m_tokens;
  Time m_refilled;
  bool m_shut_down = false;
  Figures m_figures;
};

} // namespace taskgroup::kube
