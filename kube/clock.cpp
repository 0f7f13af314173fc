// SPDX-License-Identifier: Apache-2.0
#include "kube/clock.h"

#include <condition_variable>
#include <mutex>

namespace taskgroup::kube {
namespace {

class SystemClock final : public Clock {
public:
  Time now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }

  bool sleep(std::chrono::nanoseconds duration, const std::stop_token& stop) override {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, duration, [] { return false; });
    return !stop.stop_requested();
  }
};

} // namespace

std::shared_ptr<Clock> system_clock() {
  static const auto clock = std::make_shared<SystemClock>();
  return clock;
}

} // namespace taskgroup::kube
