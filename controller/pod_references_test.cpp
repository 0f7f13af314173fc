// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_references.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using nlohmann::json;

TEST(PodReferences, AreWhatKubeletWouldMiss) {
  const json pod = json::parse(R"json({
    "metadata": {"name": "run-pod"},
    "spec": {
      "volumes": [
        {"name": "a", "configMap": {"name": "conf", "items": [{"key": "k", "path": "p"}]}},
        {"name": "b", "secret": {"secretName": "keys", "optional": true}},
        {"name": "c", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "d", "projected": {"sources": [{"secret": {"name": "more"}}, {"configMap": {"name": "conf"}}]}},
        {"name": "e", "configMap": {"name": "run-pod"}},
        {"name": "f", "emptyDir": {}}
      ],
      "containers": [
        {"name": "step-x", "env": [
           {"name": "A", "value": "b"},
           {"name": "K", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "id"}}},
           {"name": "L", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "l", "optional": true}}}],
         "envFrom": [{"secretRef": {"name": "env"}}]}
      ]
    }})json");
  const std::vector<PodReference> references = references_of(pod);
  ASSERT_EQ(references.size(), 5U);
  EXPECT_EQ(references[0].kind, "ConfigMap");
  EXPECT_EQ(references[0].name, "conf");
  EXPECT_EQ(references[0].keys, std::set<std::string>{"k"});
  EXPECT_EQ(references[0].used_by, "volume \"a\"");
  EXPECT_EQ(references[1].name, "keys");
  EXPECT_FALSE(references[1].optional) << "the variable needs it";
  EXPECT_EQ(references[1].keys, std::set<std::string>{"id"});
  EXPECT_EQ(references[2].kind, "PersistentVolumeClaim");
  EXPECT_EQ(references[3].name, "more");
  EXPECT_EQ(references[4].name, "env");
  EXPECT_EQ(references[4].used_by, "container \"step-x\"");
}

TEST(PodReferences, OfSomethingElseAreNone) {
  EXPECT_TRUE(references_of(json()).empty());
  EXPECT_TRUE(references_of(json{{"spec", {{"volumes", 3}}}}).empty());
}

} // namespace
} // namespace taskgroup
