// SPDX-License-Identifier: Apache-2.0
#include "kube/work_queue.h"

#include <algorithm>
#include <utility>

namespace taskgroup::kube {

WorkQueue::WorkQueue() : WorkQueue(Settings{}) {}

WorkQueue::WorkQueue(Settings settings)
    : m_settings(std::move(settings)),
      m_tokens(m_settings.burst),
      m_refilled(std::chrono::steady_clock::now()) {}

void WorkQueue::add(const Key& key) {
  const std::scoped_lock lock(m_mutex);
  add_locked(key, std::chrono::steady_clock::now());
}

// m_since holds a key from its add until it is taken: as long as it waits, or, while a worker has
// it, as the mark that it must come again.
void WorkQueue::add_locked(const Key& key, Time now) {
  if (m_shut_down || !m_since.emplace(key, now).second) {
    return;
  }
  ++m_figures.adds;
  if (!m_working.contains(key)) {
    m_waiting.push_back(key);
    m_changed.notify_one();
  }
}

void WorkQueue::add_after(const Key& key, Duration delay) {
  const std::scoped_lock lock(m_mutex);
  const Time now = std::chrono::steady_clock::now();
  if (delay <= Duration::zero()) {
    add_locked(key, now);
    return;
  }
  if (m_shut_down) {
    return;
  }
  const Time due = now + delay;
  const auto [found, is_new] = m_due.emplace(key, due);
  if (!is_new) {
    if (found->second <= due) {
      return;
    }
    m_delayed.erase({found->second, key});
    found->second = due;
  }
  m_delayed.emplace(due, key);
  m_changed.notify_all(); // whoever waits may have to wake up sooner
}

WorkQueue::Duration WorkQueue::add_after_failure(const Key& key) {
  Duration delay{0};
  {
    const std::scoped_lock lock(m_mutex);
    ++m_figures.retries;
    const int failures = m_failures[key]++;
    delay = std::min<Duration>(m_settings.limit, Duration(m_settings.first)
                                                     * (std::int64_t{1} << std::min(failures, 30)));
    const Time now = std::chrono::steady_clock::now();
    const double elapsed = std::chrono::duration<double>(now - m_refilled).count();
    m_refilled = now;
    m_tokens = std::min(m_settings.burst, m_tokens + elapsed * m_settings.rate) - 1;
    if (m_tokens < 0) { // those before it have taken what there was
      const std::chrono::duration<double> turn(-m_tokens / m_settings.rate);
      delay = std::max(delay, std::chrono::duration_cast<Duration>(turn));
    }
  }
  add_after(key, delay);
  return delay;
}

void WorkQueue::forget(const Key& key) {
  const std::scoped_lock lock(m_mutex);
  m_failures.erase(key);
}

int WorkQueue::failures(const Key& key) const {
  const std::scoped_lock lock(m_mutex);
  const auto found = m_failures.find(key);
  return found == m_failures.end() ? 0 : found->second;
}

void WorkQueue::move_due(Time now) {
  while (!m_delayed.empty() && m_delayed.begin()->first <= now) {
    const Key key = m_delayed.begin()->second;
    m_delayed.erase(m_delayed.begin());
    m_due.erase(key);
    add_locked(key, now);
  }
}

std::optional<WorkQueue::Key> WorkQueue::take(const std::stop_token& stop) {
  std::unique_lock lock(m_mutex);
  while (true) {
    const Time now = std::chrono::steady_clock::now();
    move_due(now);
    if (stop.stop_requested()) {
      return std::nullopt;
    }
    if (!m_waiting.empty()) {
      Key key = std::move(m_waiting.front());
      m_waiting.pop_front();
      const auto since = m_since.find(key);
      const Duration queued = now - since->second;
      m_figures.queued += queued;
      ++m_figures.taken;
      m_since.erase(since);
      m_working.emplace(key, now);
      lock.unlock();
      if (m_settings.on_taken) {
        m_settings.on_taken(queued);
      }
      return key;
    }
    if (m_shut_down) {
      return std::nullopt;
    }
    const auto woken = [&] { return !m_waiting.empty() || m_shut_down; };
    if (m_delayed.empty()) {
      m_changed.wait(lock, stop, [&] { return woken() || !m_delayed.empty(); });
    } else {
      const Time due = m_delayed.begin()->first;
      m_changed.wait_until(lock, stop, due, [&] {
        return woken() || m_delayed.empty() || m_delayed.begin()->first != due;
      });
    }
  }
}

void WorkQueue::done(const Key& key) {
  Duration worked{0};
  {
    const std::scoped_lock lock(m_mutex);
    const auto working = m_working.find(key);
    if (working == m_working.end()) {
      return;
    }
    worked = std::chrono::steady_clock::now() - working->second;
    m_figures.worked += worked;
    ++m_figures.finished;
    m_working.erase(working);
    if (m_since.contains(key)) {
      m_waiting.push_back(key);
      m_changed.notify_one();
    }
  }
  if (m_settings.on_done) {
    m_settings.on_done(worked);
  }
}

void WorkQueue::shut_down() {
  const std::scoped_lock lock(m_mutex);
  m_shut_down = true;
  m_delayed.clear();
  m_due.clear();
  m_changed.notify_all();
}

WorkQueue::Figures WorkQueue::figures() const {
  const std::scoped_lock lock(m_mutex);
  Figures figures = m_figures;
  figures.depth = m_waiting.size();
  figures.working = m_working.size();
  figures.delayed = m_delayed.size();
  const Time now = std::chrono::steady_clock::now();
  for (const auto& [key, since] : m_working) {
    figures.unfinished += now - since;
    figures.longest_running = std::max<Duration>(figures.longest_running, now - since);
  }
  return figures;
}

} // namespace taskgroup::kube
