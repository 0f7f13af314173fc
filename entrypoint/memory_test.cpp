// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/memory.h"
#include "entrypoint/test_support.h"

namespace taskgroup::testing {
namespace {

class MemoryTest : public ::testing::Test {
protected:
  std::uint64_t kills() const { return kills_for_memory(root.path()); }

  TemporaryFolder root;
};

TEST_F(MemoryTest, CgroupsOfVersion2) {
  write_content(root / "memory.events", "low 0\nhigh 1\nmax 9\noom 8\noom_kill 3\n"
                                        "oom_group_kill 2\n");
  EXPECT_EQ(kills(), 3U);
}

TEST_F(MemoryTest, CgroupsOfVersion1) {
  write_content(root / "memory/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 12\n");
  EXPECT_EQ(kills(), 12U);
}

TEST_F(MemoryTest, NothingTells) {
  EXPECT_EQ(kills(), 0U);
  write_content(root / "memory.events", "oom 1\noom_kill\noom_kill x");
  EXPECT_EQ(kills(), 0U);
}

} // namespace
} // namespace taskgroup::testing
