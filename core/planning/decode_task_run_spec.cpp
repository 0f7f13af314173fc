// SPDX-License-Identifier: Apache-2.0
#include "core/planning/decode.h"

namespace taskgroup {
namespace {

bool is_v1(const ObjectReader& reader) { return reader.version() == ApiVersion::v1; }

std::vector<TaskRunSpec::Container> decode_containers(const ObjectReader& reader,
                                                      std::string_view field) {
  std::vector<TaskRunSpec::Container> containers;
  for (const ObjectReader& one : reader.objects(field)) {
    const char* const resources = is_v1(one) ? "computeResources" : "resources";
    one.check(resources);
    containers.push_back({one.where(),
                          one.required_text("name", "it says whose resources they are"),
                          one.raw(resources)});
  }
  return containers;
}

} // namespace

TaskRunSpec decode_task_resources(const ObjectReader& reader) {
  TaskRunSpec spec;
  spec.where = reader.where();
  spec.steps = decode_containers(reader, is_v1(reader) ? "stepSpecs" : "stepOverrides");
  spec.sidecars = decode_containers(reader, is_v1(reader) ? "sidecarSpecs" : "sidecarOverrides");
  reader.check("computeResources");
  spec.resources = reader.raw("computeResources");
  return spec;
}

std::vector<TaskRunSpec> decode_task_run_specs(const ObjectReader& reader) {
  std::vector<TaskRunSpec> specs;
  for (const ObjectReader& one : reader.objects("taskRunSpecs")) {
    TaskRunSpec spec = decode_task_resources(one);
    spec.task = one.required_text("pipelineTaskName", "it says which task is meant");
    spec.service_account = one.text(is_v1(one) ? "serviceAccountName" : "taskServiceAccountName");
    spec.timeout = one.text("timeout");
    const char* const pod_template = is_v1(one) ? "podTemplate" : "taskPodTemplate";
    one.check(pod_template);
    spec.pod_template = one.raw(pod_template);
    one.check("metadata");
    specs.push_back(std::move(spec));
  }
  return specs;
}

} // namespace taskgroup
