// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/breakpoint.h"
#include "entrypoint/test_support.h"

#include <gmock/gmock.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace taskgroup::testing {
namespace {

using ::testing::HasSubstr;

// An agent whose step has breakpoints, with the test as its coordinator.
class BreakpointTest : public ::testing::Test {
protected:
  void start(const std::string& script, bool before, bool on_failure) {
    m_agent.emplace(std::vector<std::string>{agent_program(), "step", "--socket", root / "s",
                                             "--container", "step-build-compile", "--nonce", "5f2c",
                                             "--root", root.path(), "--", "/bin/sh", "-c", script});
    peer = Peer::accept(m_listener);
    peer.from_agent<wire::Hello>();
    message.step = "compile";
    message.index = 2;
    message.results = {"r"};
    message.pause_before = before;
    message.pause_on_failure = on_failure;
    peer.send(message);
  }

  // Run a debug script of the step's container; return its exit code.
  int debug(const std::string& name) const {
    Program script({root / ("tekton/debug/scripts/debug-" + name)});
    return script.wait();
  }

  wire::Paused paused() { return peer.from_agent<wire::Paused>(); }
  wire::Exited exited() { return peer.from_agent<wire::Exited>(); }

  // End the agent and return what it has written to its container's log.
  std::string log() {
    peer.send(wire::Done{});
    EXPECT_EQ(m_agent->wait(), 0);
    return m_agent->errors();
  }

  bool ran() const { return content_of(root / "ran").has_value(); }
  std::string step() const {
    return "echo value > " + (root / "tekton/results/r") + "; touch " + (root / "ran");
  }

  TemporaryFolder root;
  wire::Start message;
  Peer peer;

private:
  Fd m_listener = listen_at(root / "s");
  std::optional<Program> m_agent;
};

// Covers: 2.4.F1
TEST_F(BreakpointTest, HoldsAStepBeforeItRuns) {
  start(step(), true, false);
  EXPECT_TRUE(paused().before);
  EXPECT_FALSE(ran());
  EXPECT_TRUE(std::filesystem::is_directory(root / "tekton/debug/info/2"));
  EXPECT_EQ(debug("beforestep-continue"), 0);
  peer.from_agent<wire::Started>();
  EXPECT_EQ(exited().code, 0);
  EXPECT_TRUE(ran());
  EXPECT_THAT(log(), HasSubstr("/tekton/debug/scripts/debug-beforestep-continue runs it"));
}

TEST_F(BreakpointTest, StepMayBeFailedInsteadOfRun) {
  start(step(), true, true);
  paused();
  EXPECT_EQ(debug("beforestep-fail-continue"), 0);
  const wire::Exited end = exited();
  EXPECT_EQ(end.code, 1);
  EXPECT_TRUE(end.marked_failed) << "and it is not held once more";
  EXPECT_FALSE(ran());
}

TEST_F(BreakpointTest, HoldsAStepAfterItsFailure) {
  start(step() + "; exit 7", false, true);
  peer.from_agent<wire::Started>();
  const wire::Paused held = paused();
  EXPECT_FALSE(held.before);
  EXPECT_EQ(held.code, 7);
  write_content(root / "tekton/results/r", "mended");
  EXPECT_EQ(debug("continue"), 0);
  const wire::Exited end = exited();
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.results.at("r"), "mended") << "results are read when it goes on";
  EXPECT_EQ(content_of(root / "tekton/steps/step-compile/exitCode"), "0");
  EXPECT_THAT(log(), HasSubstr("after its failure (exit code 7)"));
}

TEST_F(BreakpointTest, FailureMayStand) {
  message.carry_on = true;
  start("exit 7", false, true);
  peer.from_agent<wire::Started>();
  paused();
  EXPECT_EQ(debug("fail-continue"), 0);
  const wire::Exited end = exited();
  EXPECT_EQ(end.code, 1);
  EXPECT_TRUE(end.marked_failed);
  EXPECT_EQ(content_of(root / "tekton/steps/step-compile/exitCode"), std::nullopt);
}

TEST_F(BreakpointTest, StepThatCannotStartIsHeldToo) {
  message.working_dir = "/dev/null/folder";
  start("true", false, true);
  const wire::Paused held = paused();
  EXPECT_THAT(held.error, HasSubstr("workingDir"));
  EXPECT_EQ(debug("fail-continue"), 0);
  const wire::Exited end = exited();
  EXPECT_THAT(end.error, HasSubstr("workingDir"));
  EXPECT_TRUE(end.marked_failed);
}

TEST_F(BreakpointTest, StepThatEndsWellIsNotHeld) {
  start(step(), false, true);
  peer.from_agent<wire::Started>();
  EXPECT_EQ(exited().code, 0);
}

TEST_F(BreakpointTest, StepThatIsStoppedIsNotHeld) {
  start("trap 'exit 3' TERM; while :; do sleep 0.01; done", false, true);
  peer.from_agent<wire::Started>();
  peer.send(wire::Stop{0, Millis(60'000)});
  EXPECT_NE(exited().code, 0);
}

TEST_F(BreakpointTest, SkippedStepIsHeldBefore) {
  message.skipped = true;
  start(step(), true, true);
  paused();
  EXPECT_EQ(debug("beforestep-continue"), 0);
  EXPECT_EQ(exited().code, 0);
  EXPECT_FALSE(ran());
}

TEST_F(BreakpointTest, StopEndsIt) {
  start(step(), true, false);
  paused();
  peer.send(wire::Stop{0, Millis(0)});
  EXPECT_EQ(exited().code, 143);
  EXPECT_FALSE(ran());
  EXPECT_EQ(debug("beforestep-continue"), 1) << "nothing is held any more";
}

TEST_F(BreakpointTest, EndOfTheTaskEndsIt) {
  start("exit 7", false, true);
  peer.from_agent<wire::Started>();
  paused();
  log();
}

TEST_F(BreakpointTest, ScriptOfAnotherPlaceDoesNothing) {
  start(step(), true, true);
  paused();
  EXPECT_EQ(debug("continue"), 1);
  EXPECT_EQ(debug("fail-continue"), 1);
  EXPECT_FALSE(ran());
  EXPECT_EQ(debug("beforestep-continue"), 0);
  peer.from_agent<wire::Started>();
  EXPECT_EQ(exited().code, 0);
  EXPECT_EQ(debug("beforestep-continue"), 1) << "it was held once";
}

TEST_F(BreakpointTest, EachAttemptIsHeld) {
  start("exit 7", false, true);
  for (const int attempt : {0, 1}) {
    peer.from_agent<wire::Started>();
    EXPECT_EQ(paused().attempt, attempt);
    EXPECT_EQ(debug("fail-continue"), 0);
    EXPECT_EQ(exited().attempt, attempt);
    if (attempt == 0) {
      peer.send(wire::Reset{1, {}});
      peer.from_agent<wire::ResetDone>();
      message.attempt = 1;
      peer.send(message);
    }
  }
}

TEST_F(BreakpointTest, StepRunsWhereItCannotBeHeld) {
  write_content(root / "tekton", "no folder");
  start("exit 7", true, true);
  peer.from_agent<wire::Started>();
  EXPECT_EQ(exited().code, 7);
  EXPECT_THAT(log(), HasSubstr("cannot hold this step"));
}

TEST(DebugScriptTest, IsKnownByItsName) {
  EXPECT_TRUE(is_debug_script("/tekton/debug/scripts/debug-continue"));
  EXPECT_TRUE(is_debug_script("debug-beforestep-fail-continue"));
  EXPECT_FALSE(is_debug_script("/taskgroup/bin/taskgroup-agent"));
  EXPECT_FALSE(is_debug_script("debug-"));
}

} // namespace
} // namespace taskgroup::testing
