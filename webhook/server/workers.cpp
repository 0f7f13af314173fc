// SPDX-License-Identifier: Apache-2.0
#include "webhook/server/workers.h"

#include <utility>

namespace taskgroup {

Workers::Workers(std::size_t threads, std::size_t most_waiting) : m_most_waiting(most_waiting) {
  for (std::size_t i = 0; i < threads; ++i)
    m_threads.emplace_back([this] { work(); });
}

Workers::~Workers() {
  {
    const std::scoped_lock lock(m_mutex);
    m_ends = true;
  }
  m_changed.notify_all();
  m_threads.clear(); // joins
}

bool Workers::add(Job job, bool large) {
  {
    const std::scoped_lock lock(m_mutex);
    if (m_small.size() + m_large.size() >= m_most_waiting)
      return false;
    (large ? m_large : m_small).push_back(std::move(job));
  }
  m_changed.notify_one();
  return true;
}

void Workers::work() {
  std::unique_lock lock(m_mutex);
  while (true) {
    m_changed.wait(lock, [this] { return has_work() || (m_ends && m_large.empty()); });
    if (!has_work())
      return;
    const bool large = m_small.empty();
    auto& queue = large ? m_large : m_small;
    Job job = std::move(queue.front());
    queue.pop_front();
    m_large_is_done = m_large_is_done || large;
    lock.unlock();
    job();
    job = nullptr; // what it holds goes before another one is begun
    lock.lock();
    if (large) {
      m_large_is_done = false;
      m_changed.notify_all();
    }
  }
}

} // namespace taskgroup
