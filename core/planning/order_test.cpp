// SPDX-License-Identifier: Apache-2.0
#include "core/planning/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(TopologicalOrder, KeepsTheOwnOrderWhereItCan) {
  EXPECT_THAT(topological_order({{}, {}, {}}), Optional(ElementsAre(0, 1, 2)));
  EXPECT_THAT(topological_order({{2}, {}, {}}), Optional(ElementsAre(1, 2, 0)));
  EXPECT_THAT(topological_order({{3}, {}, {0}, {}}), Optional(ElementsAre(1, 3, 0, 2)));
}

TEST(TopologicalOrder, KnowsCycles) {
  EXPECT_EQ(topological_order({{1}, {0}, {}}), std::nullopt);
  EXPECT_EQ(topological_order({{0}}), std::nullopt);
}

TEST(Closure, IsWhatTheRootsNeed) {
  EXPECT_THAT(closure({{}, {0}, {1}, {0}}, {2}), ElementsAre(true, true, true, false));
  EXPECT_THAT(closure({{}, {0}}, {}), ElementsAre(false, false));
}

} // namespace
} // namespace taskgroup
