// SPDX-License-Identifier: Apache-2.0
#include "controller/claims.h"
#include "controller/pod_fixture.h"
#include "controller/short_sha256.h"

#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using nlohmann::json;

TEST(ShortSha256, IsTheBeginningOfTheHash) {
  EXPECT_EQ(short_sha256(""), "e3b0c44298");
  EXPECT_EQ(short_sha256("abc"), "ba7816bf8f");
}

class Claims : public PodTest {};

// Covers: 6.1.F5
TEST_F(Claims, AreMadeAsStockMakesThem) {
  load(R"yaml(
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata: {name: run, namespace: team}
spec:
  customSpec:
    apiVersion: taskgroup.dev/v1alpha1
    kind: TaskGroup
    spec:
      workspaces: [{name: source}, {name: cache}]
      tasks:
      - name: a
        taskSpec: {workspaces: [{name: source}, {name: cache}], steps: [{image: i, command: [x]}]}
  workspaces:
  - name: source
    volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
  - name: cache
    subPath: go
    volumeClaimTemplate:
      metadata: {name: cache, labels: {a: b}, creationTimestamp: null}
      spec: {accessModes: [ReadWriteOnce]}
      status: {}
)yaml");
  const std::vector<json> claims = make_claims(request, pod_request.owner);
  ASSERT_EQ(claims.size(), 2U);
  EXPECT_EQ(claims[0]["metadata"]["name"], "pvc-" + short_sha256("sourceu-1"));
  EXPECT_EQ(claims[0]["metadata"]["namespace"], "team");
  EXPECT_EQ(claims[0]["metadata"]["ownerReferences"][0]["uid"], "u-1");
  EXPECT_EQ(claims[0]["spec"]["resources"]["requests"]["storage"], "1Gi");
  EXPECT_EQ(claims[1]["metadata"]["name"], "cache-" + short_sha256("cacheu-1"));
  EXPECT_EQ(claims[1]["metadata"]["labels"], json({{"a", "b"}}));
  EXPECT_FALSE(claims[1].contains("status"));

  const json pod = built();
  EXPECT_EQ(volume(pod, "ws-source")["persistentVolumeClaim"]["claimName"],
            claims[0]["metadata"]["name"]);
  EXPECT_EQ(mount(container(pod, "step-a-unnamed-0"), "/workspace/cache")["subPath"], "go");
  EXPECT_TRUE(make_claims(request, pod_request.owner).empty());
}

} // namespace
} // namespace taskgroup
