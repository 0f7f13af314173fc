// SPDX-License-Identifier: Apache-2.0
#include "controller/fake_cluster.h"
#include "controller/pod_builder.h"
#include "controller/time_text.h"
#include "kube/json_fields.h"
#include "kube/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using kube::FakeWrite;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* one_task = R"(
customSpec:
  apiVersion: taskgroup.dev/v1alpha1
  kind: TaskGroup
  spec:
    tasks:
    - name: build
      taskSpec:
        results: [{name: digest}]
        steps: [{name: compile, image: busybox, script: "echo"}]
    results: [{name: digest, value: $(tasks.build.results.digest)}]
)";

std::string with(const std::string& fields) { return std::string(one_task) + fields; }

class ReconcilerTest : public ::testing::Test {
protected:
  // Let the run come to its own end.
  void finish() {
    cluster.settle();
    cluster.start_pod();
    cluster.settle();
    cluster.write_success({{"digest", "sha256:1"}});
    cluster.end_pod();
    cluster.settle();
  }

  Json control() const {
    const Json pod = cluster.pod();
    return Json::parse(
        text_at(object_at(object_at(pod, "metadata"), "annotations"), control_annotation), nullptr,
        false);
  }

  FakeCluster cluster;
};

// Covers: 4.1.F1
TEST_F(ReconcilerTest, ARunSucceeds) {
  cluster.create_run(one_task);
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "Unknown");
  EXPECT_EQ(cluster.reason(), "Running");
  cluster.start_pod();
  cluster.settle();
  cluster.write_success({{"digest", "sha256:1"}});
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True") << "the journal's end is the end";
  EXPECT_EQ(cluster.reason(), "Succeeded");
  EXPECT_EQ(cluster.status()["results"], Json::parse(R"([{"name":"digest","value":"sha256:1"}])"));
  const Json task = cluster.status()["extraFields"]["tasks"][0];
  EXPECT_EQ(task["name"], "build");
  EXPECT_EQ(task["state"], "Succeeded");
}

TEST_F(ReconcilerTest, AWholeRunTakesFourWritesOfOurs) {
  cluster.create_run(one_task);
  finish();
  std::vector<FakeWrite::Verb> verbs;
  for (const FakeWrite& write : cluster.api.writes())
    verbs.push_back(write.verb);
  EXPECT_THAT(verbs, ElementsAre(FakeWrite::Verb::replace_status, FakeWrite::Verb::create,
                                 FakeWrite::Verb::replace_status, FakeWrite::Verb::replace_status));
}

TEST_F(ReconcilerTest, ThePodNameHoldsFiveDigitsOfTheUid) {
  cluster.create_run(one_task);
  cluster.settle();
  const std::string uid = cluster.run_object()["metadata"]["uid"];
  EXPECT_EQ(cluster.pod()["metadata"]["name"], "run-" + uid.substr(0, 5) + "-pod");
}

TEST_F(ReconcilerTest, NothingIsWrittenWhileNothingHappens) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.api.forget_writes();
  for (int second = 0; second < 60; ++second)
    cluster.pass(1'000);
  EXPECT_THAT(cluster.api.writes(), IsEmpty());
}

TEST_F(ReconcilerTest, LiveStatesAreWrittenAtMostEachTwoSeconds) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.api.forget_writes();
  cluster.write_journal({"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
                         "{event: task, task: build, attempt: 0, state: Running}"});
  cluster.settle();
  EXPECT_THAT(cluster.api.writes(), IsEmpty()) << "the last write was just now";
  cluster.pass(2'000);
  EXPECT_EQ(cluster.api.writes().size(), 1U);
  EXPECT_EQ(cluster.status()["extraFields"]["tasks"][0]["state"], "Running");
  cluster.write_journal({"{event: heartbeat}"});
  cluster.pass(10'000);
  EXPECT_EQ(cluster.api.writes().size(), 1U) << "a heartbeat is no news";
}

// Covers: 2.4.F1
TEST_F(ReconcilerTest, TheStatusFollowsFromHoldToHold) {
  cluster.create_run(R"(
customSpec:
  apiVersion: taskgroup.dev/v1alpha1
  kind: TaskGroup
  spec:
    run: {breakpoints: [{task: build, onFailure: enabled, beforeSteps: [check]}]}
    tasks:
    - name: build
      taskSpec: {steps: [{name: make, image: i, script: x}, {name: check, image: i, script: x}]}
)");
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  const auto held = [this] {
    cluster.pass(10'000);
    const Json status = cluster.status();
    std::string text;
    for (const Json& step : status["extraFields"]["tasks"][0]["steps"])
      text += step["name"].get<std::string>() + "=" + step.value("paused", "") + " ";
    return text;
  };
  cluster.write_journal(
      {"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
       "{event: task, task: build, attempt: 0, state: Running}",
       "{event: paused, task: build, attempt: 0, step: make, reason: OnFailure, exitCode: 3}"});
  EXPECT_EQ(held(), "make=OnFailure check= ");
  cluster.write_journal(
      {"{event: step, task: build, attempt: 0, step: make, state: Terminated, exitCode: 0}",
       "{event: paused, task: build, attempt: 0, step: check, reason: BeforeStep}"});
  EXPECT_EQ(held(), "make= check=BeforeStep ");
  cluster.write_journal({"{event: step, task: build, attempt: 0, step: check, state: Running}"});
  EXPECT_EQ(held(), "make= check= ");
}

TEST_F(ReconcilerTest, StatesThatHaveJustChangedWaitForWhatComesNext) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.api.forget_writes();
  cluster.set_now(cluster.now() + 2'000);
  cluster.write_journal({"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
                         "{event: task, task: build, attempt: 0, state: Running}"});
  const Reconciled waits = cluster.settle();
  EXPECT_THAT(cluster.api.writes(), IsEmpty());
  EXPECT_EQ(waits.until, cluster.now() + live_status_settling);
  cluster.pass(live_status_settling);
  EXPECT_EQ(cluster.api.writes().size(), 1U);
}

// Covers: 11.2.F4
TEST_F(ReconcilerTest, AFailedTaskIsNamed) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.write_journal(
      {"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
       "{event: task, task: build, attempt: 0, state: Running}",
       "{event: task, task: build, attempt: 0, state: Failed, reason: StepFailed, "
       "message: step \"compile\" exited with code 3}",
       "{event: end, state: Failed, reason: Failed, message: 'Tasks Completed: 1', tasks: {build: "
       "{state: Failed, reason: StepFailed, message: step \"compile\" exited with code 3, "
       "attempts: 1}}, results: {}}"});
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "False");
  EXPECT_EQ(cluster.reason(), "Failed");
  EXPECT_THAT(cluster.message(), HasSubstr("Task \"build\" failed: StepFailed: step \"compile\""));
}

// Covers: 17.F1
TEST_F(ReconcilerTest, TheEndIsAnEventToo) {
  cluster.create_run(one_task);
  finish();
  ASSERT_FALSE(cluster.events.empty());
  EXPECT_FALSE(cluster.events.back().warning);
  EXPECT_EQ(cluster.events.back().reason, "Succeeded");
  EXPECT_EQ(cluster.events.back().note, cluster.message());
}

TEST_F(ReconcilerTest, ResultsThatTheJournalLeavesOutAreNamed) {
  cluster.create_run(with("retries: 3"));
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.write_journal(
      {"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
       "{event: end, state: Succeeded, reason: Succeeded, message: m, tasks: {build: {state: "
       "Succeeded, reason: Succeeded, attempts: 1}}, results: {}, omitted: {digest: 3000000}}"});
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "False");
  EXPECT_EQ(cluster.reason(), "ResultsTooLarge");
  EXPECT_THAT(cluster.message(), HasSubstr("\"digest\" has 3000000 bytes"));
}

// Covers: 4.1.F2 4.1.F3
TEST_F(ReconcilerTest, AStepOutOfMemoryKeepsItsExitCode) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.write_journal(
      {"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
       "{event: task, task: build, attempt: 0, state: Running}",
       "{event: step, task: build, attempt: 0, step: compile, state: Running}",
       "{event: step, task: build, attempt: 0, step: compile, state: Terminated, exitCode: 137, "
       "reason: Error}"});
  cluster.set_container("step-build-compile",
                        {{"terminated", {{"exitCode", 0}, {"reason", "OOMKilled"}}}});
  cluster.write_journal(
      {"{event: end, state: Failed, reason: Failed, message: m, tasks: {build: {state: Failed, "
       "reason: StepFailed, attempts: 1}}, results: {}}"});
  cluster.settle();
  const Json step = cluster.status()["extraFields"]["tasks"][0]["steps"][0];
  EXPECT_EQ(step["reason"], "OOMKilled");
  EXPECT_EQ(step["exitCode"], 137) << "not the agent's";
}

// --- Pods that are lost --------------------------------------------------------------------------

TEST_F(ReconcilerTest, APodThatIsDeletedIsNeverMadeAgainInTheSameAttempt) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.remove_pod();
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "PodLost");
  EXPECT_EQ(cluster.pods_created(), 1U);
}

TEST_F(ReconcilerTest, RetriesMakeANewPodForALostOne) {
  cluster.create_run(with("retries: 1"));
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  const std::string first = cluster.pod()["metadata"]["name"];
  cluster.remove_pod();
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "Unknown");
  EXPECT_EQ(cluster.pods_created(), 2U);
  EXPECT_EQ(cluster.pod()["metadata"]["name"], first + "-retry1");
  EXPECT_EQ(cluster.status()["retriesStatus"][0]["conditions"][0]["reason"], "PodLost");
}

TEST_F(ReconcilerTest, AStaleCacheDoesNotMakeASecondPod) {
  cluster.create_run(one_task);
  cluster.settle();
  const std::string uid = cluster.pod()["metadata"]["uid"];
  cluster.start_pod();
  cluster.settle();
  cluster.remove_pod();
  // A cache from before the pod was recorded: Unknown, no pod.
  cluster.edit_run([](Json& object) { object["metadata"]["labels"]["x"] = "y"; });
  cluster.pin_cache();
  cluster.restart();
  cluster.settle();
  EXPECT_EQ(cluster.pods_created(), 1U);
}

TEST_F(ReconcilerTest, APodInWhichNoStepWasStartedIsReplacedWithAnInitContainer) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.set_container("coordinator",
                        Json::parse(R"({"waiting":{"reason":"ErrImagePull","message":"no"}})"));
  cluster.set_container(
      "step-build-compile",
      Json::parse(R"({"terminated":{"reason":"StartError","exitCode":128,"message":"no such file",
                      "startedAt":"1970-01-01T00:00:00Z","finishedAt":"2027-01-15T08:00:00Z"}})"));
  cluster.settle();
  EXPECT_EQ(cluster.pods_created(), 2U);
  EXPECT_EQ(cluster.status().contains("retriesStatus"), false) << "no retry is spent";
  EXPECT_EQ(cluster.status()["extraFields"]["podReplacements"], 1);
  EXPECT_TRUE(cluster.pod()["spec"].contains("initContainers"));
  EXPECT_EQ(cluster.pods().size(), 1U) << "the old one, which could not end, is deleted";
}

TEST_F(ReconcilerTest, APodWhoseStepsCameAfterTheCoordinatorsEndIsReplaced) {
  // The coordinator was later than its hook: kubelet ended it, and started the steps then.
  for (const auto& [began, pods] : {std::pair{"01", 1U}, std::pair{"02", 2U}}) {
    FakeCluster late;
    late.create_run(one_task);
    late.settle();
    late.start_pod();
    late.write_journal({"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
                        "{event: task, task: build, attempt: 0, state: Running}"});
    late.api.modify(kube::pods, {"default", late.pod()["metadata"]["name"]}, [&](Json& pod) {
      for (Json& status : pod["status"]["containerStatuses"]) {
        const bool coordinator = status["name"] == "coordinator";
        status["state"] = {
            {"terminated",
             {{"reason", "Error"},
              {"exitCode", coordinator ? 137 : 0},
              {"startedAt", std::string("2027-01-01T00:00:") + (coordinator ? "00" : began) + "Z"},
              {"finishedAt",
               std::string("2027-01-01T00:00:") + (coordinator ? "01" : "03") + "Z"}}}};
      }
    });
    late.settle();
    EXPECT_EQ(late.pods_created(), pods) << "a step began at " << began;
    EXPECT_EQ(late.reason(), pods == 1 ? "CoordinatorLost" : "Running");
  }
}

// A kubelet that is started again may reject pods that ran: their status loses its containers.
TEST_F(ReconcilerTest, APodWhoseTasksHadBegunIsNeverReplaced) {
  for (const bool restarted : {false, true}) {
    cluster.api.erase_now(resource_of(RunKind::custom_run), {"default", "run"});
    cluster.create_run(one_task);
    cluster.settle();
    const std::size_t created = cluster.pods_created();
    cluster.start_pod();
    cluster.settle();
    cluster.write_journal({"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
                           "{event: task, task: build, attempt: 0, state: Running}"});
    cluster.pass(5'000);
    if (restarted)
      cluster.restart();
    cluster.api.modify(kube::pods, {"default", cluster.pod()["metadata"]["name"]}, [](Json& pod) {
      pod["status"] = {{"phase", "Failed"}, {"reason", "UnexpectedAdmissionError"}};
    });
    cluster.settle();
    EXPECT_EQ(cluster.pods_created(), created);
    EXPECT_EQ(cluster.succeeded(), "False");
    EXPECT_EQ(cluster.reason(), "PodLost");
  }
}

TEST_F(ReconcilerTest, APodThatHasBegunBehindTheCacheIsNotReplaced) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.set_container(
      "step-build-compile",
      Json::parse(R"({"terminated":{"reason":"StartError","exitCode":128,"message":"no such file",
                      "startedAt":"1970-01-01T00:00:00Z","finishedAt":"2027-01-01T00:00:00Z"}})"));
  cluster.pin_cache();
  cluster.start_pod();
  cluster.settle();
  EXPECT_EQ(cluster.pods_created(), 1U);
}

TEST_F(ReconcilerTest, APodIsReplacedThreeTimesAtMost) {
  cluster.create_run(one_task);
  for (int pod = 0; pod < 5; ++pod) {
    cluster.settle();
    if (cluster.succeeded() == "False")
      break;
    cluster.set_phase("Failed", "OutOfcpu");
  }
  EXPECT_EQ(cluster.reason(), "PodNeverStarted");
  EXPECT_EQ(cluster.pods_created(), 4U);
  EXPECT_THAT(cluster.message(), HasSubstr("OutOfcpu"));
}

TEST_F(ReconcilerTest, ADeadCoordinatorFailsTheRun) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.write_journal({"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
                         "{event: task, task: build, attempt: 0, state: Running}"});
  cluster.settle();
  cluster.set_container(
      "coordinator",
      Json::parse(
          R"({"terminated":{"reason":"Error","exitCode":137,"startedAt":"2027-01-15T08:00:00Z",
                      "finishedAt":"2027-01-15T08:00:01Z"}})"));
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "CoordinatorLost");
  EXPECT_THAT(cluster.message(), HasSubstr("exit code 137"));
}

TEST_F(ReconcilerTest, ACoordinatorThatOutlivesTheGracePeriodOfADeletedPodIsNotToBlame) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.api.modify(kube::pods, {"default", cluster.pod()["metadata"]["name"]},
                     [](Json& pod) { pod["spec"]["nodeName"] = "n"; });
  cluster.start_pod();
  cluster.write_journal({"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
                         "{event: task, task: build, attempt: 0, state: Running}"});
  cluster.settle();
  cluster.api.erase(kube::pods, {"default", cluster.pod()["metadata"]["name"]});
  cluster.set_container(
      "coordinator",
      Json::parse(
          R"({"terminated":{"reason":"Error","exitCode":137,"startedAt":"2027-01-15T08:00:00Z",
                      "finishedAt":"2027-01-15T08:00:01Z"}})"));
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "PodLost");
  EXPECT_EQ(cluster.pods_created(), 1U);
}

TEST_F(ReconcilerTest, AJournalThatIsGoneCountsByTheTerminationMessage) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.api.set_read_hook([](const std::string& verb, const kube::Resource&, const std::string&) {
    kube::ApiError error;
    error.kind = kube::ApiError::Kind::not_found;
    error.message = "no such container";
    return verb == "log" ? std::optional(error) : std::nullopt;
  });
  cluster.end_pod();
  cluster.set_container(
      "coordinator",
      Json::parse(
          R"({"terminated":{"reason":"Completed","exitCode":0,"startedAt":"2027-01-15T08:00:00Z",
                      "finishedAt":"2027-01-15T08:00:01Z",
                      "message":"{\"state\":\"Succeeded\",\"reason\":\"Succeeded\",\"succeeded\":1}"}})"));
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "JournalLost") << "the results are gone with it";
}

TEST_F(ReconcilerTest, ANodeThatDoesNotAnswerIsGivenUp) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.api.modify(kube::pods, {"default", cluster.pod()["metadata"]["name"]},
                     [](Json& pod) { pod["spec"]["nodeName"] = "n"; });
  cluster.start_pod();
  cluster.settle();
  cluster.api.erase(kube::pods, {"default", cluster.pod()["metadata"]["name"]});
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "Unknown") << "it has its grace period";
  cluster.pass(120'000);
  EXPECT_EQ(cluster.reason(), "PodLost");
}

// --- What the coordinator is told ----------------------------------------------------------------

// Covers: 4.1.F7 4.2.F1
TEST_F(ReconcilerTest, AnImageThatCannotBePulledIsLostAndReplaced) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.set_container("step-build-compile",
                        Json::parse(R"({"waiting":{"reason":"ErrImagePull"}})"));
  cluster.settle();
  EXPECT_TRUE(control().is_discarded()) << "kubelet tries again first";
  cluster.set_container(
      "step-build-compile",
      Json::parse(R"({"waiting":{"reason":"ImagePullBackOff","message":"gone"}})"));
  cluster.settle();
  EXPECT_EQ(control()["lost"]["step-build-compile"]["reason"], "ImagePullBackOff");
  EXPECT_EQ(control()["seq"], 1);
  EXPECT_EQ(cluster.pod()["spec"]["containers"][1]["image"], "agent@sha256:0");
  cluster.api.forget_writes();
  cluster.settle();
  EXPECT_THAT(cluster.api.writes(), IsEmpty()) << "it is said once";
}

TEST_F(ReconcilerTest, KubeletsOwnLimitOfPullsIsWaitedFor) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.set_container("step-build-compile",
                        Json::parse(R"({"waiting":{"reason":"ImagePullBackOff",
                      "message":"Back-off pulling image \"a\": ErrImagePull: pull QPS exceeded"}})"));
  cluster.settle();
  EXPECT_TRUE(control().is_discarded());
}

TEST_F(ReconcilerTest, AContainerThatEndsBeforeItsTaskIsLost) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.write_journal({"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
                         "{event: task, task: build, attempt: 0, state: Running}"});
  cluster.set_container("step-build-compile", {{"terminated",
                                                {{"exitCode", 1},
                                                 {"reason", "Error"},
                                                 {"startedAt", time_text(cluster.now())},
                                                 {"finishedAt", time_text(cluster.now())}}}});
  cluster.settle();
  cluster.pass(4'000);
  EXPECT_TRUE(control().is_discarded()) << "the journal may be a moment behind";
  cluster.pass(1'000);
  EXPECT_EQ(control()["lost"]["step-build-compile"]["reason"], "ContainerLost");
  cluster.api.forget_writes();
  cluster.pass(60'000);
  EXPECT_THAT(cluster.api.writes(), IsEmpty()) << "it is said once";
}

TEST_F(ReconcilerTest, AContainerMayEndAfterItsTask) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.write_journal(
      {"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
       "{event: task, task: build, attempt: 0, state: Running}",
       "{event: task, task: build, attempt: 0, state: Succeeded, reason: Succeeded}"});
  cluster.set_container("step-build-compile", {{"terminated",
                                                {{"exitCode", 0},
                                                 {"reason", "Completed"},
                                                 {"startedAt", time_text(cluster.now())},
                                                 {"finishedAt", time_text(cluster.now())}}}});
  cluster.settle();
  cluster.pass(60'000);
  EXPECT_TRUE(control().is_discarded());
}

TEST_F(ReconcilerTest, ALostContainerIsToldWhereAPolicyRefusesOurImage) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.set_container(
      "step-build-compile",
      Json::parse(R"({"waiting":{"reason":"ImagePullBackOff","message":"gone"}})"));
  cluster.api.set_write_hook([](const FakeWrite& write) {
    kube::Fate fate;
    if (write.verb == FakeWrite::Verb::patch
        && write.body.dump().find("/image") != std::string::npos) {
      fate.kind = kube::Fate::Kind::refuse;
      fate.error.kind = kube::ApiError::Kind::forbidden;
    }
    return fate;
  });
  cluster.settle();
  EXPECT_EQ(control()["lost"]["step-build-compile"]["reason"], "ImagePullBackOff");
}

// Covers: 2.3.F1
TEST_F(ReconcilerTest, CancelIsAControlMessageAndTheLogStays) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.cancel_run();
  cluster.settle();
  EXPECT_EQ(control()["cancel"]["finally"], true);
  EXPECT_EQ(cluster.succeeded(), "Unknown") << "until the pod has answered";
  cluster.write_journal({"{event: begin, version: 1, group: g, tasks: [build], finally: []}",
                         "{event: end, state: Cancelled, reason: Cancelled, message: m, tasks: {}, "
                         "results: {}}"});
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "CustomRunCancelled");
  EXPECT_EQ(cluster.pods().size(), 1U);
}

TEST_F(ReconcilerTest, NoFinallyWhereThePipelineRunIsCancelled) {
  cluster.apply("{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: pr}, spec: "
                "{status: Cancelled}}");
  cluster.create_run(one_task);
  cluster.edit_run([](Json& object) {
    object["metadata"]["ownerReferences"] = Json::parse(
        R"([{"apiVersion":"tekton.dev/v1","kind":"PipelineRun","name":"pr","uid":"1","controller":true}])");
  });
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.cancel_run();
  cluster.settle();
  EXPECT_EQ(control()["cancel"]["finally"], false);
}

TEST_F(ReconcilerTest, ACoordinatorThatNeverStartedLosesItsPodToACancel) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.cancel_run();
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "CustomRunCancelled");
  EXPECT_THAT(cluster.pods(), IsEmpty());
}

TEST_F(ReconcilerTest, ACancelAfterTheEndChangesNothing) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.write_success();
  cluster.cancel_run();
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True");
}

TEST_F(ReconcilerTest, APodThatWillNotEndAfterACancelIsForced) {
  cluster.create_run(one_task);
  cluster.apply("{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: pr}, spec: "
                "{status: Cancelled}}");
  cluster.edit_run([](Json& object) {
    object["metadata"]["ownerReferences"] = Json::parse(
        R"([{"apiVersion":"tekton.dev/v1","kind":"PipelineRun","name":"pr","uid":"1","controller":true}])");
  });
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.cancel_run();
  cluster.settle();
  cluster.pass(60'000);
  EXPECT_EQ(cluster.pod()["spec"]["activeDeadlineSeconds"], 1);
}

// --- Before the pod ------------------------------------------------------------------------------

TEST_F(ReconcilerTest, WhatIsMissingIsNamedBeforeAnyPod) {
  struct Case {
    std::string spec;
    std::string reason;
    std::string message;
  };
  const std::string head =
      "customSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, spec: ";
  const std::vector<Case> cases{
      {"customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: nope}",
       "CouldntGetTaskGroup", "there is no TaskGroup \"nope\""},
      {head + "{tasks: [{name: a, taskRef: {name: nope}}]}}", "CouldntGetTask",
       "there is no Task \"nope\""},
      {head + "{tasks: [{name: a, taskSpec: {steps: [{name: s, ref: {name: nope}}]}}]}}",
       "CouldntGetTask", "there is no StepAction \"nope\""},
      {head + "{pipelineRef: {name: nope}}}", "CouldntGetPipeline",
       "there is no Pipeline \"nope\""},
      {head
           + "{params: [{name: p}], tasks: [{name: a, taskSpec: {steps: [{image: i, script: "
             "x}]}}]}}",
       "TaskGroupValidationFailed", "p"},
  };
  for (const Case& one : cases) {
    FakeCluster fresh;
    fresh.create_run(one.spec);
    fresh.settle();
    EXPECT_EQ(fresh.reason(), one.reason) << one.spec;
    EXPECT_THAT(fresh.message(), HasSubstr(one.message)) << one.spec;
    EXPECT_EQ(fresh.pods_created(), 0U) << one.spec;
  }
}

TEST_F(ReconcilerTest, ATaskThatAParamNamesIsFetched) {
  const std::string spec =
      "customSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, spec: "
      "{params: [{name: t, default: other}], tasks: [{name: a, taskRef: "
      "{name: $(params.t)}}]}}\nparams: [{name: t, value: build}]";
  cluster.create_run(spec);
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "CouldntGetTask");
  EXPECT_THAT(cluster.message(), HasSubstr("taskRef.name: there is no Task \"build\""));

  FakeCluster fresh;
  fresh.apply("{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: build}, spec: {steps: "
              "[{image: i, script: x}]}}");
  fresh.create_run(spec);
  fresh.settle();
  EXPECT_EQ(fresh.pods_created(), 1U) << fresh.message();
}

TEST_F(ReconcilerTest, AClaimThatIsMissingIsNamedBeforeAnyPod) {
  cluster.create_run(R"(
customSpec:
  apiVersion: taskgroup.dev/v1alpha1
  kind: TaskGroup
  spec:
    workspaces: [{name: source}]
    tasks:
    - name: a
      workspaces: [{name: source}]
      taskSpec: {workspaces: [{name: source}], steps: [{image: i, script: x}]}
workspaces: [{name: source, persistentVolumeClaim: {claimName: nope}}]
retries: 5
)");
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "WorkspaceNotFound");
  EXPECT_THAT(cluster.message(), HasSubstr("PersistentVolumeClaim \"nope\""));
  EXPECT_FALSE(cluster.status().contains("retriesStatus")) << "no storm of retries";
}

// Covers: 20.R4
TEST_F(ReconcilerTest, APodAsksForItsOwnResourcesWhereTheGroupSaysSo) {
  cluster.create_run(R"(
customSpec:
  apiVersion: taskgroup.dev/v1alpha1
  kind: TaskGroup
  spec:
    run: {resources: pod}
    tasks:
    - name: a
      taskSpec: {steps: [{image: i, script: x, computeResources: {requests: {cpu: 1}}}]}
)");
  cluster.settle();
  EXPECT_EQ(cluster.pod()["spec"]["resources"]["requests"]["cpu"], "1010m");
  EXPECT_TRUE(cluster.events.empty());
}

// Covers: 4.2.F2
TEST_F(ReconcilerTest, AQuotaThatIsFullIsWaitedFor) {
  cluster.create_run(one_task);
  bool full = true;
  cluster.api.set_write_hook([&](const FakeWrite& write) {
    kube::Fate fate;
    if (full && write.resource == kube::pods) {
      fate.kind = kube::Fate::Kind::refuse;
      fate.error.kind = kube::ApiError::Kind::forbidden;
      fate.error.code = 403;
      fate.error.message = "pods \"x\" is forbidden: exceeded quota: q, requested: pods=1";
    }
    return fate;
  });
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "Unknown");
  EXPECT_EQ(cluster.reason(), "ExceededResourceQuota");
  full = false;
  cluster.pass(15'000);
  EXPECT_EQ(cluster.reason(), "Running");
}

// "Operation cannot be fulfilled on resourcequotas": somebody else was counted meanwhile.
TEST_F(ReconcilerTest, AClaimThatMeetsAConflictOfQuotasIsMadeLater) {
  cluster.create_run(with(R"(
workspaces:
- name: source
  volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
)"));
  cluster.edit_run([](Json& run) {
    run["spec"]["customSpec"]["spec"]["workspaces"] = Json::parse(R"([{"name":"source"}])");
  });
  int conflicts = 2;
  cluster.api.set_write_hook([&](const FakeWrite& write) {
    kube::Fate fate;
    if (write.resource == kube::claims && conflicts-- > 0) {
      fate.kind = kube::Fate::Kind::refuse;
      fate.error.kind =
          conflicts == 1 ? kube::ApiError::Kind::conflict : kube::ApiError::Kind::unauthorized;
    }
    return fate;
  });
  cluster.settle();
  EXPECT_LE(conflicts, 0);
  EXPECT_EQ(cluster.reason(), "Running") << cluster.message();
}

// Covers: 4.2.F2
TEST_F(ReconcilerTest, APodThatIsRefusedFailsTheRun) {
  cluster.create_run(one_task);
  cluster.api.set_write_hook([&](const FakeWrite& write) {
    kube::Fate fate;
    if (write.resource == kube::pods) {
      fate.kind = kube::Fate::Kind::refuse;
      fate.error.kind = kube::ApiError::Kind::forbidden;
      fate.error.message = "violates PodSecurity \"restricted:latest\"";
    }
    return fate;
  });
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "PodAdmissionFailed");
  EXPECT_THAT(cluster.message(), HasSubstr("violates PodSecurity"));
}

TEST_F(ReconcilerTest, AQuotaOnPodsHoldsTheEndUntilThePodIsOver) {
  cluster.apply(
      "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: 1}}}");
  cluster.create_run(one_task);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.write_success();
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "Unknown");
  cluster.end_pod();
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True");
}

TEST_F(ReconcilerTest, AQuotaDoesNotHoldTheEndForAnInjectedContainer) {
  cluster.apply(
      "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: 1}}}");
  cluster.create_run(one_task);
  cluster.settle();
  cluster.api.modify(kube::pods, {"default", cluster.pod()["metadata"]["name"]}, [](Json& pod) {
    pod["spec"]["containers"].push_back({{"name", "istio-proxy"}, {"image", "istio"}});
  });
  cluster.start_pod();
  cluster.settle();
  cluster.write_success();
  const std::string now = time_text(cluster.now());
  for (const char* container : {"coordinator", "step-build-compile"})
    cluster.set_container(
        container, {{"terminated", {{"exitCode", 0}, {"startedAt", now}, {"finishedAt", now}}}});
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "Unknown");
  cluster.pass(10'000);
  EXPECT_EQ(cluster.pod()["spec"]["containers"].back()["image"], "agent@sha256:0");
  cluster.pass(20'000);
  EXPECT_EQ(cluster.pod()["spec"]["activeDeadlineSeconds"], 1);
  cluster.set_phase("Failed", "DeadlineExceeded");
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True");
}

// --- Sidecars that start with the pod
// --------------------------------------------------------------

constexpr const char* with_sidecar_from_start = R"(
customSpec:
  apiVersion: taskgroup.dev/v1alpha1
  kind: TaskGroup
  spec:
    run: {sidecars: fromStart}
    tasks:
    - name: build
      taskSpec:
        steps: [{name: compile, image: busybox, script: "echo"}]
        sidecars: [{name: db, image: redis}]
    - {name: test, runAfter: [build], taskSpec: {steps: [{name: s, image: busybox, script: "echo"}]}}
)";

// Covers: 1.8.F1 1.8.F4
TEST_F(ReconcilerTest, ASidecarFromStartIsToldOfWhenItIsReadyAndEndedWithItsTask) {
  cluster.create_run(with_sidecar_from_start);
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  EXPECT_EQ(control()["sidecars"], Json::parse(R"({"sidecar-build-db":{"ready":true}})"));
  EXPECT_EQ(cluster.pod()["spec"]["containers"].back()["image"], "redis");
  cluster.write_journal({"{event: begin, version: 1, group: g, tasks: [build, test], finally: []}",
                         "{event: task, task: build, attempt: 0, state: Running}",
                         "{event: task, task: build, attempt: 0, state: Succeeded}"});
  cluster.settle();
  EXPECT_EQ(cluster.pod()["spec"]["containers"].back()["image"], "agent@sha256:0");
  EXPECT_EQ(cluster.succeeded(), "Unknown");
}

// Covers: 4.1.F5
TEST_F(ReconcilerTest, ASidecarFromStartThatDiesIsToldOfAndNotLost) {
  cluster.create_run(with_sidecar_from_start);
  cluster.settle();
  cluster.start_pod();
  cluster.write_journal(
      {"{event: begin, version: 1, group: g, tasks: [build, test], finally: []}"});
  cluster.set_container("sidecar-build-db", Json::parse(R"({"terminated":{"exitCode":3,
      "reason":"Error","startedAt":"2027-01-15T08:00:00Z","finishedAt":"2027-01-15T08:00:01Z"}})"));
  cluster.settle();
  cluster.pass(20'000);
  EXPECT_EQ(control()["sidecars"]["sidecar-build-db"]["exitCode"], 3);
  EXPECT_FALSE(control().contains("lost"));
}

// --- After the end -------------------------------------------------------------------------------

// Covers: 7.F4
TEST_F(ReconcilerTest, AnInjectedContainerThatNeverEndsIsReplacedThenForced) {
  cluster.create_run(one_task);
  cluster.settle();
  cluster.api.modify(kube::pods, {"default", cluster.pod()["metadata"]["name"]}, [](Json& pod) {
    pod["spec"]["containers"].push_back({{"name", "istio-proxy"}, {"image", "istio"}});
  });
  cluster.start_pod();
  cluster.settle();
  cluster.write_success();
  cluster.settle();
  ASSERT_EQ(cluster.succeeded(), "True");
  cluster.pass(10'000);
  EXPECT_EQ(cluster.pod()["spec"]["containers"].back()["image"], "agent@sha256:0");
  cluster.pass(20'000);
  EXPECT_EQ(cluster.pod()["spec"]["activeDeadlineSeconds"], 1);
}

TEST_F(ReconcilerTest, APodThatHasEndedBehindTheCacheIsKept) {
  cluster.create_run(one_task);
  cluster.settle();
  const std::vector<Json> before = cluster.pods();
  cluster.start_pod();
  cluster.settle();
  cluster.write_success();
  cluster.end_pod();
  cluster.settle();
  ASSERT_EQ(cluster.succeeded(), "True");
  cluster.pin_cache(before);
  cluster.settle();
  EXPECT_EQ(cluster.pods().size(), 1U);
}

TEST_F(ReconcilerTest, AFinishedPodIsLeftAlone) {
  cluster.create_run(one_task);
  finish();
  cluster.api.forget_writes();
  cluster.pass(3'600'000);
  EXPECT_THAT(cluster.api.writes(), IsEmpty());
  EXPECT_EQ(cluster.pods().size(), 1U);
}

// --- Legacy Runs (contract.md 0) -----------------------------------------------------------------

constexpr const char* legacy_spec = R"(
spec:
  apiVersion: taskgroup.dev/v1alpha1
  kind: TaskGroup
  spec: {tasks: [{name: build, taskSpec: {steps: [{name: compile, image: i, script: x}]}}]}
)";

TEST_F(ReconcilerTest, ALegacyRunIsServedLikeACustomRun) {
  cluster.kind = RunKind::legacy_run;
  cluster.create_run(legacy_spec);
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "Running") << cluster.message();
  EXPECT_EQ(cluster.pod()["metadata"]["ownerReferences"][0]["kind"], "Run");
  cluster.start_pod();
  cluster.write_success();
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True");
}

TEST_F(ReconcilerTest, ALegacyRunHasReasonsOfItsOwn) {
  cluster.kind = RunKind::legacy_run;
  cluster.create_run(legacy_spec);
  cluster.settle();
  cluster.cancel_run();
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "RunCancelled");

  FakeCluster late;
  late.kind = RunKind::legacy_run;
  late.create_run(std::string(legacy_spec) + "timeout: 1m");
  late.settle();
  late.pass(60'000);
  EXPECT_EQ(late.reason(), "RunTimedOut");
}

TEST_F(ReconcilerTest, ALegacyRunMayReferToAGroup) {
  cluster.kind = RunKind::legacy_run;
  cluster.apply("{apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, metadata: {name: g}, spec: "
                "{tasks: [{name: a, taskSpec: {steps: [{image: i, script: x}]}}]}}");
  cluster.create_run("{ref: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: g}}");
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "Running") << cluster.message();
}

// --- Crashes -------------------------------------------------------------------------------------

// Every write, each in three ways: lost, applied with the reply lost, and applied before the
// process dies. However it goes, the end is the same and each attempt has one pod.
TEST_F(ReconcilerTest, EveryWriteMayFailOrBeTheLast) {
  enum class Fault { lose, lose_reply, crash };
  std::size_t plans = 0;
  for (const Fault fault : {Fault::lose, Fault::lose_reply, Fault::crash}) {
    for (std::size_t point = 0; point < 40; ++point) {
      FakeCluster one;
      one.create_run(with("retries: 1"));
      std::size_t seen = 0;
      bool hit = false;
      one.api.set_write_hook([&](const FakeWrite&) {
        kube::Fate fate;
        if (seen++ == point) {
          hit = true;
          fate.kind = fault == Fault::lose ? kube::Fate::Kind::lose : kube::Fate::Kind::lose_reply;
        }
        return fate;
      });
      const auto settle = [&] {
        for (int round = 0; round < 3; ++round) {
          one.settle();
          if (hit && fault == Fault::crash)
            one.restart();
        }
      };
      settle();
      one.start_pod();
      settle();
      one.remove_pod(); // the first attempt is lost
      settle();
      one.start_pod();
      settle();
      one.write_success({{"digest", "d"}});
      one.end_pod();
      settle();
      EXPECT_EQ(one.succeeded(), "True") << "fault " << static_cast<int>(fault) << " at " << point;
      EXPECT_EQ(one.pods_created(), 2U) << "fault " << static_cast<int>(fault) << " at " << point;
      EXPECT_EQ(one.status()["retriesStatus"].size(), 1U);
      EXPECT_EQ(one.status()["results"].size(), 1U);
      ++plans;
      if (!hit)
        break;
    }
  }
  RecordProperty("plans", static_cast<int>(plans));
  EXPECT_GT(plans, 15U);
}

TEST_F(ReconcilerTest, RestartsAtAnyTimeLeadToTheSameEnd) {
  for (int step = 0; step < 6; ++step) {
    FakeCluster one;
    one.create_run(one_task);
    int now = 0;
    const auto maybe_restart = [&] {
      if (now++ == step)
        one.restart();
      one.settle();
    };
    maybe_restart();
    one.start_pod();
    maybe_restart();
    one.write_success({{"digest", "d"}});
    maybe_restart();
    one.end_pod();
    maybe_restart();
    EXPECT_EQ(one.succeeded(), "True") << step;
    EXPECT_EQ(one.pods_created(), 1U) << step;
  }
}

} // namespace
} // namespace taskgroup
