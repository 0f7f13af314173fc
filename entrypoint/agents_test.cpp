// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/agents.h"
#include "entrypoint/test_support.h"

#include <gmock/gmock.h>

#include <sys/epoll.h>

#include <array>

namespace taskgroup::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// One task of two steps. The other end of the wire is the test.
class AgentsTest : public ::testing::Test {
protected:
  AgentsTest() : plan(two_steps()), agents(plan, root / "sockets", epoll.get(), Millis(100)) {}

  static Plan two_steps() {
    Plan plan;
    PlanTask& build = plan.tasks.emplace_back();
    build.name = "build";
    build.emptied = {"/workspace"};
    for (const char* const name : {"first", "second"}) {
      PlanStep& step = build.steps.emplace_back();
      step.name = name;
      step.container = std::string("step-build-") + name;
    }
    return plan;
  }

  // Handle what has come in.
  void turn() {
    std::array<epoll_event, 8> ready{};
    const int count = epoll_wait(epoll.get(), ready.data(), static_cast<int>(ready.size()), 60'000);
    ASSERT_GT(count, 0) << "nothing has come";
    for (int i = 0; i < count; ++i) {
      const epoll_event& one = ready.at(static_cast<std::size_t>(i));
      agents.handle(one.data.u64, one.events);
    }
  }

  // Open a container's socket and come as its agent.
  Peer come(std::size_t index) {
    EXPECT_TRUE(agents.open(index));
    Peer peer = Peer::connect(root / ("sockets/" + std::to_string(index) + "/s"));
    turn();
    peer.send(wire::Hello{wire::version, plan.tasks[0].steps[index].container});
    turn();
    return peer;
  }

  static action::StartStep start(std::size_t step, std::string script) {
    action::StartStep start;
    start.id = {0, step};
    start.script = std::move(script);
    return start;
  }

  TemporaryFolder root;
  Plan plan;
  Fd epoll = Fd(epoll_create1(EPOLL_CLOEXEC));
  Agents agents;
};

TEST_F(AgentsTest, ContainersAreCountedOverAllTasks) {
  Plan more = two_steps();
  more.tasks.push_back(two_steps().tasks[0]);
  const Agents all(more, root / "more", epoll.get(), Millis(0));
  EXPECT_EQ(all.size(), 4U);
  EXPECT_EQ(all.index_of({1, 1}), 3U);
  EXPECT_EQ(all.find("step-build-second"), 1U);
  EXPECT_EQ(all.find("step-build-third"), std::nullopt);
}

TEST_F(AgentsTest, WhatAnAgentIsToDoWaitsForIt) {
  agents.apply(start(0, "script"));
  Peer peer = come(0);
  EXPECT_EQ(peer.to_agent<wire::Start>().script, "script");
  agents.apply(action::StopStep{{0, 0}, 0});
  EXPECT_EQ(peer.to_agent<wire::Stop>().grace, Millis(100));
  agents.apply(action::ReleaseStep{{0, 0}});
  peer.to_agent<wire::Done>();
}

TEST_F(AgentsTest, StepThatNeverBeganIsStoppedAtOnce) {
  agents.apply(start(0, "script"));
  agents.apply(action::StopStep{{0, 0}, 0});
  const std::vector<Event> events = agents.take_events();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(std::get<event::StepExited>(events[0]).exit_code, 143);
  agents.apply(action::ReleaseStep{{0, 0}});
  come(0).to_agent<wire::Done>();
}

TEST_F(AgentsTest, ContainerThatHasNotComeHasNothingToEmpty) {
  agents.apply(action::ResetStep{{0, 1}, 1});
  const std::vector<Event> events = agents.take_events();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(std::get<event::StepReset>(events[0]).error, "");
}

TEST_F(AgentsTest, AgentIsToldWhatToEmpty) {
  Peer peer = come(0);
  agents.apply(action::ResetStep{{0, 0}, 1});
  const auto reset = peer.to_agent<wire::Reset>();
  EXPECT_EQ(reset.attempt, 1);
  EXPECT_EQ(reset.paths, plan.tasks[0].emptied);
  peer.send(wire::ResetDone{1, "cannot"});
  turn();
  const std::vector<Event> events = agents.take_events();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(std::get<event::StepReset>(events[0]).error, "cannot");
}

TEST_F(AgentsTest, StartThatIsTooLongFailsTheStep) {
  Peer peer = come(0);
  agents.apply(start(0, std::string(wire::max_message, 'x')));
  const std::vector<Event> events = agents.take_events();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_THAT(std::get<event::StepExited>(events[0]).start_error, HasSubstr("16 MiB"));
}

TEST_F(AgentsTest, EndIsWaitedForByThoseThatAreThereAndThoseToCome) {
  EXPECT_TRUE(agents.open(1));
  Peer first = come(0);
  EXPECT_FALSE(agents.all_told(false));
  agents.apply(action::ReleaseStep{{0, 0}});
  EXPECT_TRUE(agents.all_told(false));
  EXPECT_FALSE(agents.all_told(true));
  agents.lose(1, "ImagePullBackOff", "");
  EXPECT_TRUE(agents.all_told(true));
}

TEST_F(AgentsTest, ContainerIsLostOnce) {
  Peer peer = come(0);
  agents.lose(0, "OOMKilled", "");
  peer.to_agent<wire::Done>();
  peer.close();
  turn();
  EXPECT_THAT(agents.take_events(), SizeIs(1));
}

TEST_F(AgentsTest, AgentThatHasBeenToldMayGo) {
  Peer peer = come(0);
  agents.apply(action::ReleaseStep{{0, 0}});
  peer.to_agent<wire::Done>();
  peer.close();
  turn();
  EXPECT_THAT(agents.take_events(), IsEmpty());
}

} // namespace
} // namespace taskgroup::testing
