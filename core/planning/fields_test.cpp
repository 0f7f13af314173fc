// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/fields.h>
#include <taskgroup/reader.h>

#include "core/planning/decode.h"
#include "core/planning/object_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

namespace taskgroup {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Node parse(const std::string& yaml) {
  auto documents = read_documents(yaml, "test.yaml");
  EXPECT_TRUE(documents.has_value()) << yaml;
  return documents && !documents->empty() ? documents->front() : Node();
}

// A value of the type that asks for something, in flow style.
std::string good_value(FieldType type) {
  switch (type) {
  case FieldType::string:
  case FieldType::value:
    return "text";
  case FieldType::boolean:
    return "true";
  case FieldType::integer:
    return "7";
  case FieldType::duration:
  case FieldType::late_duration:
    return "1h30m";
  case FieldType::quantity:
    return "2Gi";
  case FieldType::strings:
    return "[text]";
  case FieldType::string_map:
  case FieldType::quantities:
    return "{key: '1'}";
  case FieldType::object:
    return "{}";
  case FieldType::objects:
    return "[{}]";
  case FieldType::object_map:
    return "{key: {}}";
  }
  return {};
}

std::string bad_value(FieldType type) {
  switch (type) {
  case FieldType::string:
  case FieldType::boolean:
  case FieldType::duration:
  case FieldType::late_duration:
    return "5";
  default:
    return "true";
  }
}

// What reading an object with one field comes to.
struct Outcome {
  std::vector<Diagnostic> findings;
  std::vector<NoEffect> no_effect;
  bool found = false;
};

Outcome read_one(ObjectKind kind, const Field& row, const std::string& key,
                 const std::string& value, ApiVersion version, Target target = Target::pod) {
  Outcome outcome;
  Diagnostics diagnostics;
  DecodeContext context{diagnostics, outcome.no_effect, "Test", false, target};
  const ObjectReader reader(parse("{" + key + ": " + value + "}"), kind, "spec", version, context);
  outcome.findings = diagnostics.sorted();
  if (row.is_read())
    outcome.found = reader.has(row.name);
  return outcome;
}

template <typename Check>
void each_row(Check check) {
  for (const ObjectFields& object : all_fields())
    for (const Field& row : object.fields)
      for (const ApiVersion version : {ApiVersion::v1, ApiVersion::v1beta1})
        if (row.exists_in(version)) {
          SCOPED_TRACE(std::string(object.name) + "." + std::string(row.name));
          check(object, row, version);
        }
}

TEST(Fields, StandInTheOrderOfTheirKinds) {
  for (std::size_t i = 0; i < all_fields().size(); ++i)
    EXPECT_EQ(static_cast<std::size_t>(all_fields()[i].kind), i) << all_fields()[i].name;
}

TEST(Fields, SayWhyTheyAreNotHonoured) {
  each_row([](const ObjectFields&, const Field& row, ApiVersion) {
    EXPECT_EQ(row.reason.empty(), row.field_class == FieldClass::honoured);
    EXPECT_FALSE(row.reason.ends_with("."));
  });
}

TEST(Fields, EachRowBehavesAsItsClassSays) {
  each_row([](const ObjectFields& object, const Field& row, ApiVersion version) {
    const Outcome outcome =
        read_one(object.kind, row, std::string(row.name), good_value(row.type), version);
    switch (row.field_class) {
    case FieldClass::honoured:
    case FieldClass::given_on_host:
      EXPECT_THAT(outcome.findings, IsEmpty());
      EXPECT_THAT(outcome.no_effect, IsEmpty());
      EXPECT_TRUE(outcome.found);
      break;
    case FieldClass::no_effect:
      EXPECT_THAT(outcome.findings, IsEmpty());
      EXPECT_THAT(outcome.no_effect, IsEmpty());
      break;
    case FieldClass::no_effect_on_host:
      EXPECT_THAT(outcome.findings, IsEmpty());
      ASSERT_THAT(outcome.no_effect, SizeIs(1));
      EXPECT_EQ(outcome.no_effect[0].path, "Test: spec." + std::string(row.name));
      EXPECT_EQ(outcome.no_effect[0].reason, row.reason);
      EXPECT_TRUE(outcome.found);
      break;
    case FieldClass::refused_on_host: {
      EXPECT_THAT(outcome.findings, IsEmpty());
      EXPECT_THAT(outcome.no_effect, IsEmpty());
      EXPECT_TRUE(outcome.found);
      const Outcome on_host = read_one(object.kind, row, std::string(row.name),
                                       good_value(row.type), version, Target::host);
      ASSERT_THAT(on_host.findings, SizeIs(1));
      EXPECT_EQ(on_host.findings[0].where.path, "spec." + std::string(row.name));
      EXPECT_THAT(on_host.findings[0].message, HasSubstr(std::string(row.reason)));
      EXPECT_FALSE(on_host.found);
      break;
    }
    case FieldClass::refused:
      ASSERT_THAT(outcome.findings, SizeIs(1));
      EXPECT_EQ(outcome.findings[0].severity, Diagnostic::Severity::error);
      EXPECT_EQ(outcome.findings[0].where.path, "spec." + std::string(row.name));
      EXPECT_THAT(outcome.findings[0].message, HasSubstr(std::string(row.reason)));
      break;
    }
  });
}

TEST(Fields, NullIsAbsentInEachRow) {
  each_row([](const ObjectFields& object, const Field& row, ApiVersion version) {
    const Outcome outcome = read_one(object.kind, row, std::string(row.name), "null", version);
    EXPECT_THAT(outcome.findings, IsEmpty());
    EXPECT_THAT(outcome.no_effect, IsEmpty());
    // The value of a param tells null from absent.
    EXPECT_EQ(outcome.found,
              row.type == FieldType::value && row.field_class == FieldClass::honoured);
  });
}

TEST(Fields, AWrongTypeIsAnErrorInEachRow) {
  each_row([](const ObjectFields& object, const Field& row, ApiVersion version) {
    if (row.field_class == FieldClass::refused || row.type == FieldType::value)
      return;
    const Outcome outcome =
        read_one(object.kind, row, std::string(row.name),
                 row.type == FieldType::boolean ? "text" : bad_value(row.type), version);
    ASSERT_THAT(outcome.findings, SizeIs(1));
    EXPECT_THAT(outcome.findings[0].message, HasSubstr("expected "));
    EXPECT_TRUE(!outcome.found || row.type == FieldType::string);
  });
}

// Covers: 5.1.F2
TEST(Fields, AnotherCaseIsTheSameFieldWithAWarning) {
  each_row([](const ObjectFields& object, const Field& row, ApiVersion version) {
    std::string key(row.name);
    for (char& c : key)
      c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    const Outcome outcome = read_one(object.kind, row, key, good_value(row.type), version);
    ASSERT_FALSE(outcome.findings.empty());
    EXPECT_EQ(outcome.found, row.is_read());
    bool warned = false;
    for (const Diagnostic& finding : outcome.findings)
      warned = warned || finding.severity == Diagnostic::Severity::warning;
    EXPECT_TRUE(warned);
  });
}

TEST(Fields, AFieldOfTheOtherVersionIsSaidToBeThat) {
  const Field* row = find_field(ObjectKind::step, "resources", ApiVersion::v1beta1);
  ASSERT_NE(row, nullptr);
  const Outcome outcome = read_one(ObjectKind::step, *row, "resources", "{}", ApiVersion::v1);
  ASSERT_THAT(outcome.findings, SizeIs(1));
  EXPECT_THAT(outcome.findings[0].message,
              HasSubstr("Step has this field in tekton.dev/v1beta1 only, and this object is v1"));
}

// Documents in which every kind of object of the table stands.
constexpr std::string_view one_of_each = R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: a, generateName: a-, namespace: team, uid: u}
spec:
  params: [{name: o, properties: {k: {type: string}}, default: {k: v}}, {name: e, enum: [a]}]
  workspaces: [{name: w, optional: true, emptyDir: {medium: Memory, sizeLimit: 1Gi}}]
  run:
    matrix: {maxCombinations: 4}
    breakpoints: [{task: one, onFailure: enabled}]
    timeouts: {tasks: 1m}
    podTemplate: {nodeSelector: {a: b}}
    stepTemplate: {image: i}
  tasks:
  - name: one
    taskRef: {name: t}
    when: [{input: a, operator: in, values: [a]}]
    params: [{name: p, value: v}]
    workspaces: [{name: w}]
  - name: two
    taskSpec: &spec
      metadata: {labels: {a: b}}
      params: [{name: p}]
      workspaces: [{name: w}]
      results: [{name: r, type: object, properties: {k: {}}}]
      volumes: [{name: v, emptyDir: {}}]
      stepTemplate: {env: [{name: A, value: b}]}
      steps:
      - name: s
        image: i
        script: x
        computeResources: {requests: {cpu: "1"}}
        securityContext: {runAsUser: 1}
        volumeMounts: [{name: v, mountPath: /v}]
        workspaces: [{name: w}]
        when: [{input: a, operator: in, values: [a]}]
        results: [{name: r, type: object, properties: {k: {}}}]
        stdoutConfig: {path: /o}
        stderrConfig: {path: /o}
      - {name: r, ref: {name: action}, params: [{name: p, value: v}]}
      sidecars:
      - name: s
        image: i
        command: [x]
        ports: [{name: p, containerPort: 80}]
        startupProbe: {grpc: {port: 80}}
        readinessProbe: {httpGet: {port: p, httpHeaders: [{name: a, value: b}]}}
        livenessProbe: {tcpSocket: {port: 80}}
        lifecycle: {postStart: {exec: {command: [x]}}, preStop: {sleep: {seconds: 1}}}
  results: [{name: r, value: x}]
---
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: b}
spec: {pipelineRef: {name: p}}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  workspaces: [{name: w}]
  tasks:
  - name: one
    taskRef: {name: t}
    matrix: {params: [{name: p, value: [v]}], include: [{params: [{name: p, value: v}]}]}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: with-groups}
spec:
  tasks:
  - name: one
    taskSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, spec: {tasks: [{name: x, taskRef: {name: t}}]}}
  - name: two
    taskRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: b}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: a}
spec:
  pipelineRef: {name: p}
  timeouts: {pipeline: 1h}
  taskRunTemplate: {podTemplate: {}}
  taskRunSpecs: [{pipelineTaskName: t, podTemplate: {}, metadata: {}, stepSpecs: [{name: s}],
                  sidecarSpecs: [{name: s}]}]
  workspaces: [{name: w, persistentVolumeClaim: {claimName: c}}, {name: x, configMap: {name: c}},
               {name: v, secret: {secretName: s}}, {name: z, emptyDir: {}}]
---
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: b}
spec:
  pipelineSpec: {tasks: [{name: one, taskRef: {name: t}}]}
  podTemplate: {}
  taskRunSpecs: [{pipelineTaskName: t, taskPodTemplate: {}, stepOverrides: [{name: s}],
                  sidecarOverrides: [{name: s}]}]
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec: {steps: [{image: i, script: x}]}
---
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: old}
spec:
  stepTemplate: {image: i, resources: {}}
  steps: [{script: x, resources: {limits: {cpu: 1}}}]
  sidecars: [{name: s, image: i, command: [x], resources: {limits: {cpu: 1}}}]
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: a}
spec: {taskRef: {name: t}, podTemplate: {}, debug: {breakpoints: {onFailure: enabled}}}
---
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {name: b}
spec: {taskSpec: {steps: [{image: i, script: x}]}}
---
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: action}
spec:
  image: i
  params: [{name: p}, {name: v, default: v}]
  results: [{name: r}]
  env: [{name: A, value: b}]
  workingDir: /w
  command: [x]
  args: [x]
  securityContext: {runAsUser: 1}
  volumeMounts: [{name: $(params.v), mountPath: /v}]
---
apiVersion: tekton.dev/v1alpha1
kind: StepAction
metadata: {name: old}
spec: {image: i, script: x}
---
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata: {name: a}
spec: {customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: b}}
---
apiVersion: tekton.dev/v1beta1
kind: CustomRun
metadata: {name: b}
spec:
  customSpec: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, spec: {tasks: [{name: x, taskRef: {name: t}}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {}, binaryData: {}}
---
{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {}, stringData: {}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {}}
---
apiVersion: v1
kind: List
items: []
)yaml";

TEST(Fields, EveryHonouredRowIsReadByDecoding) {
  auto documents = read_documents(one_of_each, "test.yaml");
  ASSERT_TRUE(documents.has_value()) << documents.error().to_string();
  Diagnostics diagnostics;
  std::set<const Field*> rows_read;
  make_catalog(*documents, diagnostics, Target::pod, &rows_read);
  EXPECT_EQ(diagnostics.to_string(), "");
  for (const ObjectFields& object : all_fields())
    for (const Field& row : object.fields)
      if (row.is_read()) {
        EXPECT_TRUE(rows_read.contains(&row)) << object.name << "." << row.name;
      }
}

TEST(Fields, PageIsUpToDate) {
  const std::string path = "docs/fields.md";
  if (std::getenv("TASKGROUP_WRITE_DOCS") != nullptr)
    std::ofstream(path) << fields_page();
  std::ifstream file(path);
  const std::string found{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(found == fields_page()) << path << " is out of date; it says how it is written again";
}

} // namespace
} // namespace taskgroup
