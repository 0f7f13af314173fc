// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

namespace taskgroup::kube {

// Cuts calls that block: those whose caller asked for a stop, and those that are overdue. One
// thread for all calls. Must outlive its guards.
class CallGuards {
public:
  using Cut = std::function<void()>;

  CallGuards();
  ~CallGuards();
  CallGuards(const CallGuards&) = delete;
  CallGuards& operator=(const CallGuards&) = delete;

  class Guard;

  // Guard a call until the guard is destroyed. `cut` makes the call end; it must not block. It is
  // called again and again until then, for the call may have had nothing to be cut the first time.
  std::unique_ptr<Guard> guard(std::optional<std::chrono::milliseconds> limit,
                               const std::stop_token& stop, Cut cut);

private:
  struct Entry {
    Cut cut;
    std::optional<std::chrono::steady_clock::time_point> due; // to cut (again)
    bool is_overdue = false;
    bool is_stopped = false;
  };
  using Entries = std::list<Entry>;

  void run(const std::stop_token& stop);

  std::mutex m_mutex; // of the entries; held while one is cut
  std::condition_variable_any m_changed;
  Entries m_entries;
  bool m_has_news = false; // an entry came, or has become due
  std::jthread m_thread;
};

class CallGuards::Guard {
public:
  Guard(CallGuards& guards, Entries::iterator entry, const std::stop_token& stop);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  bool is_overdue() const;

private:
  void stop_now();

  CallGuards& m_guards;
  Entries::iterator m_entry;
  std::optional<std::stop_callback<std::function<void()>>> m_on_stop;
};

} // namespace taskgroup::kube
