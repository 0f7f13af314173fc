// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_volumes.h"

#include "kube/json_fields.h"

#include <algorithm>
#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;

json source_of(const PlanVolume& volume) {
  if (volume.kind == PlanVolume::Kind::bound)
    return json::parse(volume.source, nullptr, /*allow_exceptions=*/false);
  json shape = json::object();
  if (volume.memory)
    shape["medium"] = "Memory";
  if (!volume.size_limit.empty())
    shape["sizeLimit"] = volume.size_limit;
  return {{"emptyDir", std::move(shape)}};
}

std::string claim_of(const json& source) {
  return text_at(object_at(source, "persistentVolumeClaim"), "claimName");
}

bool is_read_only(const json& source) {
  return bool_at(object_at(source, "persistentVolumeClaim"), "readOnly");
}

} // namespace

PodVolumes::PodVolumes(const Plan& plan) {
  std::map<std::string, std::size_t> by_claim; // -> its place in the list
  for (const PlanVolume& volume : plan.volumes) {
    json source = source_of(volume);
    const std::string claim = claim_of(source);
    const auto [place, is_new] = by_claim.emplace(claim, m_list.size());
    if (claim.empty() || is_new) {
      m_names.emplace(volume.name, volume.name);
      add(volume.name, std::move(source));
      continue;
    }
    json& first = m_list[place->second];
    m_names.emplace(volume.name, first["name"].get<std::string>());
    if (!is_read_only(source)) // mounts say it too
      first["persistentVolumeClaim"].erase("readOnly");
  }
}

void PodVolumes::add(const std::string& name, json source) {
  json volume = source.is_object() ? std::move(source) : json::object();
  volume["name"] = name;
  m_list.push_back(std::move(volume));
}

void PodVolumes::add_unnamed(const json& volumes) {
  for (const json& volume : volumes.is_array() ? volumes : json::array()) {
    const bool taken = std::any_of(m_list.begin(), m_list.end(), [&](const json& other) {
      return text_at(other, "name") == text_at(volume, "name");
    });
    if (!taken)
      m_list.push_back(volume);
  }
}

json PodVolumes::mounts_of(const PlanStep& step) const {
  json mounts = json::array();
  for (const PlanMount& mount : step.mounts) {
    const auto name = m_names.find(mount.volume);
    json written = {{"name", name != m_names.end() ? name->second : mount.volume},
                    {"mountPath", mount.path}};
    if (!mount.sub_path.empty())
      written["subPath"] = mount.sub_path;
    if (mount.read_only)
      written["readOnly"] = true;
    mounts.push_back(std::move(written));
  }
  return mounts;
}

} // namespace taskgroup
