// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_volumes.h"

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

} // namespace

PodVolumes::PodVolumes(const Plan& plan) {
  std::map<std::string, std::string> by_source;
  for (const PlanVolume& volume : plan.volumes) {
    std::string name = volume.name;
    if (volume.kind == PlanVolume::Kind::bound)
      name = by_source.emplace(volume.source, name).first->second;
    if (name == volume.name)
      add(name, source_of(volume));
    m_names.emplace(volume.name, name);
  }
}

void PodVolumes::add(const std::string& name, json source) {
  json volume = source.is_object() ? std::move(source) : json::object();
  volume["name"] = name;
  m_list.push_back(std::move(volume));
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
