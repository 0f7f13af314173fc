// SPDX-License-Identifier: Apache-2.0
#include "kube/timestamp.h"

#include <gtest/gtest.h>

namespace taskgroup::kube {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

const WallTime leap_day = sys_days(2028y / February / 29) + 23h + 59min + 58s;

TEST(Timestamp, WritesWholeSecondsAndMicroseconds) {
  EXPECT_EQ(to_rfc3339(leap_day + 999ms), "2028-02-29T23:59:58Z");
  EXPECT_EQ(to_rfc3339_micro(leap_day + 7us), "2028-02-29T23:59:58.000007Z");
}

TEST(Timestamp, ReadsWhatItWrites) {
  EXPECT_EQ(from_rfc3339(to_rfc3339_micro(leap_day + 123456us)), leap_day + 123456us);
}

TEST(Timestamp, ReadsOffsetsAndAnyNumberOfDigits) {
  EXPECT_EQ(from_rfc3339("2028-03-01T01:29:58+01:30"), leap_day);
  EXPECT_EQ(from_rfc3339("2028-02-29T20:59:58-03:00"), leap_day);
  EXPECT_EQ(from_rfc3339("2028-02-29T23:59:58.123456789Z"), leap_day + 123456us);
  EXPECT_EQ(from_rfc3339("2028-02-29T23:59:58.5Z"), leap_day + 500ms);
}

TEST(Timestamp, RefusesWhatIsNoTime) {
  for (const char* text : {"", "2028-02-29", "2027-02-29T00:00:00Z", "2028-02-29T24:00:00Z",
                           "2028-02-29T00:00:00", "2028-02-29T00:00:00.Z", "2028-02-29T00:00:00Zx",
                           "2028-2-29T00:00:00Z", "2028-02-29T00:-1:00Z"}) {
    EXPECT_EQ(from_rfc3339(text), std::nullopt) << text;
  }
}

} // namespace
} // namespace taskgroup::kube
