// SPDX-License-Identifier: Apache-2.0
#include "webhook/server/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

namespace taskgroup {
namespace {

TEST(Workers, DoesSmallJobsBesideALargeOneAndOneLargeAtATime) {
  std::promise<void> begun;
  std::promise<void> may_end;
  std::vector<std::promise<void>> large_done(5);
  std::vector<std::promise<void>> small_done(5);
  std::atomic<int> large = 0;
  std::atomic<int> most_large = 0;
  Workers workers(3, 100);
  const auto counted = [&](const std::function<void()>& work) {
    return [&, work] {
      const int now = ++large;
      most_large = std::max(most_large.load(), now);
      work();
      --large;
    };
  };
  workers.add(counted([&] {
                begun.set_value();
                may_end.get_future().wait();
              }),
              true);
  begun.get_future().wait();
  for (auto& done : large_done)
    workers.add(counted([&done] { done.set_value(); }), true);
  for (auto& done : small_done)
    workers.add([&done] { done.set_value(); }, false);
  for (auto& done : small_done)
    done.get_future().wait(); // while the large one has not ended
  may_end.set_value();
  for (auto& done : large_done)
    done.get_future().wait();
  EXPECT_EQ(most_large, 1);
}

TEST(Workers, RefusesWhatIsTooMuchAndDoesTheRestBeforeItEnds) {
  std::atomic<int> done = 0;
  std::promise<void> begun;
  std::promise<void> may_end;
  {
    Workers workers(1, 3);
    workers.add(
        [&] {
          begun.set_value();
          may_end.get_future().wait();
        },
        false);
    begun.get_future().wait();
    EXPECT_TRUE(workers.add([&] { ++done; }, true));
    EXPECT_TRUE(workers.add([&] { ++done; }, false));
    EXPECT_TRUE(workers.add([&] { ++done; }, true));
    EXPECT_FALSE(workers.add([&] { ++done; }, false));
    may_end.set_value();
  }
  EXPECT_EQ(done, 3);
}

} // namespace
} // namespace taskgroup
