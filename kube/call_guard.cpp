// SPDX-License-Identifier: Apache-2.0
#include "kube/call_guard.h"

#include <utility>

namespace taskgroup::kube {
namespace {

constexpr std::chrono::milliseconds pause_between_cuts{50};

} // namespace

CallGuards::CallGuards() {
  m_thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

CallGuards::~CallGuards() = default;

std::unique_ptr<CallGuards::Guard> CallGuards::guard(std::optional<std::chrono::milliseconds> limit,
                                                     const std::stop_token& stop, Cut cut) {
  Entry entry{.cut = std::move(cut), .due = std::nullopt};
  if (limit) {
    entry.due = std::chrono::steady_clock::now() + *limit;
  }
  Entries::iterator place;
  {
    const std::scoped_lock lock(m_mutex);
    place = m_entries.insert(m_entries.end(), std::move(entry));
    m_has_news = true;
    m_changed.notify_all();
  }
  return std::make_unique<Guard>(*this, place, stop);
}

void CallGuards::run(const std::stop_token& stop) {
  std::unique_lock lock(m_mutex);
  while (!stop.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    std::optional<std::chrono::steady_clock::time_point> next;
    for (Entry& entry : m_entries) {
      if (entry.due && *entry.due <= now) {
        entry.is_overdue = entry.is_overdue || !entry.is_stopped;
        entry.cut();
        entry.due = now + pause_between_cuts;
      }
      if (entry.due && (!next || *entry.due < *next)) {
        next = entry.due;
      }
    }
    const auto has_news = [&] { return std::exchange(m_has_news, false); };
    if (next) {
      m_changed.wait_until(lock, stop, *next, has_news);
    } else {
      m_changed.wait(lock, stop, has_news);
    }
  }
}

CallGuards::Guard::Guard(CallGuards& guards, Entries::iterator entry, const std::stop_token& stop)
    : m_guards(guards), m_entry(entry) {
  m_on_stop.emplace(stop, [this] { stop_now(); });
}

CallGuards::Guard::~Guard() {
  m_on_stop.reset(); // waits for one that runs
  const std::scoped_lock lock(m_guards.m_mutex);
  m_guards.m_entries.erase(m_entry);
}

bool CallGuards::Guard::is_overdue() const {
  const std::scoped_lock lock(m_guards.m_mutex);
  return m_entry->is_overdue;
}

void CallGuards::Guard::stop_now() {
  const std::scoped_lock lock(m_guards.m_mutex);
  m_entry->is_stopped = true;
  m_entry->due = std::chrono::steady_clock::now();
  m_guards.m_has_news = true;
  m_guards.m_changed.notify_all();
}

} // namespace taskgroup::kube
