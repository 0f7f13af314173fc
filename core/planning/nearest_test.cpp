// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace taskgroup {
namespace {

using namespace std::string_view_literals;

constexpr std::array fields{"name"sv,    "runAfter"sv, "taskSpec"sv,
                            "taskRef"sv, "timeout"sv,  "when"sv};

std::string near(std::string_view wanted) {
  return std::string(
      nearest_name(wanted, std::span<const std::string_view>(fields)).value_or("none"));
}

TEST(NearestName, ForgivesTypingErrors) {
  EXPECT_EQ(near("runafter"), "runAfter"); // case
  EXPECT_EQ(near("runAfetr"), "runAfter"); // swap
  EXPECT_EQ(near("runAftr"), "runAfter");  // delete
  EXPECT_EQ(near("naem"), "name");
  EXPECT_EQ(near("timeouts"), "timeout"); // insert
  EXPECT_EQ(near("taskref"), "taskRef");
}

TEST(NearestName, KeepsSilentWhenNothingIsNear) {
  EXPECT_EQ(near("image"), "none");
  EXPECT_EQ(near("whom"), "none"); // half of it is wrong
  EXPECT_EQ(near(""), "none");
  EXPECT_EQ(near(std::string(100'000, 'n')), "none");
}

TEST(NearestName, PrefersTheFirstOfEquals) {
  const std::vector<std::string> names{"task-a", "task-b"};
  EXPECT_EQ(nearest_name("task-c", std::span<const std::string>(names)), "task-a");
}

TEST(DidYouMean, AsksOnlyWhenItKnows) {
  EXPECT_EQ(did_you_mean("nmae", std::span<const std::string_view>(fields)),
            " (did you mean \"name\"?)");
  EXPECT_EQ(did_you_mean("image", std::span<const std::string_view>(fields)), "");
}

} // namespace
} // namespace taskgroup
