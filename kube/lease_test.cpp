// SPDX-License-Identifier: Apache-2.0
#include "kube/fake_clock.h"
#include "kube/fake_kube_api.h"
#include "kube/lease.h"
#include "kube/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace taskgroup::kube {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class LeaseTest : public testing::Test {
protected:
  LeaseTest() { clock->run_freely(true); }

  LeaderElection candidate(const std::string& identity) {
    return {api, {.lease = key, .identity = identity, .on_note = {}}, clock};
  }
  Json spec() const { return (*api.find(leases, key))["spec"]; }

  // Let time pass, and let the other change the lease, whenever the leader asks.
  void on_write(std::function<Fate(const FakeWrite&)> hook) { api.set_write_hook(std::move(hook)); }

  const ObjectKey key{.namespace_name = "ns", .name = "controller"};
  const std::stop_token go;
  FakeKubeApi api;
  std::shared_ptr<FakeClock> clock = std::make_shared<FakeClock>();
};

TEST_F(LeaseTest, TheFirstOneMakesTheLease) {
  auto one = candidate("one");
  EXPECT_TRUE(one.acquire(go));
  EXPECT_EQ(spec()["holderIdentity"], "one");
  EXPECT_EQ(spec()["leaseDurationSeconds"], 15);
  EXPECT_EQ(spec()["leaseTransitions"], 0);
  EXPECT_EQ(spec()["acquireTime"], "2026-01-01T00:00:00.000000Z");
}

TEST_F(LeaseTest, TheSecondOneTakesOverOnceItHasNotSeenARenewalForTheDuration) {
  auto one = candidate("one");
  ASSERT_TRUE(one.acquire(go));
  auto two = candidate("two");
  const auto begun = clock->now();
  EXPECT_TRUE(two.acquire(go));
  EXPECT_GT(clock->now() - begun, 15s);
  EXPECT_EQ(spec()["holderIdentity"], "two");
  EXPECT_EQ(spec()["leaseTransitions"], 1);
  EXPECT_THAT(one.hold(go).value_or(""), HasSubstr("taken over by two"));
}

TEST_F(LeaseTest, ARenewedLeaseIsNotTakenOver) {
  auto one = candidate("one");
  ASSERT_TRUE(one.acquire(go));
  int reads = 0;
  std::stop_source source;
  api.set_read_hook([&](const std::string&, const Resource&, const std::string&) {
    api.modify(leases, key, [&](Json& lease) {
      lease["spec"]["renewTime"] = "2026-01-01T00:00:" + std::to_string(10 + reads) + ".000000Z";
    });
    if (++reads == 20) {
      source.request_stop();
    }
    return std::optional<ApiError>();
  });
  auto two = candidate("two");
  EXPECT_FALSE(two.acquire(source.get_token()));
  EXPECT_EQ(spec()["holderIdentity"], "one");
}

TEST_F(LeaseTest, AReleasedLeaseIsTakenAtOnce) {
  auto one = candidate("one");
  ASSERT_TRUE(one.acquire(go));
  one.release();
  const auto begun = clock->now();
  auto two = candidate("two");
  EXPECT_TRUE(two.acquire(go));
  EXPECT_EQ(clock->now(), begun);
}

TEST_F(LeaseTest, HoldRenewsUntilItIsStopped) {
  auto one = candidate("one");
  ASSERT_TRUE(one.acquire(go));
  std::stop_source source;
  int renewals = 0;
  on_write([&](const FakeWrite&) {
    if (++renewals == 5) {
      source.request_stop();
    }
    return Fate{};
  });
  EXPECT_EQ(one.hold(source.get_token()), std::nullopt);
  EXPECT_EQ(renewals, 5);
  EXPECT_EQ(spec()["renewTime"], "2026-01-01T00:00:10.000000Z");
  EXPECT_EQ(spec()["acquireTime"], "2026-01-01T00:00:00.000000Z");
}

TEST_F(LeaseTest, HoldGivesUpWhenTheServerIsAwayTooLong) {
  auto one = candidate("one");
  ASSERT_TRUE(one.acquire(go));
  on_write([&](const FakeWrite&) { return Fate{.kind = Fate::Kind::lose, .error = {}}; });
  const auto begun = clock->now();
  EXPECT_THAT(one.hold(go).value_or(""), HasSubstr("could not be renewed for 10 s"));
  EXPECT_EQ(clock->now() - begun, 10s);
}

TEST_F(LeaseTest, ARenewalWhoseAnswerWasLostIsNoLoss) {
  auto one = candidate("one");
  ASSERT_TRUE(one.acquire(go));
  std::stop_source source;
  int writes = 0;
  on_write([&](const FakeWrite&) {
    if (++writes == 4) {
      source.request_stop();
    }
    return Fate{.kind = writes == 1 ? Fate::Kind::lose_reply : Fate::Kind::apply, .error = {}};
  });
  EXPECT_EQ(one.hold(source.get_token()), std::nullopt);
  EXPECT_EQ(spec()["leaseTransitions"], 0);
}

} // namespace
} // namespace taskgroup::kube
