// SPDX-License-Identifier: Apache-2.0
// The fields of Tekton's docs/variables.md that only a pod has: variables are replaced in each, and
// a result of another task is refused in each by its path.
#include "core/planning/planner_fixture.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using testing::HasSubstr;
using testing::Not;

class VariableFieldsTest : public PlannerTest {
protected:
  VariableFieldsTest() {
    target = Target::pod;
    options.pod = true;
  }

  // Plan and return the whole plan as JSON.
  std::string whole() { return to_json(planned()); }

  void bind(WorkspaceBinding::Kind kind, const std::string& source, const std::string& json) {
    WorkspaceBinding binding{.name = at("w"), .kind = kind, .source = source};
    if (!json.empty())
      binding.raw = {read_json(json, "run").value(), "spec.workspaces[0]"};
    binding.sub_path = at("$(params.p)");
    request.workspaces = {binding};
  }
};

// Every field with `<value>` in it.
std::string with_fields(const std::string& value) {
  std::string text = R"yaml(
  params: [{name: p, default: tea}]
  tasks:
  - name: make
    taskSpec:
      results: [{name: r}]
      steps: [{name: s, image: i, script: "true"}]
  - name: use
    params: [{name: p, value: <value>}]
    taskSpec:
      params: [{name: p}]
      volumes:
      - {name: a, configMap: {name: "cm-$(params.p)", items: [{key: "cmk-$(params.p)", path: "cmp-$(params.p)"}]}}
      - {name: b, secret: {secretName: "se-$(params.p)", items: [{key: "sek-$(params.p)", path: "sep-$(params.p)"}]}}
      - {name: c, persistentVolumeClaim: {claimName: "pvc-$(params.p)"}}
      - name: d
        projected:
          sources:
          - {configMap: {name: "pcm-$(params.p)"}}
          - {secret: {name: "pse-$(params.p)"}}
          - {serviceAccountToken: {audience: "sat-$(params.p)", path: token}}
      - name: e
        csi: {driver: x, nodePublishSecretRef: {name: "csi-$(params.p)"}, volumeAttributes: {k: "att-$(params.p)"}}
      steps:
      - name: s
        image: image-$(params.p)
        imagePullPolicy: pull-$(params.p)
        script: "true"
        env:
        - {name: A, valueFrom: {secretKeyRef: {name: "esn-$(params.p)", key: "esk-$(params.p)"}}}
        - {name: B, valueFrom: {configMapKeyRef: {name: "ecn-$(params.p)", key: "eck-$(params.p)"}}}
        envFrom:
        - {prefix: "pre-$(params.p)", configMapRef: {name: "fcm-$(params.p)"}}
        - {secretRef: {name: "fse-$(params.p)"}}
        volumeMounts:
        - {name: a, mountPath: /a}
        - {name: b, mountPath: /b}
        - {name: c, mountPath: /c}
        - {name: d, mountPath: /d}
        - {name: e, mountPath: /e}
)yaml";
  const std::size_t place = text.find("<value>");
  return text.replace(place, 7, value);
}

// Covers: 5.F4 6.2.F1
TEST_F(VariableFieldsTest, ParamsAreReplacedInEachFieldOfAPod) {
  load_spec(with_fields("$(params.p)"));
  const std::string plan = whole();
  EXPECT_THAT(plan, Not(HasSubstr("$(params")));
  for (const char* text :
       {"cm-tea",  "cmk-tea", "cmp-tea", "se-tea",  "sek-tea", "sep-tea",   "pvc-tea",
        "pcm-tea", "pse-tea", "sat-tea", "csi-tea", "att-tea", "image-tea", "pull-tea",
        "esn-tea", "esk-tea", "ecn-tea", "eck-tea", "pre-tea", "fcm-tea",   "fse-tea"})
    EXPECT_THAT(plan, HasSubstr(text));
}

// Covers: 5.F4 19.R5
TEST_F(VariableFieldsTest, ResultsAreRefusedInEachFieldOfAPodByItsPath) {
  load_spec(with_fields("$(tasks.make.results.r)"));
  const std::string found = errors();
  for (const char* path : {"volumes[0].configMap.name",
                           "volumes[0].configMap.items[0].key",
                           "volumes[0].configMap.items[0].path",
                           "volumes[1].secret.secretName",
                           "volumes[1].secret.items[0].key",
                           "volumes[1].secret.items[0].path",
                           "volumes[2].persistentVolumeClaim.claimName",
                           "volumes[3].projected.sources[0].configMap.name",
                           "volumes[3].projected.sources[1].secret.name",
                           "volumes[3].projected.sources[2].serviceAccountToken.audience",
                           "volumes[4].csi.nodePublishSecretRef.name",
                           "volumes[4].csi.volumeAttributes.k",
                           "steps[0].image",
                           "steps[0].imagePullPolicy",
                           "steps[0].env[0].valueFrom.secretKeyRef.name",
                           "steps[0].env[0].valueFrom.secretKeyRef.key",
                           "steps[0].env[1].valueFrom.configMapKeyRef.name",
                           "steps[0].env[1].valueFrom.configMapKeyRef.key",
                           "steps[0].envFrom[0].prefix",
                           "steps[0].envFrom[0].configMapRef.name",
                           "steps[0].envFrom[1].secretRef.name"})
    EXPECT_THAT(found, HasSubstr("spec.tasks[1].taskSpec." + std::string(path) + ": "));
}

constexpr const char* with_workspace = R"yaml(
  params: [{name: p, default: tea}]
  workspaces: [{name: w}]
  tasks:
  - name: t
    workspaces: [{name: w}]
    taskSpec:
      workspaces: [{name: w}]
      steps: [{name: s, image: i, script: "echo $(workspaces.w.claim)"}]
)yaml";

// Covers: 5.F4 6.1.F1
TEST_F(VariableFieldsTest, ParamsAreReplacedInWhatTheRunBinds) {
  using Kind = WorkspaceBinding::Kind;
  const std::pair<Kind, const char*> cases[] = {
      {Kind::persistent_volume_claim, R"json({"claimName": "x-$(params.p)"})json"},
      {Kind::config_map,
       R"json({"name": "x-$(params.p)", "items": [{"key": "$(params.p)", "path": "p"}]})json"},
      {Kind::secret, R"json({"secretName": "x-$(params.p)"})json"},
      {Kind::projected, R"json({"sources": [{"secret": {"name": "x-$(params.p)"}}]})json"},
      {Kind::csi, R"json({"driver": "x-$(params.p)"})json"},
  };
  for (const auto& [kind, json] : cases) {
    load_spec(with_workspace);
    bind(kind, "x-$(params.p)", json);
    const std::string plan = whole();
    EXPECT_THAT(plan, HasSubstr("x-tea")) << json;
    EXPECT_THAT(plan, HasSubstr(R"("subPath":"tea")")) << json;
    EXPECT_THAT(plan, Not(HasSubstr("$(params"))) << json;
  }
}

TEST_F(VariableFieldsTest, AClaimsNameIsReplacedWhereTheTaskAsksForIt) {
  load_spec(with_workspace);
  bind(WorkspaceBinding::Kind::persistent_volume_claim, "x-$(params.p)", "");
  EXPECT_EQ(script(), "echo x-tea");
}

TEST_F(VariableFieldsTest, ResultsAreRefusedInWhatTheRunBinds) {
  load_spec(with_workspace);
  bind(WorkspaceBinding::Kind::secret, "x", R"json({"secretName": "x-$(tasks.t.results.r)"})json");
  EXPECT_THAT(errors(), HasSubstr("\"$(tasks.t.results.r)\": volumes are mounted before any task "
                                  "runs; use a param"));
}

} // namespace
} // namespace taskgroup
