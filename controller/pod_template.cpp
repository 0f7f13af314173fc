// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_template.h"

#include "kube/json_fields.h"

#include <algorithm>
#include <array>
#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;

// Fields that mean the same in a podTemplate and in a pod's spec.
constexpr std::array<const char*, 15> copied_fields = {
    "nodeSelector",      "tolerations",      "affinity",
    "securityContext",   "runtimeClassName", "automountServiceAccountToken",
    "dnsPolicy",         "dnsConfig",        "enableServiceLinks",
    "priorityClassName", "schedulerName",    "hostAliases",
    "hostNetwork",       "hostUsers",        "topologySpreadConstraints"};

constexpr const char* required_terms = "requiredDuringSchedulingIgnoredDuringExecution";

// As stock: the upper list first, then what the lower one has under other names.
json merge_by_name(const json& lower, const json& upper) {
  json result = upper.is_array() ? upper : json::array();
  for (const json& element : lower.is_array() ? lower : json::array()) {
    const bool replaced = std::any_of(result.begin(), result.end(), [&](const json& other) {
      return text_at(other, "name") == text_at(element, "name");
    });
    if (!replaced)
      result.push_back(element);
  }
  return result;
}

} // namespace

json merge_pod_templates(const json& lower, const json& upper) {
  if (!lower.is_object() || !upper.is_object())
    return upper.is_object() ? upper : lower;
  json result = lower;
  for (const auto& [field, value] : upper.items()) {
    if (value.is_null())
      continue;
    if (field == "env" || field == "volumes")
      result[field] = merge_by_name(array_at(lower, field.c_str()), value);
    else if (field != "hostNetwork" || value == json(true))
      result[field] = value;
  }
  return result;
}

void apply_pod_template(const json& pod_template, json& pod_spec) {
  if (!pod_template.is_object())
    return;
  for (const char* field : copied_fields) {
    const auto value = pod_template.find(field);
    if (value != pod_template.end() && !value->is_null())
      pod_spec[field] = *value;
  }
}

void add_affinity_assistant(const std::string& name, json& pod_spec) {
  if (name.empty())
    return;
  // What is of a wrong type in the podTemplate's own, the API server would refuse.
  json affinity = object_at(pod_spec, "affinity");
  json pod_affinity = object_at(affinity, "podAffinity");
  json terms = array_at(pod_affinity, required_terms);
  terms.push_back({{"labelSelector",
                    {{"matchLabels",
                      {{"app.kubernetes.io/instance", name},
                       {"app.kubernetes.io/component", "affinity-assistant"}}}}},
                   {"topologyKey", "kubernetes.io/hostname"}});
  pod_affinity[required_terms] = std::move(terms);
  affinity["podAffinity"] = std::move(pod_affinity);
  pod_spec["affinity"] = std::move(affinity);
}

void apply_template_env(const json& pod_template, const std::set<std::string>& kept, json& env) {
  for (const json& variable : array_at(pod_template, "env")) {
    if (kept.contains(text_at(variable, "name")))
      continue;
    const auto same = std::find_if(env.begin(), env.end(), [&](const json& other) {
      return text_at(other, "name") == text_at(variable, "name");
    });
    if (same != env.end())
      env.erase(same);
    env.push_back(variable);
  }
}

} // namespace taskgroup
