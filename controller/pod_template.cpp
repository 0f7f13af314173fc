// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_template.h"

#include <algorithm>
#include <array>
#include <string_view>

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

std::string name_of(const json& object) {
  const auto name = object.is_object() ? object.find("name") : object.end();
  return object.is_object() && name != object.end() && name->is_string() ? name->get<std::string>()
                                                                         : std::string();
}

// As stock: the upper list first, then what the lower one has under other names.
json merge_by_name(const json& lower, const json& upper) {
  json result = upper.is_array() ? upper : json::array();
  for (const json& element : lower.is_array() ? lower : json::array()) {
    const bool replaced = std::any_of(result.begin(), result.end(), [&](const json& other) {
      return name_of(other) == name_of(element);
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
      result[field] = merge_by_name(lower.value(field, json()), value);
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
  pod_spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].push_back(
      {{"labelSelector",
        {{"matchLabels",
          {{"app.kubernetes.io/instance", name},
           {"app.kubernetes.io/component", "affinity-assistant"}}}}},
       {"topologyKey", "kubernetes.io/hostname"}});
}

void apply_template_env(const json& pod_template, json& env) {
  const auto added = pod_template.is_object() ? pod_template.find("env") : pod_template.end();
  if (!pod_template.is_object() || added == pod_template.end() || !added->is_array())
    return;
  for (const json& variable : *added) {
    const auto same = std::find_if(env.begin(), env.end(), [&](const json& other) {
      return name_of(other) == name_of(variable);
    });
    if (same != env.end())
      env.erase(same);
    env.push_back(variable);
  }
}

} // namespace taskgroup
