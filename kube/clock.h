// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/timestamp.h"

#include <chrono>
#include <memory>
#include <stop_token>

namespace taskgroup::kube {

// Time, for what waits or measures it. Abstract so that tests need not wait (FakeClock in
// fake_clock.h). May be used from any thread.
class Clock {
public:
  using Time = std::chrono::steady_clock::time_point;

  virtual ~Clock() = default;
  virtual Time now() const = 0;
  virtual WallTime wall() const = 0;

  // Wait; false if `stop` ended it early.
  virtual bool sleep(std::chrono::nanoseconds duration, const std::stop_token& stop) = 0;
};

// The machine's clock.
std::shared_ptr<Clock> system_clock();

} // namespace taskgroup::kube
