// SPDX-License-Identifier: Apache-2.0
#include "controller/journals.h"
#include "controller/pod_builder.h"
#include "kube/fake_kube_api.h"
#include "kube/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace taskgroup {
namespace {

const kube::ObjectKey pod_key{"default", "p"};

class JournalsTest : public ::testing::Test {
protected:
  JournalsTest() {
    api.put(kube::pods, {{"apiVersion", "v1"},
                         {"kind", "Pod"},
                         {"metadata", {{"name", "p"}, {"namespace", "default"}}},
                         {"spec", {{"nodeName", "n"}}}});
    api.append_log(pod_key, coordinator_container,
                   R"({"n":1,"event":"begin","version":1,"group":"g","tasks":["a"],"finally":[]})"
                   "\n");
  }

  kube::FakeKubeApi api;
};

// The coordinator was killed, and another attempt of the run follows: nobody follows this one.
TEST_F(JournalsTest, AJournalThatWasReadToItsEndIsFollowedNoMore) {
  Journals journals(api, 1, [](const kube::ObjectKey&) {}, [](const JournalTrouble&) {});
  ASSERT_TRUE(journals.follow(pod_key, "uid"));
  api.wait_for_logs(1);
  EXPECT_EQ(journals.followed(), 1U);
  api.end_log(pod_key, coordinator_container);
  journals.read(pod_key, "uid", true, {});
  EXPECT_TRUE(journals.journal("uid").read_to_end);
  while (journals.followed() > 0)
    std::this_thread::yield();
}

// What cannot be read is told of by what it means.
TEST_F(JournalsTest, FailuresAreToldOf) {
  std::vector<JournalError> errors;
  Journals journals(
      api, 1, [](const kube::ObjectKey&) {},
      [&](const JournalTrouble& trouble) {
        EXPECT_NE(trouble.message, "");
        EXPECT_EQ(trouble.uid, std::string(1, static_cast<char>('a' + errors.size())));
        errors.push_back(trouble.error);
      });
  journals.read({"default", "no such pod"}, "a", false, {});
  journals.read({"default", "no such pod"}, "b", true, {});
  EXPECT_TRUE(journals.journal("b").unreadable);
  api.append_log(pod_key, coordinator_container,
                 R"({"n":2,"event":"snapshot","version":99,"tasks":{}})"
                 "\n");
  journals.read(pod_key, "c", false, {});
  EXPECT_THAT(errors, testing::ElementsAre(JournalError::read, JournalError::unreadable,
                                           JournalError::version));
}

} // namespace
} // namespace taskgroup
