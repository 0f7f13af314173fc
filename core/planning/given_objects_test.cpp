// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/given_objects.h>

#include "core/planning/planner_fixture.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;
using testing::HasSubstr;
using testing::Pair;

const GivenObjects given{.config_maps = {{"settings", {{"colour", "green"}, {"shape", "round"}}}},
                         .secrets = {{"token", {{"value", "sesame"}}}},
                         .claims = {"data"}};

std::string value_error(const std::string& source) {
  const auto value = given_value(source, given);
  return value ? std::string() : value.error();
}

TEST(GivenObjects, GiveVariablesTheirValues) {
  EXPECT_EQ(given_value(R"({"configMapKeyRef": {"name": "settings", "key": "colour"}})", given),
            "green");
  EXPECT_EQ(given_value(R"({"secretKeyRef": {"name": "token", "key": "value"}})", given), "sesame");
}

TEST(GivenObjects, AreNotMissedWhereTheyAreOptional) {
  for (const char* const source :
       {R"({"secretKeyRef": {"name": "none", "key": "value", "optional": true}})",
        R"({"secretKeyRef": {"name": "token", "key": "none", "optional": true}})"})
    EXPECT_EQ(given_value(source, given), std::nullopt) << source;
  EXPECT_TRUE(given_variables(R"([{"secretRef": {"name": "none", "optional": true}}])", given));
  EXPECT_TRUE(given_volume(R"({"secret": {"secretName": "none", "optional": true}})", given));
}

TEST(GivenObjects, AreMissedByName) {
  EXPECT_THAT(value_error(R"({"configMapKeyRef": {"name": "setting", "key": "colour"}})"),
              HasSubstr("there is no ConfigMap \"setting\" in the given files (did you mean "
                        "\"settings\"?); add the file that holds it"));
  EXPECT_THAT(value_error(R"({"secretKeyRef": {"name": "token", "key": "val"}})"),
              HasSubstr("the Secret \"token\" has no key \"val\""));
  EXPECT_THAT(value_error(R"({"fieldRef": {"fieldPath": "metadata.name"}})"),
              HasSubstr("fieldRef is about a pod"));
  EXPECT_THAT(given_variables(R"([{"configMapRef": {"name": "x"}}])", given).error(),
              HasSubstr("no ConfigMap \"x\""));
  EXPECT_THAT(given_volume(R"({"persistentVolumeClaim": {"claimName": "x"}})", given).error(),
              HasSubstr("no PersistentVolumeClaim \"x\""));
}

TEST(GivenObjects, GiveAllTheirKeysAsVariables) {
  EXPECT_THAT(
      *given_variables(R"([{"prefix": "MY_", "configMapRef": {"name": "settings"}},
                                   {"secretRef": {"name": "token"}}])",
                       given),
      ElementsAre(Pair("MY_colour", "green"), Pair("MY_shape", "round"), Pair("value", "sesame")));
}

TEST(GivenObjects, AreTheFilesOfVolumes) {
  EXPECT_THAT(given_volume(R"({"configMap": {"name": "settings"}})", given)->files,
              ElementsAre(FieldsAre("colour", "green", 0644U), FieldsAre("shape", "round", 0644U)));
  EXPECT_THAT(given_volume(R"({"secret": {"secretName": "token", "defaultMode": 256,
                               "items": [{"key": "value", "path": "a/b"}]}})",
                           given)
                  ->files,
              ElementsAre(FieldsAre("a/b", "sesame", 0400U)));
  EXPECT_THAT(given_volume(R"({"projected": {"sources": [
                                {"secret": {"name": "token"}},
                                {"configMap": {"name": "settings",
                                               "items": [{"key": "shape", "path": "s"}]}}]}})",
                           given)
                  ->files,
              ElementsAre(FieldsAre("value", "sesame", 0644U), FieldsAre("s", "round", 0644U)));
  EXPECT_EQ(given_volume(R"({"persistentVolumeClaim": {"claimName": "data"}})", given)->claim,
            "data");
}

TEST(GivenObjects, DoNotLeadOutOfTheirVolume) {
  for (const char* const path : {"", "/etc/passwd", "..", "a/../../b"})
    EXPECT_THAT(given_volume(R"({"configMap": {"name": "settings",
                                 "items": [{"key": "shape", "path": ")"
                                 + std::string(path) + R"("}]}})",
                             given)
                    .error(),
                HasSubstr("expected a relative one"))
        << path;
}

TEST(GivenObjects, SayWhatOnlyAClusterHas) {
  EXPECT_THAT(given_volume(R"({"nfs": {"server": "x"}})", given).error(),
              HasSubstr("only a cluster has a volume of the kind nfs"));
  EXPECT_THAT(
      given_volume(R"({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}})", given)
          .error(),
      HasSubstr("serviceAccountToken comes from a cluster"));
}

// What the planner says of them.
class GivenObjectsPlannerTest : public PlannerTest {};

TEST_F(GivenObjectsPlannerTest, AreMissedWhereTheyAreReferredTo) {
  load_spec(R"yaml(
  tasks:
  - name: t
    taskSpec:
      volumes:
      - {name: v, configMap: {name: none}}
      stepTemplate:
        env:
        - {name: T, valueFrom: {secretKeyRef: {name: none, key: k}}}
      steps:
      - name: s
        image: i
        script: "true"
        envFrom: [{secretRef: {name: none}}]
)yaml");
  EXPECT_THAT(errors(), HasSubstr("tasks[0].taskSpec.volumes[0].configMap: there is no ConfigMap"));
  EXPECT_THAT(errors(),
              HasSubstr("tasks[0].taskSpec.stepTemplate.env[0].valueFrom: there is no Secret"));
  EXPECT_THAT(errors(), HasSubstr("tasks[0].taskSpec.steps[0].envFrom: there is no Secret"));
  facts.given.config_maps["none"] = {};
  facts.given.secrets["none"] = {{"k", "v"}};
  EXPECT_EQ(planned().tasks.size(), 1U);
}

} // namespace
} // namespace taskgroup
