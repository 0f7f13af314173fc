// SPDX-License-Identifier: Apache-2.0
#include "kube/fake_clock.h"

namespace taskgroup::kube {

Clock::Time FakeClock::now() const {
  const std::scoped_lock lock(m_mutex);
  return Time(std::chrono::hours(1)) + m_elapsed;
}

WallTime FakeClock::wall() const {
  const std::scoped_lock lock(m_mutex);
  return std::chrono::sys_days(std::chrono::year(2026) / std::chrono::January / 1)
         + std::chrono::floor<WallTime::duration>(m_elapsed);
}

bool FakeClock::sleep(std::chrono::nanoseconds duration, const std::stop_token& stop) {
  std::unique_lock lock(m_mutex);
  m_sleeps.push_back(duration);
  const auto end = m_elapsed + duration;
  if (m_freely) {
    m_elapsed = end;
    m_changed.notify_all();
    return !stop.stop_requested();
  }
  ++m_sleepers;
  m_changed.notify_all();
  m_changed.wait(lock, stop, [&] { return m_elapsed >= end; });
  --m_sleepers;
  return !stop.stop_requested();
}

void FakeClock::advance(std::chrono::nanoseconds duration) {
  const std::scoped_lock lock(m_mutex);
  m_elapsed += duration;
  m_changed.notify_all();
}

void FakeClock::run_freely(bool freely) {
  const std::scoped_lock lock(m_mutex);
  m_freely = freely;
}

void FakeClock::wait_for_sleepers(std::size_t count) {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [&] { return m_sleepers >= count; });
}

std::vector<std::chrono::nanoseconds> FakeClock::sleeps() const {
  const std::scoped_lock lock(m_mutex);
  return m_sleeps;
}

} // namespace taskgroup::kube
