// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/clock.h"

#include <chrono>
#include <random>

namespace taskgroup::kube {

// Delays that double with each failure, up to a limit, each stretched by a random part of itself so
// that many clients do not come back at once. A calm time starts over. For one thread.
class Backoff {
public:
  struct Settings {
    std::chrono::milliseconds first{800};
    std::chrono::milliseconds limit{30'000};
    std::chrono::milliseconds calm{120'000}; // since the last call of next()
    double jitter = 1.0;                     // 1: up to twice as long
  };

  explicit Backoff(Settings settings);

  // Return how long to wait after a failure at `now`.
  std::chrono::milliseconds next(Clock::Time now);

private:
  Settings m_settings;
  std::chrono::milliseconds m_delay;
  Clock::Time m_last;
  std::minstd_rand m_random;
};

} // namespace taskgroup::kube
