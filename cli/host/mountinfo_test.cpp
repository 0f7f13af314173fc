// SPDX-License-Identifier: Apache-2.0
#include "cli/host/mountinfo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup::host {

namespace {

TEST(MountinfoTest, ReadsWhereWhatAndWhetherReadOnly) {
  const auto entries = parse_mountinfo(
      "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
      "28 27 0:25 /sub /mnt/a\\040b\\134c ro,nosuid shared:3 master:1 - tmpfs none rw\n"
      "29 27 0:26 / /media rw - iso9660 /dev/sr0 ro,nojoliet\n");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].id, 27U);
  EXPECT_EQ(entries[0].point, "/");
  EXPECT_EQ(entries[0].type, "ext4");
  EXPECT_FALSE(entries[0].read_only);
  EXPECT_EQ(entries[1].point, "/mnt/a b\\c");
  EXPECT_EQ(entries[1].type, "tmpfs");
  EXPECT_TRUE(entries[1].read_only);
  EXPECT_TRUE(entries[2].read_only);
}

TEST(MountinfoTest, LeavesOutWhatItCannotRead) {
  EXPECT_THAT(parse_mountinfo(""), testing::IsEmpty());
  EXPECT_THAT(parse_mountinfo("\n\n27 1 254:0 / /\nx 1 254:0 / / rw - ext4 /dev/vda rw\n"
                              "27 1 254:0 / / rw ext4 /dev/vda rw\n- - -\n"),
              testing::IsEmpty());
}

TEST(MountinfoTest, KnowsFoldersFromNamesThatBeginAlike) {
  EXPECT_TRUE(is_within("/tmp/a", "/tmp"));
  EXPECT_TRUE(is_within("/tmp", "/tmp"));
  EXPECT_TRUE(is_within("/tmp", "/"));
  EXPECT_FALSE(is_within("/tmpfiles", "/tmp"));
  EXPECT_FALSE(is_within("/", "/tmp"));
}

} // namespace

} // namespace taskgroup::host
