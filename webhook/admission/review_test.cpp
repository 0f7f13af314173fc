// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission/review_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace taskgroup::admission {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Review, TellsWhatItIsAboutForTheLog) {
  const Answer answer = ask(bad_group);
  EXPECT_FALSE(answer.allowed());
  EXPECT_EQ(answer.reviewed.kind, "TaskGroup");
  EXPECT_EQ(answer.reviewed.namespace_name, "team");
  EXPECT_EQ(answer.reviewed.name, "g");
  EXPECT_EQ(answer.reviewed.errors, 1U);
}

TEST(Review, AnswersWithAStatusAsTheApiServerWritesThem) {
  EXPECT_EQ(ask(bad_group).response.at("status"), json_of(R"yaml(
status: Failure
code: 422
reason: Invalid
message: 'spec.tasks[0].taskSpec.steps[0].script: "$(params.x)": the param "x" is not declared'
details:
  name: g
  group: taskgroup.dev
  kind: TaskGroup
  causes:
  - reason: FieldValueInvalid
    field: spec.tasks[0].taskSpec.steps[0].script
    message: '"$(params.x)": the param "x" is not declared'
)yaml"));
}

TEST(Review, AllErrorsStandInTheMessageInTheOrderOfTheObject) {
  const Answer answer = ask(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: g}
spec:
  tasks: [{name: A}, {name: b, retries: -1, taskSpec: {steps: [{script: x}]}}, {name: c}, {name: d},
          {name: e}, {name: f}, {name: g}, {name: h}, {name: i}, {name: j}, {name: k, runAfter: [z]}]
)yaml");
  std::vector<std::string> paths;
  std::istringstream lines(answer.message());
  for (std::string line; std::getline(lines, line);)
    paths.push_back(line.substr(0, line.find(": ")));
  EXPECT_THAT(paths, AllOf(SizeIs(answer.reviewed.errors), Contains("spec.tasks[0].name"),
                           Contains("spec.tasks[1].retries")));
  EXPECT_EQ(paths.back(), "spec.tasks[10].runAfter[0]");
}

TEST(Review, DeletionAndSubresourcesAndOtherKindsAreAllowed) {
  Json review = review_of(json_of(bad_group));
  for (const char* operation : {"DELETE", "CONNECT"}) {
    review["request"]["operation"] = operation;
    EXPECT_TRUE(send(review).allowed()) << operation;
  }
  review["request"]["operation"] = "CREATE";
  EXPECT_FALSE(send(review).allowed());
  review["request"]["subResource"] = "status";
  EXPECT_TRUE(send(review).allowed());

  Json other = review_of(json_of(bad_group));
  other["request"]["kind"]["group"] = "custom.tekton.dev";
  const Answer answer = send(other);
  EXPECT_TRUE(answer.allowed());
  EXPECT_EQ(answer.reviewed.kind, "");
}

TEST(Review, AnUpdateIsCheckedWhereItChangesTheSpec) {
  Json review = review_of(json_of(bad_group), "UPDATE");
  review["request"]["oldObject"] = review["request"]["object"];
  review["request"]["object"]["metadata"]["labels"] = {{"team", "red"}};
  EXPECT_TRUE(send(review).allowed());
  review["request"]["oldObject"]["spec"]["description"] = "another";
  EXPECT_FALSE(send(review).allowed());
  review["request"]["object"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(send(review).allowed()) << "a finalizer of it must come off";
}

TEST(Review, AnUpdateOfARunIsNeverRefused) {
  for (const Form& form : forms()) {
    Json object = json_of(replaced(form.object, "@", "{}"));
    if (!object["kind"].get<std::string>().ends_with("Run"))
      continue;
    Json review = review_of(object, "UPDATE");
    review["request"]["oldObject"] = object;
    review["request"]["object"]["spec"]["status"] = "RunCancelled";
    EXPECT_TRUE(send(review).allowed()) << form.name;
  }
}

TEST(Review, WhatTheServerAddsToAnObjectIsNoError) {
  EXPECT_THAT(ask(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata:
  name: g
  generation: 1
  field-of-tomorrow: x
  managedFields: [{manager: kubectl, operation: Apply, fieldsV1: {"f:spec": {}}}]
spec: {tasks: [{name: a, taskSpec: {steps: [{image: i, script: x}]}}]}
)yaml")
                  .findings(),
              IsEmpty());
}

TEST(Review, CharactersThatNoYamlFileMayHoldAreText) {
  Json object = json_of(R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: g}
spec: {tasks: [{name: a, taskSpec: {steps: [{image: i, script: x}]}}]}
)yaml");
  object["spec"]["tasks"][0]["taskSpec"]["steps"][0]["script"] = "a\x7f\u0085\u2028\ufffe\u0001b";
  EXPECT_TRUE(send(review_of(object)).allowed());
}

} // namespace
} // namespace taskgroup::admission
