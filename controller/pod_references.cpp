// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_references.h"

#include "kube/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;

class References {
public:
  explicit References(std::string own_config_map) : m_own(std::move(own_config_map)) {}

  void add_volume(const json& volume) {
    const std::string used_by = fmt::format("volume \"{}\"", text_at(volume, "name"));
    add_files("ConfigMap", object_at(volume, "configMap"), "name", used_by);
    add_files("Secret", object_at(volume, "secret"), "secretName", used_by);
    add("PersistentVolumeClaim", object_at(volume, "persistentVolumeClaim"), "claimName", used_by);
    for (const json& source : array_at(object_at(volume, "projected"), "sources")) {
      add_files("ConfigMap", object_at(source, "configMap"), "name", used_by);
      add_files("Secret", object_at(source, "secret"), "name", used_by);
    }
  }

  void add_container(const json& container) {
    const std::string used_by = fmt::format("container \"{}\"", text_at(container, "name"));
    for (const json& variable : array_at(container, "env")) {
      const json& source = object_at(variable, "valueFrom");
      add_key("ConfigMap", object_at(source, "configMapKeyRef"), used_by);
      add_key("Secret", object_at(source, "secretKeyRef"), used_by);
    }
    for (const json& source : array_at(container, "envFrom")) {
      add("ConfigMap", object_at(source, "configMapRef"), "name", used_by);
      add("Secret", object_at(source, "secretRef"), "name", used_by);
    }
  }

  std::vector<PodReference> take() { return std::move(m_references); }

private:
  PodReference* add(const char* kind, const json& source, const char* name_field,
                    const std::string& used_by) {
    const std::string name = text_at(source, name_field);
    if (name.empty() || (std::string_view(kind) == "ConfigMap" && name == m_own))
      return nullptr;
    const bool optional = bool_at(source, "optional");
    const auto same =
        std::find_if(m_references.begin(), m_references.end(), [&](const PodReference& other) {
          return other.kind == kind && other.name == name;
        });
    if (same == m_references.end())
      return &m_references.emplace_back(PodReference{kind, name, optional, {}, used_by});
    same->optional = same->optional && optional;
    return &*same;
  }

  void add_files(const char* kind, const json& source, const char* name_field,
                 const std::string& used_by) {
    PodReference* reference = add(kind, source, name_field, used_by);
    if (reference == nullptr || bool_at(source, "optional"))
      return;
    for (const json& item : array_at(source, "items"))
      reference->keys.insert(text_at(item, "key"));
  }

  void add_key(const char* kind, const json& source, const std::string& used_by) {
    PodReference* reference = add(kind, source, "name", used_by);
    if (reference != nullptr && !bool_at(source, "optional"))
      reference->keys.insert(text_at(source, "key"));
  }

  std::string m_own;
  std::vector<PodReference> m_references;
};

} // namespace

std::vector<PodReference> references_of(const json& pod) {
  References references(text_at(object_at(pod, "metadata"), "name"));
  const json& spec = object_at(pod, "spec");
  for (const json& volume : array_at(spec, "volumes"))
    references.add_volume(volume);
  for (const char* list : {"initContainers", "containers"}) {
    for (const json& container : array_at(spec, list))
      references.add_container(container);
  }
  return references.take();
}

} // namespace taskgroup
