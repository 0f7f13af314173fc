// SPDX-License-Identifier: Apache-2.0
#include "controller/custom_run.h"
#include "controller/self_test.h"
#include "kube/fake_clock.h"
#include "kube/fake_kube_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace taskgroup {
namespace {

using kube::FakeWrite;
using kube::Fate;
using kube::Json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const kube::Resource groups{
    .group = "taskgroup.dev", .version = "v1alpha1", .plural = "taskgroups"};

// A cluster in which a controller and a webhook answer as the test says.
class SelfTestTest : public ::testing::Test {
protected:
  SelfTestTest() {
    m_clock.run_freely(true);
    m_api.serve({.resource = groups, .kind = "TaskGroup", .prune = {}, .admit = {}});
    m_api.serve(
        {.resource = m_runs, .kind = "CustomRun", .has_status = true, .prune = {}, .admit = {}});
    m_api.set_write_hook([this](const FakeWrite& write) {
      const bool create = write.verb == FakeWrite::Verb::create;
      if (create && m_outages > 0) {
        --m_outages;
        return Fate{.kind = Fate::Kind::refuse,
                    .error = {.kind = kube::ApiError::Kind::internal,
                              .code = 500,
                              .message = "failed calling webhook"}};
      }
      if (create && write.resource == groups && m_webhook)
        return Fate{.kind = Fate::Kind::refuse,
                    .error = {.kind = kube::ApiError::Kind::invalid,
                              .code = 422,
                              .message = "spec.tasks[0].runAfter: a cycle"}};
      return Fate{};
    });
    m_api.set_read_hook([this](const std::string& verb, const kube::Resource& resource,
                               const std::string& name) -> std::optional<kube::ApiError> {
      // Whoever looks finds the run a step further.
      if (verb == "get" && resource == m_runs && !m_answers.empty()) {
        m_api.modify(m_runs, {"ci", name}, [this](Json& run) {
          m_seen = run;
          run["status"]["conditions"] = Json::array({m_answers.front()});
        });
        m_answers.erase(m_answers.begin());
      }
      return std::nullopt;
    });
  }

  static Json answer(const char* status, const char* reason, const char* message) {
    return {{"type", "Succeeded"}, {"status", status}, {"reason", reason}, {"message", message}};
  }

  tl::expected<void, std::string> run(bool webhook = false) {
    return self_test(m_api,
                     {.namespace_name = "ci", .agent_image = "agent@sha256:0", .webhook = webhook},
                     m_clock, [this](const std::string& text) { m_said.push_back(text); }, {});
  }

  const kube::Resource m_runs = resource_of(RunKind::custom_run);
  kube::FakeKubeApi m_api;
  kube::FakeClock m_clock;
  bool m_webhook = true;
  int m_outages = 0;
  std::vector<Json> m_answers = {answer("Unknown", "Running", ""),
                                 answer("True", "Succeeded", "2 succeeded")};
  std::vector<std::string> m_said;
  Json m_seen;
};

TEST_F(SelfTestTest, RunThatSucceedsIsToldAndRemoved) {
  const auto passed = run();
  ASSERT_TRUE(passed) << passed.error();
  EXPECT_THAT(m_said, ElementsAre(AllOf(HasSubstr("ran CustomRun ci/taskgroup-test-"),
                                        HasSubstr("Succeeded: 2 succeeded"))));
  EXPECT_TRUE(m_api.all(m_runs).empty());
}

TEST_F(SelfTestTest, StepsNeedNoOtherImageAndPassTheRestrictedProfile) {
  ASSERT_TRUE(run());
  const Json& spec = m_seen.at("spec").at("customSpec").at("spec");
  for (const Json& task : spec.at("tasks")) {
    for (const Json& step : task.at("taskSpec").at("steps"))
      EXPECT_EQ(step.at("image"), "agent@sha256:0");
  }
  EXPECT_EQ(spec.at("/run/podTemplate/securityContext/runAsNonRoot"_json_pointer), true);
  EXPECT_EQ(spec.at("/run/stepTemplate/securityContext/allowPrivilegeEscalation"_json_pointer),
            false);
}

TEST_F(SelfTestTest, RunThatFailsIsLeftAndNamed) {
  m_answers = {answer("False", "CouldntGetTask", "no such Task")};
  const auto failed = run();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error(), AllOf(HasSubstr("CouldntGetTask: no such Task"),
                                    HasSubstr("describe customrun taskgroup-test-")));
  EXPECT_EQ(m_api.all(m_runs).size(), 1);
}

TEST_F(SelfTestTest, RunThatNobodyAnswersIsGivenUp) {
  m_answers.clear();
  const auto failed = run();
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error(), HasSubstr("is the controller ready?"));
}

TEST_F(SelfTestTest, MistakeMustBeRefusedWhereThereIsAWebhook) {
  ASSERT_TRUE(run(true));
  EXPECT_THAT(m_said, ElementsAre(HasSubstr("spec.tasks[0].runAfter: a cycle"), HasSubstr("ran")));
}

TEST_F(SelfTestTest, MistakeThatIsLetInIsRemovedAndTold) {
  m_webhook = false;
  const auto failed = run(true);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error(), HasSubstr("namespaceSelector"));
  EXPECT_TRUE(m_api.all(groups).empty());
  EXPECT_TRUE(m_api.all(m_runs).empty());
}

TEST_F(SelfTestTest, WebhookThatIsNotReadyYetIsWaitedFor) {
  m_outages = 7;
  const auto passed = run(true);
  EXPECT_TRUE(passed) << passed.error();
}

TEST_F(SelfTestTest, WebhookThatNeverAnswersIsTold) {
  m_outages = 1'000'000;
  const auto failed = run(true);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error(), HasSubstr("failed calling webhook"));
}

} // namespace
} // namespace taskgroup
