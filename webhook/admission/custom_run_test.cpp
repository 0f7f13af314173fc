// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission/review_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace taskgroup::admission {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(ReviewOfACustomRun, OfAnotherKindIsNoneOfOurs) {
  for (const char* type :
       {"{apiVersion: custom.tekton.dev/v1alpha1, kind: TaskGroup, spec: {a: b}}",
        "{apiVersion: example.dev/v1, kind: Wait}", "{}", "null", "[]"})
    EXPECT_THAT(
        ask(custom_run("  customSpec: " + std::string(type) + "\n  retries: -1")).findings(),
        IsEmpty())
        << type;
}

TEST(ReviewOfACustomRun, OfAVersionThatNobodyRunsIsRefused) {
  EXPECT_THAT(
      ask(custom_run("  customSpec: {apiVersion: taskgroup.dev/v1, kind: TaskGroup, spec: {}}"))
          .findings(),
      Contains(HasSubstr("error: spec.customSpec.apiVersion: found \"taskgroup.dev/v1\", expected "
                         "\"taskgroup.dev/v1alpha1\"")));
  EXPECT_THAT(
      ask(custom_run("  customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: Taskgroup, name: g}"))
          .findings(),
      Contains(HasSubstr("error: spec.customRef.kind: found \"Taskgroup\"")));
}

TEST(ReviewOfACustomRun, AnEmptySpecIsAnEmptyGroup) {
  for (const char* spec : {"", ", spec: null", ", spec: {}"})
    EXPECT_THAT(ask(custom_run("  customSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup"
                               + std::string(spec) + "}"))
                    .findings(),
                ElementsAre(HasSubstr("error: spec.customSpec.spec.tasks: missing")))
        << spec;
}

TEST(ReviewOfACustomRun, ItsOwnFieldsAreThoseThatTheControllerReads) {
  EXPECT_THAT(ask(custom_run(R"yaml(
  fieldOfTomorrow: x
  serviceAccountName: bot
  status: RunCancelled
  statusMessage: x
  retries: -1
  timeout: 1d
  workspaces: [{name: w, emptyDir: {}, configMap: {name: c}}]
  customSpec:
    apiVersion: taskgroup.dev/v1alpha1
    kind: TaskGroup
    metadata: {labels: {a: b}}
    spec: {tasks: [{name: a, taskSpec: {steps: [{image: i, script: x}]}}]}
)yaml"))
                  .findings(),
              UnorderedElementsAre(HasSubstr("error: spec.timeout: \"1d\" is no duration"),
                                   HasSubstr("error: spec.workspaces[0]: has several sources"),
                                   "error: spec.retries: must not be negative, found -1"));
}

TEST(ReviewOfACustomRun, WhatItPassesIsCheckedAgainstTheGroupItNames) {
  const Stored stored = {{"team/choosy", json_of(choosy_group)}};
  EXPECT_THAT(ask(choosy_run("  params: [{name: color, value: red}, {name: list, value: [x]}]\n"
                             "  workspaces: [{name: w, volumeClaimTemplate: {spec: {accessModes: "
                             "[ReadWriteOnce]}}}]"),
                  finder(stored))
                  .findings(),
              IsEmpty());
  EXPECT_THAT(
      ask(choosy_run("  params: [{name: color, value: blue}]"), finder(stored)).findings(),
      UnorderedElementsAre(
          HasSubstr("error: spec.params[0].value: param \"color\" cannot be \"blue\"; its enum "
                    "allows"),
          HasSubstr("error: spec.customRef.name: TaskGroup \"choosy\": spec.params[1]: param "
                    "\"list\" has no default and got no value")));
}

TEST(ReviewOfACustomRun, AGroupThatCouldNotRunIsReportedAtTheReference) {
  const Stored stored = {{"team/choosy", json_of(bad_group)}};
  EXPECT_THAT(ask(choosy_run(""), finder(stored)).findings(),
              ElementsAre(HasSubstr("error: spec.customRef.name: TaskGroup \"choosy\": "
                                    "spec.tasks[0].taskSpec.steps[0].script: \"$(params.x)\"")));
}

TEST(ReviewOfACustomRun, AGroupThatCannotBeHadIsAWarning) {
  const Answer answer = ask(choosy_run("  timeout: soon"));
  EXPECT_THAT(answer.findings(),
              UnorderedElementsAre(
                  HasSubstr("error: spec.timeout: \"soon\" is no duration"),
                  HasSubstr("warning: spec.customRef.name: there is no TaskGroup \"choosy\" in "
                            "namespace \"team\" yet, or it could not be read")));
  EXPECT_TRUE(ask(choosy_run("")).allowed());
  const FindGroup unset;
  EXPECT_TRUE(ask(choosy_run(""), unset).allowed());
}

TEST(ReviewOfACustomRun, AStepActionThatIsNotKnownIsLeftToTheController) {
  const auto with_step = [](const std::string& step) {
    return custom_run("  customSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, spec: "
                      "{tasks: [{name: a, taskSpec: {steps: [{name: s, ref: {name: say}"
                      + step + "}]}}]}}");
  };
  EXPECT_THAT(ask(with_step(", params: [{name: word, value: x}]")).findings(), IsEmpty());
  EXPECT_THAT(ask(with_step(", image: i")).findings(),
              ElementsAre(HasSubstr("steps[0].image: given beside `ref`")));
}

TEST(ReviewOfACustomRun, AReferenceNeedsANameAndNoResolver) {
  EXPECT_THAT(
      ask(custom_run("  customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, resolver: "
                     "git}"))
          .findings(),
      UnorderedElementsAre(HasSubstr("error: spec.customRef.resolver: "),
                           HasSubstr("error: spec.customRef.name: missing")));
}

} // namespace
} // namespace taskgroup::admission
