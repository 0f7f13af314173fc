// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_template.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using nlohmann::json;

TEST(PodTemplate, FieldsOfTheUpperReplaceTheLowers) {
  const json lower = {
      {"nodeSelector", {{"a", "1"}}},
      {"tolerations", json::array({{{"key", "t"}}})},
      {"hostNetwork", true},
      {"env", json::array({{{"name", "A"}, {"value", "1"}}, {{"name", "B"}, {"value", "1"}}})}};
  const json upper = {{"nodeSelector", {{"b", "2"}}},
                      {"hostNetwork", false},
                      {"tolerations", nullptr},
                      {"env", json::array({{{"name", "B"}, {"value", "2"}}})}};
  const json merged = merge_pod_templates(lower, upper);
  EXPECT_EQ(merged["nodeSelector"], json({{"b", "2"}})) << "not merged inside";
  EXPECT_EQ(merged["tolerations"], lower["tolerations"]);
  EXPECT_EQ(merged["hostNetwork"], true) << "false is Go's absent";
  EXPECT_EQ(merged["env"],
            json::array({{{"name", "B"}, {"value", "2"}}, {{"name", "A"}, {"value", "1"}}}));
  EXPECT_EQ(merge_pod_templates(json(), upper), upper);
  EXPECT_EQ(merge_pod_templates(lower, json()), lower);
  EXPECT_TRUE(merge_pod_templates(json(), json()).is_null());
}

// Covers: 14.F4
TEST(PodTemplate, TheAssistantsTermIsAppended) {
  json spec;
  apply_pod_template({{"affinity",
                       {{"podAffinity",
                         {{"requiredDuringSchedulingIgnoredDuringExecution",
                           json::array({{{"topologyKey", "own"}}})}}}}}},
                     spec);
  add_affinity_assistant("", spec);
  add_affinity_assistant("affinity-assistant-x", spec);
  const json& terms =
      spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
  ASSERT_EQ(terms.size(), 2U);
  EXPECT_EQ(terms[0]["topologyKey"], "own");
  EXPECT_EQ(terms[1]["topologyKey"], "kubernetes.io/hostname");
  EXPECT_EQ(terms[1]["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"],
            "affinity-assistant-x");
}

TEST(PodTemplate, ItsVariablesWin) {
  json env = json::array({{{"name", "A"}, {"value", "1"}}, {{"name", "B"}, {"value", "1"}}});
  apply_template_env(
      {{"env", json::array({{{"name", "A"}, {"value", "2"}}, {{"name", "B"}, {"value", "2"}}})}},
      {"B"}, env);
  EXPECT_EQ(env, json::array({{{"name", "B"}, {"value", "1"}}, {{"name", "A"}, {"value", "2"}}}));
}

} // namespace
} // namespace taskgroup
