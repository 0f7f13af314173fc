// SPDX-License-Identifier: Apache-2.0
#include "core/planning/planner_fixture.h"
#include "core/planning/timeouts.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;

class TimeoutsTest : public PlannerTest {
protected:
  struct Limits {
    std::optional<Millis> whole;
    std::optional<Millis> tasks;
    std::optional<Millis> finally;
    friend bool operator==(const Limits&, const Limits&) = default;
  };

  Limits limits(std::string whole, std::string tasks, std::string finally) {
    request.timeout = at(std::move(whole));
    group.run.tasks_timeout = at(std::move(tasks));
    group.run.finally_timeout = at(std::move(finally));
    const Plan plan = planned();
    return {plan.whole, plan.tasks_timeout, plan.finally_timeout};
  }
};

// Covers: 8.F2 9.5.F2
TEST_F(TimeoutsTest, TheWholeIs60MinutesByDefault) {
  EXPECT_EQ(limits("", "", ""), (Limits{minutes(60), {}, {}}));
  EXPECT_EQ(limits("0", "", ""), (Limits{{}, {}, {}}));
  EXPECT_EQ(limits("5m", "", ""), (Limits{minutes(5), {}, {}}));
}

// Covers: 9.5.F2
TEST_F(TimeoutsTest, TheThirdIsTheDifference) {
  EXPECT_EQ(limits("", "50m", ""), (Limits{minutes(60), minutes(50), minutes(10)}));
  EXPECT_EQ(limits("10m", "", "1m"), (Limits{minutes(10), minutes(9), minutes(1)}));
  EXPECT_EQ(limits("0", "5m", ""), (Limits{{}, minutes(5), {}}));
  EXPECT_EQ(limits("10m", "5m", "1m"), (Limits{minutes(10), minutes(5), minutes(1)}));
}

TEST_F(TimeoutsTest, TheRequestsWin) {
  request.tasks_timeout = at("3m");
  EXPECT_EQ(limits("10m", "5m", ""), (Limits{minutes(10), minutes(3), minutes(7)}));
}

TEST_F(TimeoutsTest, WhatDoesNotFitIsAnError) {
  group.run.tasks_timeout = at("2h");
  EXPECT_THAT(errors(), HasSubstr("2h"));
  group.run.tasks_timeout = at("40m");
  group.run.finally_timeout = at("40m");
  EXPECT_THAT(errors(), HasSubstr("40m"));
  group.run.finally_timeout = at("soon");
  EXPECT_THAT(errors(), HasSubstr("\"soon\" is no duration"));
}

} // namespace
} // namespace taskgroup
