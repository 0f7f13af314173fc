// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/pod_builder.h"
#include "core/planning/planner_fixture.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace taskgroup {

// Plans a group for a pod and builds the pod.
class PodTest : public PlannerTest {
protected:
  PodTest() {
    options.pod = true;
    target = Target::pod;
    pod_request.name = "run-pod";
    pod_request.namespace_name = "team";
    pod_request.owner = {{"apiVersion", "tekton.dev/v1beta1"},
                         {"kind", "CustomRun"},
                         {"name", "run"},
                         {"uid", "u-1"}};
    pod_request.service_account = "builder";
    settings.image = "registry.example/agent@sha256:"
                     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  }

  nlohmann::json built() {
    auto result = build_pod(planned(), group, facts, pod_request, settings);
    if (!result) {
      ADD_FAILURE() << result.error();
      return {};
    }
    config_map = std::move(result->config_map);
    return std::move(result->pod);
  }

  std::string build_error() {
    const auto result = build_pod(planned(), group, facts, pod_request, settings);
    return result ? "" : result.error();
  }

  static nlohmann::json named(const nlohmann::json& list, const std::string& name) {
    for (const nlohmann::json& candidate : list) {
      if (candidate["name"] == name)
        return candidate;
    }
    ADD_FAILURE() << "nothing is called " << name;
    return {};
  }

  static nlohmann::json container(const nlohmann::json& pod, const std::string& name) {
    return named(pod["spec"]["containers"], name);
  }

  static nlohmann::json volume(const nlohmann::json& pod, const std::string& name) {
    return named(pod["spec"]["volumes"], name);
  }

  // The mount of a container at a path; null if there is none.
  static nlohmann::json mount(const nlohmann::json& of_container, const std::string& path) {
    for (const nlohmann::json& candidate : of_container["volumeMounts"]) {
      if (candidate["mountPath"] == path)
        return candidate;
    }
    return {};
  }

  PodRequest pod_request;
  PodSettings settings;
  nlohmann::json config_map;
};

} // namespace taskgroup
