// SPDX-License-Identifier: Apache-2.0
// The points of Tekton's contract with custom tasks that are easiest to get wrong, one test each,
// by their numbers in contract.md 14. Point 10 needs Tekton itself as the consumer of a result: the
// end-to-end tests show it where Tekton is installed.
#include "controller/fake_cluster.h"
#include "controller/short_sha256.h"
#include "kube/json_fields.h"
#include "kube/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace taskgroup {
namespace {

using kube::FakeWrite;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A CustomRun's spec with this group embedded, and further fields of the run.
std::string embedding(const std::string& group, const std::string& fields = "") {
  return "{customSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, spec: " + group + "}"
         + (fields.empty() ? "" : ", " + fields) + "}";
}

const std::string small =
    "{tasks: [{name: a, taskSpec: {steps: [{name: s, image: i, script: x}]}}]}";

// A group with one result.
const std::string with_result = "{tasks: [{name: a, taskSpec: {results: [{name: r}], steps: "
                                "[{name: s, image: i, script: x}]}}], "
                                "results: [{name: r, value: $(tasks.a.results.r)}]}";

const std::string begin = "{event: begin, version: 1, group: g, tasks: [a], finally: []}";

std::string end(const std::string& state, const std::string& results = "{}") {
  return "{event: end, state: " + state + ", reason: " + state + ", message: m, tasks: {a: {state: "
         + state + ", attempts: 1}}, results: " + results + "}";
}

class Contract : public ::testing::Test {
protected:
  void start(const std::string& spec) {
    cluster.create_run(spec);
    cluster.settle();
    ASSERT_EQ(cluster.reason(), "Running") << cluster.message();
    cluster.start_pod();
    cluster.settle();
  }

  void own_by_pipeline_run() {
    cluster.edit_run([](Json& object) {
      object["metadata"]["ownerReferences"] = Json::parse(
          R"([{"apiVersion":"tekton.dev/v1","kind":"PipelineRun","name":"pr","uid":"1",
               "controller":true,"blockOwnerDeletion":true}])");
    });
  }

  // The words of the only step's command line.
  std::string command_line() const {
    std::string words;
    const Json pod = cluster.pod();
    for (const Json& word : pod["spec"]["containers"][1]["args"])
      words += word.get<std::string>() + " ";
    return words;
  }

  FakeCluster cluster;
};

// Covers: 11.1.F1 11.1.F6
TEST_F(Contract, contract_01_MatchesApiVersionAndKindExactly) {
  for (const char* spec :
       {"{customRef: {apiVersion: taskgroup.dev/v1, kind: TaskGroup, name: x}}",
        "{customRef: {apiVersion: custom.tekton.dev/v1alpha1, kind: TaskGroup, name: x}}",
        "{customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: taskgroup, name: x}}",
        "{customSpec: {apiVersion: wait.testing.tekton.dev/v1alpha1, kind: Wait, spec: {}}}",
        "{customRef: {apiVersion: a/v1, kind: B}, customSpec: {apiVersion: taskgroup.dev/v1alpha1, "
        "kind: TaskGroup}}"}) {
    FakeCluster other;
    other.create_run(spec);
    other.settle();
    EXPECT_THAT(other.api.writes(), IsEmpty()) << spec;
  }
}

TEST_F(Contract, contract_02_AReferenceToNothingFails) {
  cluster.create_run("{customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup}}");
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "False");
  EXPECT_THAT(cluster.message(), HasSubstr("spec.customRef.name"));

  FakeCluster other;
  other.create_run("{customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: x}}");
  other.settle();
  EXPECT_EQ(other.succeeded(), "False");
  EXPECT_THAT(other.message(), HasSubstr("there is no TaskGroup \"x\""));
}

TEST_F(Contract, contract_03_SaysWhereAResolverMayComeFrom) {
  cluster.create_run(
      "{customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, resolver: git}}");
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "False");
  EXPECT_THAT(cluster.message(), HasSubstr("default-resolver-type"));
}

TEST_F(Contract, contract_04_AnAbsentSpecIsAnErrorThatNamesIt) {
  for (const char* spec : {"", ", spec: null", ", spec: {}"}) {
    FakeCluster one;
    one.create_run("{customSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup"
                   + std::string(spec) + "}}");
    one.settle();
    EXPECT_EQ(one.succeeded(), "False") << spec;
    EXPECT_THAT(one.message(), HasSubstr("spec.customSpec.spec")) << spec;
  }
}

// Covers: 11.1.F4
TEST_F(Contract, contract_05_VariablesInTheEmbeddedSpecAreOurs) {
  start(embedding("{params: [{name: p}], tasks: [{name: a, taskSpec: {steps: [{name: s, image: i, "
                  "command: [echo], args: ['$(params.p)', '$(context.taskRun.namespace)']}]}}]}",
                  "params: [{name: p, value: given}]"));
  EXPECT_THAT(command_line(), HasSubstr("given default "));
}

// Covers: 11.1.F1 11.1.F2
TEST_F(Contract, contract_06_ParamsAreTextsListsAndMaps) {
  start(embedding(
      "{params: [{name: t}, {name: l, type: array}, {name: o, type: object, properties: {k: "
      "{type: string}}}], tasks: [{name: a, taskSpec: {steps: [{name: s, image: i, command: "
      "[echo], "
      "args: ['$(params.t)', '$(params.l[*])', '$(params.o.k)']}]}}]}",
      "params: [{name: t, value: '5'}, {name: l, value: [x, z]}, {name: o, value: {k: v}}, {name: "
      "undeclared, value: z}]"));
  EXPECT_THAT(command_line(), HasSubstr("5 x z v "));
}

// Covers: 11.1.F3
TEST_F(Contract, contract_07_ThePodTemplateIsTheGroupsOwnOverThePipelineRuns) {
  cluster.apply("{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: pr}, spec: "
                "{taskRunTemplate: {podTemplate: {nodeSelector: {a: b}, schedulerName: theirs}}}}");
  cluster.create_run(embedding("{run: {podTemplate: {schedulerName: ours}}, " + small.substr(1)));
  own_by_pipeline_run();
  cluster.settle();
  const Json spec = cluster.pod()["spec"];
  EXPECT_EQ(spec["schedulerName"], "ours");
  EXPECT_EQ(spec["nodeSelector"]["a"], "b");
}

TEST_F(Contract, contract_07_ThePipelineRunsTaskRunSpecOfTheGroupGoesOverItsTemplate) {
  cluster.apply("{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: pr}, spec: "
                "{taskRunTemplate: {podTemplate: {schedulerName: all, nodeSelector: {a: b}}}, "
                "taskRunSpecs: [{pipelineTaskName: other, podTemplate: {schedulerName: other}}, "
                "{pipelineTaskName: ci, podTemplate: {schedulerName: one}, "
                "computeResources: {requests: {cpu: 1}}}]}}");
  cluster.create_run(embedding(small));
  own_by_pipeline_run();
  cluster.edit_run(
      [](Json& object) { object["metadata"]["labels"]["tekton.dev/pipelineTask"] = "ci"; });
  cluster.settle();
  const Json spec = cluster.pod()["spec"];
  EXPECT_EQ(spec["schedulerName"], "one");
  EXPECT_EQ(spec["nodeSelector"]["a"], "b");
  EXPECT_THAT(cluster.events, testing::Contains(testing::Field(
                                  &RunEvent::note,
                                  HasSubstr("computeResources of the task \"ci\" has no effect"))));
}

TEST_F(Contract, contract_07_TheServiceAccountOfATaskIsTheRunsOrRefused) {
  const std::string run =
      "{run: {taskRunSpecs: [{pipelineTaskName: a, serviceAccountName: s}]}, " + small.substr(1);
  cluster.create_run(embedding(run, "serviceAccountName: r"));
  cluster.settle();
  EXPECT_THAT(cluster.message(), HasSubstr("found \"s\", but the run's service account is \"r\""));
}

// Covers: 11.1.F1
TEST_F(Contract, contract_08_TheServiceAccountMayBeEmpty) {
  start(embedding(small));
  EXPECT_EQ(cluster.pod()["spec"]["serviceAccountName"], "default");
  FakeCluster other;
  other.create_run(embedding(small, "serviceAccountName: builder"));
  other.settle();
  EXPECT_EQ(other.pod()["spec"]["serviceAccountName"], "builder");
}

// Covers: 11.2.F1
TEST_F(Contract, contract_09_ResultsAreStrings) {
  start(embedding(with_result));
  cluster.write_journal({begin, end("Succeeded", "{r: {k: v}}")});
  cluster.settle();
  EXPECT_EQ(cluster.status()["results"],
            Json::parse(R"json([{"name":"r","value":"{\"k\":\"v\"}"}])json"));
}

// What the pipeline controller makes an array of: a non-empty JSON array of strings. The half that
// is ours is that an array arrives as exactly that text.
// Covers: 11.2.F3
TEST_F(Contract, contract_10_AnArrayIsWrittenAsTheTextThatBecomesOneDownstream) {
  start(embedding(with_result));
  cluster.write_journal({begin, end("Succeeded", "{r: [x, 'y z']}")});
  cluster.settle();
  EXPECT_EQ(cluster.status()["results"][0]["value"], R"(["x","y z"])");
}

TEST_F(Contract, contract_11_AResultWithADotInItsNameIsWarnedOf) {
  start(embedding(
      "{tasks: [{name: a, taskSpec: {results: [{name: r}], steps: [{name: s, image: i, script: "
      "x}]}}], results: [{name: r.s, value: $(tasks.a.results.r)}]}"));
  ASSERT_FALSE(cluster.events.empty());
  EXPECT_TRUE(cluster.events[0].warning);
  EXPECT_THAT(cluster.events[0].note, HasSubstr("\"r.s\""));
}

// Covers: 11.2.F1
TEST_F(Contract, contract_12_ResultsAreReportedOnFailureToo) {
  for (const char* state : {"Failed", "Cancelled"}) {
    FakeCluster one;
    one.create_run(embedding(with_result));
    one.settle();
    one.start_pod();
    one.settle();
    if (std::string(state) == "Cancelled") {
      one.cancel_run();
      one.settle();
    }
    one.write_journal({begin, end(state, "{r: v}")});
    one.settle();
    EXPECT_EQ(one.succeeded(), "False") << state;
    EXPECT_EQ(one.status()["results"][0]["value"], "v") << state;
  }
}

TEST_F(Contract, contract_13_AResultThatWasNotProducedIsLeftOut) {
  start(embedding(with_result));
  cluster.write_journal({begin, end("Failed")});
  cluster.settle();
  EXPECT_FALSE(cluster.status().contains("results"));
}

TEST_F(Contract, contract_14_NothingIsWrittenThatTheSchemaPrunes) {
  start(embedding(with_result, "retries: 1"));
  cluster.remove_pod();
  cluster.settle();
  cluster.start_pod();
  cluster.write_success({{"r", "v"}});
  cluster.settle();
  ASSERT_EQ(cluster.succeeded(), "True");
  const std::set<std::string> known{"annotations",   "completionTime",     "conditions",
                                    "extraFields",   "observedGeneration", "results",
                                    "retriesStatus", "startTime"};
  const Json status = cluster.status();
  for (const auto& [field, value] : status.items())
    EXPECT_THAT(known, Contains(field));
  for (const auto& [field, value] : status["conditions"][0].items())
    EXPECT_THAT((std::set<std::string>{"type", "status", "reason", "message", "severity",
                                       "lastTransitionTime"}),
                Contains(field));
}

TEST_F(Contract, contract_15_NullsInTheStatusAreAbsent) {
  start(embedding(small));
  cluster.edit_run([](Json& object) { object["status"]["retriesStatus"] = nullptr; });
  cluster.write_success();
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True");

  FakeCluster other;
  other.create_run(embedding(small));
  other.edit_run([](Json& object) {
    object["status"]["extraFields"] = nullptr;
    object["status"]["retriesStatus"] = nullptr;
  });
  other.settle();
  EXPECT_EQ(other.reason(), "Running");
}

// Covers: 11.2.F1
TEST_F(Contract, contract_16_SucceededIsTheOnlyCondition) {
  start(embedding(small));
  EXPECT_EQ(cluster.status()["conditions"].size(), 1U);
  cluster.write_success();
  cluster.settle();
  ASSERT_EQ(cluster.status()["conditions"].size(), 1U);
  EXPECT_EQ(cluster.status()["conditions"][0]["type"], "Succeeded");
}

// Covers: 11.2.F2
TEST_F(Contract, contract_17_UnknownIsWrittenBeforeAnythingSlow) {
  std::string at_first_read;
  cluster.api.set_read_hook([&](const std::string& verb, const kube::Resource& resource,
                                const std::string&) -> std::optional<kube::ApiError> {
    if (verb == "get" && resource.plural == "taskgroups" && at_first_read.empty())
      at_first_read = cluster.reason();
    return std::nullopt;
  });
  cluster.apply("{apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, metadata: {name: x}, spec: "
                + small + "}");
  cluster.create_run("{customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: x}}");
  cluster.settle();
  EXPECT_EQ(at_first_read, "Started");
  EXPECT_EQ(cluster.reason(), "Running");
}

// Covers: 2.3.F2 11.2.F2
TEST_F(Contract, contract_18_ACancelIsCustomRunCancelledWhateverItsCause) {
  start(embedding(small));
  cluster.cancel_run("CustomRun cancelled as the PipelineRun it belongs to has timed out.");
  cluster.settle();
  cluster.write_journal({begin, end("Cancelled")});
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "CustomRunCancelled");
  EXPECT_THAT(cluster.message(), HasSubstr("has timed out"));
}

TEST_F(Contract, contract_19_AnotherSpecStatusIsNoCancel) {
  start(embedding(small));
  cluster.api.forget_writes();
  cluster.edit_run([](Json& object) { object["spec"]["status"] = "Cancelled"; });
  cluster.settle();
  EXPECT_THAT(cluster.api.writes(), IsEmpty());
}

TEST_F(Contract, contract_20_CancelledBeforeItsPodIsAnsweredAtOnce) {
  cluster.create_run(embedding(small, "status: RunCancelled"));
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "CustomRunCancelled");
  EXPECT_EQ(cluster.pods_created(), 0U);
  EXPECT_TRUE(cluster.status().contains("completionTime"));
}

TEST_F(Contract, contract_21_AFinishedRunStaysAsItIs) {
  start(embedding(small));
  cluster.write_success();
  cluster.end_pod();
  cluster.settle();
  cluster.api.forget_writes();
  cluster.cancel_run("CustomRun cancelled as the PipelineRun it belongs to has been cancelled.");
  cluster.settle();
  cluster.cancel_run("again");
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True");
  EXPECT_THAT(cluster.api.writes(), IsEmpty());
}

TEST_F(Contract, contract_22_ACancelNeedsNoMessage) {
  start(embedding(small));
  cluster.cancel_run();
  cluster.settle();
  cluster.write_journal({begin, end("Cancelled")});
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "CustomRunCancelled");
  EXPECT_THAT(cluster.message(), Not(IsEmpty()));
}

TEST_F(Contract, contract_23_NoRetryAfterACancel) {
  start(embedding(small, "retries: 3"));
  cluster.cancel_run();
  cluster.settle();
  cluster.remove_pod();
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "CustomRunCancelled");
  EXPECT_EQ(cluster.pods_created(), 1U);
}

// Covers: 11.2.F2
TEST_F(Contract, contract_24_OurOwnTimeoutHasItsOwnReason) {
  start(embedding(small, "timeout: 10m"));
  cluster.pass(10 * 60'000);
  EXPECT_EQ(cluster.succeeded(), "Unknown") << "the pod is told first";
  cluster.write_journal({begin, end("Cancelled")});
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "CustomRunTimedOut");
  EXPECT_THAT(cluster.message(), HasSubstr("10m"));
}

// Covers: 8.F2 11.1.F1
TEST_F(Contract, contract_25_NoTimeoutMeansSixtyMinutesAndZeroMeansNone) {
  struct Case {
    const char* field;
    bool ends;
  };
  for (const Case& one :
       {Case{"", true}, Case{"timeout: '0'", false}, Case{"timeout: 0s", false}}) {
    FakeCluster fresh;
    fresh.create_run(embedding(small, one.field));
    fresh.settle();
    fresh.pass(59 * 60'000);
    EXPECT_EQ(fresh.succeeded(), "Unknown") << one.field;
    fresh.pass(60'000); // the pod has never started
    EXPECT_EQ(fresh.reason() == "CustomRunTimedOut", one.ends) << one.field;
  }
}

// Only timeouts.pipeline set: the field arrives unset. Sixty minutes of our own would end the task
// early, so a run that a PipelineRun owns has none; Tekton cancels it.
TEST_F(Contract, contract_26_ThePipelineRunsTimeIsTektonsBusiness) {
  cluster.create_run(embedding(small));
  own_by_pipeline_run();
  cluster.settle();
  cluster.pass(3 * 3'600'000);
  EXPECT_EQ(cluster.reason(), "Running");
}

// Covers: 11.2.F2
TEST_F(Contract, contract_27_TheTimeoutCountsPerAttempt) {
  start(embedding(small, "timeout: 10m, retries: 1"));
  cluster.pass(9 * 60'000);
  cluster.remove_pod();
  cluster.settle();
  EXPECT_EQ(cluster.pods_created(), 2U);
  cluster.pass(9 * 60'000);
  EXPECT_EQ(cluster.succeeded(), "Unknown");
  cluster.pass(60'000);
  EXPECT_EQ(cluster.reason(), "CustomRunTimedOut");
}

TEST_F(Contract, contract_28_NegativeNumbersAreRefused) {
  for (const char* field : {"timeout: -5s", "timeout: soon", "retries: -1"}) {
    FakeCluster one;
    one.create_run(embedding(small, field));
    one.settle();
    EXPECT_EQ(one.succeeded(), "False") << field;
    EXPECT_THAT(one.message(),
                HasSubstr(std::string("spec.") + (field[0] == 't' ? "timeout" : "retries")));
    EXPECT_EQ(one.pods_created(), 0U) << field;
  }
}

// Covers: 11.2.F2
TEST_F(Contract, contract_29_FalseOnlyWhenRetriesAreUsedUp) {
  start(embedding(with_result, "retries: 1"));
  cluster.write_journal({begin, end("Failed", "{r: first}")});
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "Unknown");
  const Json old = cluster.status()["retriesStatus"];
  ASSERT_EQ(old.size(), 1U);
  EXPECT_EQ(old[0]["conditions"][0]["status"], "False");
  EXPECT_EQ(old[0]["results"][0]["value"], "first");
  EXPECT_FALSE(old[0].contains("retriesStatus"));
  cluster.start_pod();
  cluster.settle();
  cluster.write_journal({begin, end("Failed")});
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "False");
  EXPECT_EQ(cluster.status()["retriesStatus"].size(), 1U);
}

TEST_F(Contract, contract_30_CompletionTimeIsTheConditionsTime) {
  start(embedding(small));
  cluster.set_now(cluster.now() + 5'000);
  cluster.write_success();
  cluster.settle();
  EXPECT_EQ(cluster.status()["completionTime"],
            cluster.status()["conditions"][0]["lastTransitionTime"]);
  EXPECT_NE(cluster.status()["completionTime"], cluster.status()["startTime"]);
}

TEST_F(Contract, contract_31_ObservedGenerationIsOneThenTwo) {
  start(embedding(small));
  EXPECT_EQ(cluster.status()["observedGeneration"], 1);
  cluster.cancel_run();
  cluster.settle();
  cluster.write_journal({begin, end("Cancelled")});
  cluster.settle();
  EXPECT_EQ(cluster.status()["observedGeneration"], 2);
}

TEST_F(Contract, contract_32_AnAttemptKeepsWhatItStartedWith) {
  start(embedding(with_result));
  cluster.edit_run([](Json& object) {
    object["spec"]["customSpec"]["spec"] = Json::parse(R"({"tasks":"nonsense"})");
  });
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "Running");
  cluster.write_success({{"r", "v"}});
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True");
  EXPECT_EQ(cluster.pods_created(), 1U);
}

TEST_F(Contract, contract_33_NothingIsLostWhileTektonsWebhookIsDown) {
  bool down = true;
  cluster.api.set_write_hook([&](const FakeWrite& write) {
    kube::Fate fate;
    if (down && write.verb == FakeWrite::Verb::replace_status) {
      fate.kind = kube::Fate::Kind::refuse;
      fate.error.kind = kube::ApiError::Kind::internal;
      fate.error.code = 500;
      fate.error.message = "failed calling webhook";
    }
    return fate;
  });
  cluster.create_run(embedding(small));
  EXPECT_EQ(cluster.settle().kind, Reconciled::Kind::try_again);
  EXPECT_EQ(cluster.pods_created(), 0U) << "Unknown has not been written yet";
  down = false;
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  down = true;
  cluster.write_success();
  EXPECT_EQ(cluster.settle().kind, Reconciled::Kind::try_again);
  down = false;
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True");
}

TEST_F(Contract, contract_34_WhatOthersWroteStays) {
  cluster.create_run(embedding(small));
  own_by_pipeline_run();
  cluster.edit_run(
      [](Json& object) { object["metadata"]["finalizers"] = {"results.tekton.dev/customrun"}; });
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.write_success();
  // Somebody else writes between our read and our write.
  bool once = true;
  cluster.api.set_write_hook([&](const FakeWrite& write) {
    if (std::exchange(once, false) && write.verb == FakeWrite::Verb::replace_status)
      cluster.edit_run([](Json& object) {
        object["metadata"]["annotations"]["results.tekton.dev/record"] = "x";
      });
    return kube::Fate{};
  });
  cluster.settle();
  EXPECT_EQ(cluster.succeeded(), "True");
  const Json metadata = cluster.run_object()["metadata"];
  EXPECT_EQ(metadata["ownerReferences"][0]["name"], "pr");
  EXPECT_EQ(metadata["finalizers"][0], "results.tekton.dev/customrun");
  EXPECT_EQ(metadata["annotations"]["results.tekton.dev/record"], "x");
}

TEST_F(Contract, contract_35_ARunMadeAgainNeverAdoptsTheOldPod) {
  start(embedding(small));
  const Json owner = cluster.pod()["metadata"]["ownerReferences"][0];
  EXPECT_EQ(owner["uid"], cluster.run_object()["metadata"]["uid"]);
  EXPECT_EQ(owner["controller"], true);
  const std::string old_pod = cluster.pod()["metadata"]["uid"];
  cluster.api.modify(kube::pods, {"default", cluster.pod()["metadata"]["name"]}, [](Json& pod) {
    pod["spec"]["nodeName"] = "n"; // terminates slowly
  });
  cluster.api.erase(resource_of(RunKind::custom_run), {"default", "run"});
  cluster.settle();
  cluster.create_run(embedding(small));
  cluster.settle();
  EXPECT_EQ(cluster.pods_created(), 2U);
  EXPECT_NE(cluster.pod()["metadata"]["uid"], old_pod);
  EXPECT_NE(cluster.status()["extraFields"]["pod"]["uid"], old_pod);
}

TEST_F(Contract, contract_36_ThePodBlocksTheDeletionOfItsOwner) {
  start(embedding(small));
  EXPECT_EQ(cluster.pod()["metadata"]["ownerReferences"][0]["blockOwnerDeletion"], true);
}

// Covers: 6.1.F5
TEST_F(Contract, contract_37_AVolumeClaimTemplateOfARunByHandIsServed) {
  cluster.create_run(
      embedding("{workspaces: [{name: w}], tasks: [{name: a, workspaces: [{name: w}], taskSpec: "
                "{workspaces: [{name: w}], steps: [{name: s, image: i, script: x}]}}]}",
                "workspaces: [{name: w, volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], "
                "resources: {requests: {storage: 1Gi}}}}}]"));
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "Running") << cluster.message();
  const std::vector<Json> claims = cluster.api.all(kube::claims);
  ASSERT_EQ(claims.size(), 1U);
  EXPECT_EQ(claims[0]["metadata"]["ownerReferences"][0]["uid"],
            cluster.run_object()["metadata"]["uid"]);
  EXPECT_THAT(cluster.pod()["spec"]["volumes"].dump(),
              HasSubstr(claims[0]["metadata"]["name"].get<std::string>()));
}

// Covers: 11.1.F2 14.F4
TEST_F(Contract, contract_38_TheAffinityAssistantIsOneMoreTerm) {
  cluster.create_run(embedding(small));
  cluster.edit_run([](Json& object) {
    object["metadata"]["annotations"]["pipeline.tekton.dev/affinity-assistant"] =
        "affinity-assistant-0123456789";
  });
  cluster.settle();
  const Json terms = cluster.pod()["spec"]["affinity"]["podAffinity"]
                                  ["requiredDuringSchedulingIgnoredDuringExecution"];
  ASSERT_EQ(terms.size(), 1U);
  EXPECT_EQ(terms[0]["topologyKey"], "kubernetes.io/hostname");
  EXPECT_EQ(terms[0]["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"],
            "affinity-assistant-0123456789");
}

// Covers: 6.1.F7 14.F5
TEST_F(Contract, contract_39_TwoClaimsBesideAnAssistantAreRefused) {
  const std::string two = embedding(
      "{workspaces: [{name: v}, {name: w}], tasks: [{name: a, workspaces: [{name: v}, "
      "{name: w}], taskSpec: {workspaces: [{name: v}, {name: w}], steps: [{name: s, image: "
      "i, script: x}]}}]}",
      "workspaces: [{name: v, persistentVolumeClaim: {claimName: one}}, {name: w, "
      "persistentVolumeClaim: {claimName: two}}]");
  struct Case {
    std::string assistant;
    bool refused;
  };
  for (const Case& one :
       {Case{"affinity-assistant-0123456789", true},
        Case{"affinity-assistant-" + short_sha256("pr"), false}, Case{"", false}}) {
    FakeCluster fresh;
    for (const char* claim : {"one", "two"})
      fresh.apply("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: "
                  + std::string(claim) + "}, spec: {accessModes: [ReadWriteOnce]}}");
    fresh.create_run(two);
    fresh.edit_run([&](Json& object) {
      object["metadata"]["ownerReferences"] = Json::parse(
          R"([{"apiVersion":"tekton.dev/v1","kind":"PipelineRun","name":"pr","uid":"1","controller":true}])");
      if (!one.assistant.empty())
        object["metadata"]["annotations"]["pipeline.tekton.dev/affinity-assistant"] = one.assistant;
    });
    fresh.settle();
    EXPECT_EQ(fresh.reason() == "MultiplePersistentVolumeClaims", one.refused)
        << one.assistant << ": " << fresh.message();
  }
}

TEST_F(Contract, contract_40_ALateRetryWhoseClaimIsGoneEndsWithThatReason) {
  cluster.apply("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec: "
                "{accessModes: [ReadWriteOnce]}}");
  cluster.create_run(
      embedding("{workspaces: [{name: w}], tasks: [{name: a, workspaces: [{name: w}], taskSpec: "
                "{workspaces: [{name: w}], steps: [{name: s, image: i, script: x}]}}]}",
                "retries: 1, workspaces: [{name: w, persistentVolumeClaim: {claimName: c}}]"));
  cluster.settle();
  cluster.start_pod();
  cluster.settle();
  cluster.api.erase_now(kube::claims, {"default", "c"});
  cluster.remove_pod();
  cluster.settle();
  EXPECT_EQ(cluster.reason(), "WorkspaceNotFound");
  EXPECT_THAT(cluster.message(), HasSubstr("PersistentVolumeClaim \"c\""));
  EXPECT_EQ(cluster.pods_created(), 1U);
}

} // namespace
} // namespace taskgroup
