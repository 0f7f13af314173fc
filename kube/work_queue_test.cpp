// SPDX-License-Identifier: Apache-2.0
#include "kube/work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace taskgroup::kube {
namespace {

using namespace std::chrono_literals;

const std::stop_token go;

TEST(WorkQueue, AKeyWaitsOnce) {
  WorkQueue queue;
  queue.add("a");
  queue.add("b");
  queue.add("a");
  EXPECT_EQ(queue.take(go), "a");
  EXPECT_EQ(queue.take(go), "b");
  EXPECT_EQ(queue.figures().depth, 0U);
  EXPECT_EQ(queue.figures().working, 2U);
}

TEST(WorkQueue, AKeyThatIsWorkedOnComesAgainAfterItsWorker) {
  WorkQueue queue;
  queue.add("a");
  ASSERT_EQ(queue.take(go), "a");
  queue.add("a");
  queue.add("a");
  EXPECT_EQ(queue.figures().depth, 0U);
  queue.done("a");
  EXPECT_EQ(queue.take(go), "a");
  queue.done("a");
  EXPECT_EQ(queue.figures().depth, 0U);
}

TEST(WorkQueue, DelayedKeysComeInTheOrderOfTheirTimes) {
  WorkQueue queue;
  queue.add_after("late", 30ms);
  queue.add_after("early", 10ms);
  queue.add_after("moved", 10h);
  queue.add_after("moved", 20ms);
  queue.add_after("moved", 10h);
  EXPECT_EQ(queue.take(go), "early");
  EXPECT_EQ(queue.take(go), "moved");
  EXPECT_EQ(queue.take(go), "late");
  EXPECT_EQ(queue.figures().delayed, 0U);
}

TEST(WorkQueue, AShorterDelayWakesAWorkerThatWaitsForALongerOne) {
  WorkQueue queue;
  queue.add_after("long", 10h);
  std::jthread adder([&] { queue.add_after("short", 1ms); });
  EXPECT_EQ(queue.take(go), "short");
}

TEST(WorkQueue, DelaysDoubleWithEachFailureOfAKey) {
  WorkQueue queue({.first = 5ms, .limit = 30ms, .rate = 10, .burst = 100});
  std::vector<WorkQueue::Duration> delays;
  for (int i = 0; i < 5; ++i) {
    delays.push_back(queue.add_after_failure("a"));
  }
  EXPECT_EQ(delays, (std::vector<WorkQueue::Duration>{5ms, 10ms, 20ms, 30ms, 30ms}));
  EXPECT_EQ(queue.add_after_failure("b"), 5ms);
  EXPECT_EQ(queue.failures("a"), 5);
  queue.forget("a");
  EXPECT_EQ(queue.add_after_failure("a"), 5ms);
  EXPECT_EQ(queue.figures().retries, 7U);
}

TEST(WorkQueue, AManyKeysThatFailTakeTurns) {
  WorkQueue queue({.first = 1ms, .limit = 1s, .rate = 0.001, .burst = 2});
  EXPECT_EQ(queue.add_after_failure("a"), 1ms);
  EXPECT_EQ(queue.add_after_failure("b"), 1ms);
  EXPECT_GT(queue.add_after_failure("c"), 10s);
}

TEST(WorkQueue, TellsHowLongKeysWaitedAndWereWorkedOn) {
  int taken = 0;
  std::vector<WorkQueue::Duration> worked;
  WorkQueue queue({.on_taken =
                       [&](WorkQueue::Duration waited) {
                         EXPECT_GE(waited, 0ns);
                         ++taken;
                       },
                   .on_done = [&](WorkQueue::Duration time) { worked.push_back(time); }});
  queue.add("a");
  ASSERT_TRUE(queue.take({}));
  EXPECT_EQ(taken, 1);
  EXPECT_TRUE(worked.empty());
  queue.done("b"); // nobody had it
  queue.done("a");
  EXPECT_THAT(worked, testing::ElementsAre(testing::Gt(0ns)));
}

TEST(WorkQueue, StopAndShutDownEndAWait) {
  WorkQueue queue;
  std::stop_source source;
  std::jthread stopper([&] { source.request_stop(); });
  EXPECT_EQ(queue.take(source.get_token()), std::nullopt);

  queue.add("a");
  queue.add_after("later", 1ms);
  queue.shut_down();
  queue.add("b");
  EXPECT_EQ(queue.take(go), "a");
  EXPECT_EQ(queue.take(go), std::nullopt);
}

TEST(WorkQueue, NoKeyIsWithTwoWorkers) {
  WorkQueue queue;
  std::atomic<int> inside = 0;
  std::atomic<int> handled = 0;
  std::atomic<bool> overlapped = false;
  std::vector<std::jthread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      while (const auto key = queue.take({})) {
        overlapped = overlapped || ++inside > 1;
        ++handled;
        --inside;
        queue.done(*key);
      }
    });
  }
  for (int i = 0; i < 1000; ++i) {
    queue.add("only");
  }
  queue.shut_down();
  workers.clear();
  EXPECT_FALSE(overlapped);
  EXPECT_GE(handled, 1);
}

} // namespace
} // namespace taskgroup::kube
