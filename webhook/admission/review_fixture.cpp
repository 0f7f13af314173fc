// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission/review_fixture.h"

#include <taskgroup/reader.h>

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <utility>

namespace taskgroup::admission {

Json json_of(const std::string& yaml) {
  const auto documents = read_documents(yaml, "test.yaml");
  if (!documents || documents->size() != 1) {
    ADD_FAILURE() << "no YAML: " << (documents ? "" : documents.error().to_string());
    return {};
  }
  return Json::parse(documents->front().to_json());
}

Json review_of(const Json& object, const std::string& operation) {
  const std::string type = object.value("apiVersion", "/");
  const std::size_t slash = type.find('/');
  const Json kind = {{"group", type.substr(0, slash)},
                     {"version", type.substr(slash + 1)},
                     {"kind", object.value("kind", "")}};
  return {{"apiVersion", "admission.k8s.io/v1"},
          {"kind", "AdmissionReview"},
          {"request",
           {{"uid", "705ab4f5-6393-11e8-b7cc-42010a800002"},
            {"kind", kind},
            {"requestKind", kind},
            {"name", object.value("/metadata/name"_json_pointer, "")},
            {"namespace", "team"},
            {"operation", operation},
            {"userInfo", {{"username", "somebody"}}},
            {"object", object},
            {"oldObject", nullptr},
            {"dryRun", false},
            {"options", {{"apiVersion", "meta.k8s.io/v1"}, {"kind", "CreateOptions"}}}}}};
}

FindGroup finder(Stored stored) {
  return [stored = std::move(stored)](const std::string& namespace_name,
                                      const std::string& name) -> std::optional<Json> {
    const auto found = stored.find(namespace_name + "/" + name);
    if (found == stored.end())
      return std::nullopt;
    return found->second;
  };
}

std::vector<std::string> Answer::warnings() const {
  return response.value("warnings", std::vector<std::string>());
}

std::string Answer::message() const { return response.value("/status/message"_json_pointer, ""); }

std::vector<std::string> Answer::findings() const {
  std::vector<std::string> lines;
  if (!allowed())
    for (const Json& cause : response.at("status").at("details").at("causes")) {
      EXPECT_EQ(cause.at("reason"), "FieldValueInvalid");
      const std::string field = cause.at("field");
      lines.push_back("error: " + (field.empty() ? "" : field + ": ")
                      + cause.at("message").get<std::string>());
    }
  for (const std::string& warning : warnings())
    lines.push_back("warning: " + warning);
  return lines;
}

Answer send(const Json& review_json, const FindGroup& find_group) {
  Answer answer{review(review_json.dump(), find_group), {}};
  EXPECT_EQ(answer.reviewed.error, "");
  const Json body = Json::parse(answer.reviewed.body, nullptr, false);
  EXPECT_EQ(body.value("apiVersion", ""), "admission.k8s.io/v1");
  EXPECT_EQ(body.value("kind", ""), "AdmissionReview");
  answer.response = body.at("response");
  EXPECT_EQ(answer.response.at("uid"), review_json.at("request").at("uid"));
  EXPECT_EQ(answer.reviewed.allowed, answer.allowed());
  EXPECT_GE(answer.reviewed.warnings, answer.warnings().size());
  return answer;
}

Answer ask(const std::string& yaml, const FindGroup& find_group) {
  return send(review_of(json_of(yaml)), find_group);
}

const std::vector<Form>& forms() {
  static const std::vector<Form> all = {
      {"TaskGroup", "spec",
       R"({"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
           "metadata": {"name": "g"}, "spec": @})"},
      {"CustomRun", "spec.customSpec.spec",
       R"({"apiVersion": "tekton.dev/v1beta1", "kind": "CustomRun", "metadata": {"name": "r"},
           "spec": {"customSpec": {"apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                                   "spec": @}}})"},
      {"Pipeline", "spec.tasks[1].taskSpec.spec",
       R"({"apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "p"},
           "spec": {"tasks": [{"name": "stock", "taskRef": {"name": "t"}},
                              {"name": "group", "taskSpec": {
                                "apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                                "spec": @}}]}})"},
      {"OldPipeline", "spec.finally[0].taskSpec.spec",
       R"({"apiVersion": "tekton.dev/v1beta1", "kind": "Pipeline", "metadata": {"name": "p"},
           "spec": {"tasks": [{"name": "stock", "taskRef": {"name": "t"}}],
                    "finally": [{"name": "group", "taskSpec": {
                                  "apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                                  "spec": @}}]}})"},
      {"PipelineRun", "spec.pipelineSpec.tasks[0].taskSpec.spec",
       R"({"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "p"},
           "spec": {"pipelineSpec": {"tasks": [
                     {"name": "group", "taskSpec": {
                       "apiVersion": "taskgroup.dev/v1alpha1", "kind": "TaskGroup",
                       "spec": @}}]}}})"},
  };
  return all;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

const char* const bad_group = R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: g}
spec: {tasks: [{name: a, taskSpec: {steps: [{image: i, script: "$(params.x)"}]}}]}
)yaml";

const char* const choosy_group = R"yaml(
apiVersion: taskgroup.dev/v1alpha1
kind: TaskGroup
metadata: {name: choosy, resourceVersion: "7", managedFields: []}
spec:
  params: [{name: color, enum: [red, green]}, {name: list, type: array}]
  workspaces: [{name: w}]
  tasks:
  - name: a
    workspaces: [{name: w, subPath: $(params.color)}]
    taskSpec:
      workspaces: [{name: w}]
      steps: [{image: i, script: "echo $(params.color)", args: ["$(params.list[*])"]}]
)yaml";

std::string custom_run(const std::string& spec) {
  return "apiVersion: tekton.dev/v1beta1\nkind: CustomRun\nmetadata: {name: r}\nspec:\n" + spec;
}

std::string choosy_run(const std::string& spec) {
  return custom_run("  customRef: {apiVersion: taskgroup.dev/v1alpha1, kind: TaskGroup, name: "
                    "choosy}\n"
                    + spec);
}

std::string pipeline(const std::string& spec) {
  return "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n" + spec;
}

} // namespace taskgroup::admission
