// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/clock.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace taskgroup::kube {

// A clock that moves only when told to: a sleep ends when advance() has passed its end.
class FakeClock final : public Clock {
public:
  Time now() const override;
  WallTime wall() const override; // begins at 2026-01-01T00:00:00Z
  bool sleep(std::chrono::nanoseconds duration, const std::stop_token& stop) override;

  void advance(std::chrono::nanoseconds duration);

  // Let sleeps end at once and move the clock by their length.
  void run_freely(bool freely);

  // Block until so many sleep at once.
  void wait_for_sleepers(std::size_t count);

  std::vector<std::chrono::nanoseconds> sleeps() const; // all that were asked for, in order

private:
  mutable std::mutex m_mutex;
  std::condition_variable_any m_changed;
  std::chrono::nanoseconds m_elapsed{0};
  std::size_t m_sleepers = 0;
  bool m_freely = false;
  std::vector<std::chrono::nanoseconds> m_sleeps;
};

} // namespace taskgroup::kube
