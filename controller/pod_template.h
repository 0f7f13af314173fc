// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <set>
#include <string>

namespace taskgroup {

// Put Tekton's podTemplate `upper` over `lower`, field by field; env and volumes by name
// (pkg/apis/pipeline/pod/template.go, MergePodTemplateWithDefault). Null is none.
nlohmann::json merge_pod_templates(const nlohmann::json& lower, const nlohmann::json& upper);

// Put a podTemplate's fields into a pod's spec, except env, volumes and imagePullSecrets.
void apply_pod_template(const nlohmann::json& pod_template, nlohmann::json& pod_spec);

// Make the pod run beside Tekton's affinity assistant of this name (contract.md 7): one more
// required term beside those of the podTemplate.
void add_affinity_assistant(const std::string& name, nlohmann::json& pod_spec);

// Append the variables of a podTemplate to a container's env, where they win over those before but
// for `kept`.
void apply_template_env(const nlohmann::json& pod_template, const std::set<std::string>& kept,
                        nlohmann::json& env);

} // namespace taskgroup
