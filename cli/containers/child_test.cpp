// SPDX-License-Identifier: Apache-2.0
#include "cli/containers/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>

namespace taskgroup::containers {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(Child, KeepsWhatAProgramPrints) {
  const auto finished = run_to_end({"sh", "-c", "echo out; echo err >&2; exit 3"}, -1ms);
  ASSERT_TRUE(finished) << finished.error();
  EXPECT_EQ(finished->code, 3);
  EXPECT_EQ(finished->output, "out\n");
  EXPECT_EQ(finished->errors, "err\n");
}

TEST(Child, ReportsASignalAsAShellDoes) {
  const auto finished = run_to_end({"sh", "-c", "kill -9 $$"}, -1ms);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->code, 137);
}

TEST(Child, SaysWhyAProgramCannotBeRun) {
  const auto finished = run_to_end({"no-such-program-anywhere"}, -1ms);
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error(), HasSubstr("cannot run no-such-program-anywhere: No such file"));
}

TEST(Child, KillsWhatTakesTooLong) {
  const auto finished = run_to_end({"sleep", "1000"}, 10ms);
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error(), HasSubstr("sleep does not answer within 10 ms"));
}

TEST(Child, RunsInASessionOfItsOwnWithoutInputAndWithAllSignals) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  const auto finished = run_to_end(
      {"sh", "-c", "cat; ps -o sid= -p $$ | tr -d ' '; echo $$; grep SigBlk /proc/self/status"},
      -1ms);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(finished);
  const auto line = finished->output.find('\n');
  const std::string session = finished->output.substr(0, line);
  EXPECT_EQ(finished->output, session + "\n" + session + "\nSigBlk:\t0000000000000000\n");
}

TEST(Child, EndsWithItsOwner) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    ChildOptions options{{"sleep", "1000"}};
    options.stdout_fd = ends[1];
    const auto child = Child::start(options);
    ASSERT_TRUE(child);
    close(ends[1]);
  }
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 0); // nobody holds the other end
  close(ends[0]);
}

} // namespace
} // namespace taskgroup::containers
