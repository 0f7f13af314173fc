// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission/review_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace taskgroup::admission {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

TEST(ReviewOfAPipeline, WhatBelongsToTektonIsTektonsToCheck) {
  EXPECT_THAT(ask(pipeline(R"yaml(
  fieldOfTomorrow: x
  tasks:
  - {name: Bad_Name, sidecars: 7, taskSpec: {steps: 5}}
  - {name: foreign, taskRef: {apiVersion: custom.tekton.dev/v1alpha1, kind: TaskGroup, bundle: x}}
  - {name: foreign, taskSpec: {apiVersion: custom.tekton.dev/v1alpha1, kind: TaskGroup, spec: {}}}
  - name: ours
    fieldOfTomorrow: x
    when: [{cel: "'a' == 'b'"}]
    retries: 2
    onError: continue
    matrix: {params: [{name: p, value: [a, b]}]}
    timeout: $(params.t)
    taskSpec:
      apiVersion: taskgroup.dev/v1alpha1
      kind: TaskGroup
      spec:
        params: [{name: p}]
        tasks: [{name: a, taskSpec: {steps: [{image: i, script: "$(params.p)"}]}}]
  - 7
)yaml"))
                  .findings(),
              IsEmpty());
}

constexpr const char* tasks_that_pass = R"yaml(
  params: [{name: env, default: blue}]
  tasks:
  - name: one
    params: [{name: color, value: blue}, {name: list, value: text}]
    taskRef: &ref {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: choosy}
  - name: two
    params: [{name: list, value: "$(tasks.one.results.r[*])"}]
    taskRef: *ref
  - name: three
    params: [{name: color, value: $(params.env)}, {name: list, value: [a]}]
    taskRef: *ref
)yaml";

TEST(ReviewOfAPipeline, WhatATaskPassesIsCheckedAgainstTheGroupItNames) {
  const Stored stored = {{"team/choosy", json_of(choosy_group)}};
  EXPECT_THAT(
      ask(pipeline(tasks_that_pass), finder(stored)).findings(),
      UnorderedElementsAre(
          HasSubstr("error: spec.tasks[0].params[0].value: param \"color\" cannot be \"blue\""),
          HasSubstr("error: spec.tasks[0].params[1].value: param \"list\" is declared as an array "
                    "and got a string"),
          HasSubstr(
              "error: spec.tasks[1].taskRef.name: TaskGroup \"choosy\": spec.params[0]: param "
              "\"color\" has no default and got no value")))
      << "the default of a Pipeline's param may be overridden, so three's color is not known";
}

TEST(ReviewOfAPipeline, APipelineRunKnowsItsParams) {
  const Stored stored = {{"team/choosy", json_of(choosy_group)}};
  Json run = json_of(pipeline(tasks_that_pass));
  run["kind"] = "PipelineRun";
  run["spec"] = {{"pipelineSpec", run["spec"]}};
  const auto color_of_three = HasSubstr("spec.pipelineSpec.tasks[2].params[0].value: param "
                                        "\"color\" cannot be \"blue\"");
  EXPECT_THAT(send(review_of(run), finder(stored)).findings(), Contains(color_of_three));
  run["spec"]["params"] = {{{"name", "env"}, {"value", "green"}}};
  EXPECT_THAT(send(review_of(run), finder(stored)).findings(), Not(Contains(color_of_three)));
}

TEST(ReviewOfAPipeline, AGroupThatIsNotThereYetIsAWarning) {
  const Answer answer = ask(pipeline(tasks_that_pass));
  EXPECT_TRUE(answer.allowed());
  EXPECT_THAT(answer.warnings(), SizeIs(3));
}

TEST(ReviewOfAPipeline, ANameThatTheRunDecidesIsNotLookedUp) {
  EXPECT_THAT(ask(pipeline(R"yaml(
  tasks:
  - {name: a, taskRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: $(params.x)}}
)yaml"))
                  .findings(),
              IsEmpty());
}

TEST(ReviewOfAPipeline, ErrorsOfAGroupThatIsOnlyNamedAreNotItsErrors) {
  const Stored stored = {{"team/choosy", json_of(bad_group)}};
  EXPECT_THAT(ask(pipeline(tasks_that_pass), finder(stored)).findings(), IsEmpty());
}

TEST(ReviewOfAPipeline, GroupsInPipelinesOfAPipelineAreFound) {
  EXPECT_THAT(ask(pipeline(R"yaml(
  tasks:
  - name: inner
    pipelineSpec:
      tasks:
      - {name: a, taskSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, spec: {taskz: []}}}
)yaml"))
                  .findings(),
              Contains(StartsWith("error: spec.tasks[0].pipelineSpec.tasks[0].taskSpec.spec.taskz: "
                                  "unknown field")));
}

TEST(ReviewOfAPipeline, ARunOfANamedPipelineHoldsNone) {
  EXPECT_THAT(ask("apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: r}\n"
                  "spec: {pipelineRef: {name: p}}")
                  .findings(),
              IsEmpty());
}

} // namespace
} // namespace taskgroup::admission
