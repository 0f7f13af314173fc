// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_references.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;

const json& member(const json& object, const char* name) {
  static const json none;
  return object.is_object() && object.contains(name) ? object[name] : none;
}

std::string text(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

class References {
public:
  explicit References(std::string own_config_map) : m_own(std::move(own_config_map)) {}

  void add_volume(const json& volume) {
    const std::string used_by = fmt::format("volume \"{}\"", text(volume, "name"));
    add_files("ConfigMap", member(volume, "configMap"), "name", used_by);
    add_files("Secret", member(volume, "secret"), "secretName", used_by);
    add("PersistentVolumeClaim", member(volume, "persistentVolumeClaim"), "claimName", used_by);
    for (const json& source : member(member(volume, "projected"), "sources")) {
      add_files("ConfigMap", member(source, "configMap"), "name", used_by);
      add_files("Secret", member(source, "secret"), "name", used_by);
    }
  }

  void add_container(const json& container) {
    const std::string used_by = fmt::format("container \"{}\"", text(container, "name"));
    for (const json& variable : member(container, "env")) {
      const json& source = member(variable, "valueFrom");
      add_key("ConfigMap", member(source, "configMapKeyRef"), used_by);
      add_key("Secret", member(source, "secretKeyRef"), used_by);
    }
    for (const json& source : member(container, "envFrom")) {
      add("ConfigMap", member(source, "configMapRef"), "name", used_by);
      add("Secret", member(source, "secretRef"), "name", used_by);
    }
  }

  std::vector<PodReference> take() { return std::move(m_references); }

private:
  PodReference* add(const char* kind, const json& source, const char* name_field,
                    const std::string& used_by) {
    const std::string name = text(source, name_field);
    if (name.empty() || (std::string_view(kind) == "ConfigMap" && name == m_own))
      return nullptr;
    const bool optional = member(source, "optional") == json(true);
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
    if (reference == nullptr || member(source, "optional") == json(true))
      return;
    for (const json& item : member(source, "items"))
      reference->keys.insert(text(item, "key"));
  }

  void add_key(const char* kind, const json& source, const std::string& used_by) {
    PodReference* reference = add(kind, source, "name", used_by);
    if (reference != nullptr && member(source, "optional") != json(true))
      reference->keys.insert(text(source, "key"));
  }

  std::string m_own;
  std::vector<PodReference> m_references;
};

} // namespace

std::vector<PodReference> references_of(const json& pod) {
  References references(text(member(pod, "metadata"), "name"));
  const json& spec = member(pod, "spec");
  for (const json& volume : member(spec, "volumes"))
    references.add_volume(volume);
  for (const char* list : {"initContainers", "containers"}) {
    for (const json& container : member(spec, list))
      references.add_container(container);
  }
  return references.take();
}

} // namespace taskgroup
