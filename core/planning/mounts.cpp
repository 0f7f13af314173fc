// SPDX-License-Identifier: Apache-2.0
#include "core/planning/mounts.h"

#include <taskgroup/nearest.h>

#include "core/planning/raw_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

namespace taskgroup {
namespace {

struct ImplicitVolume {
  std::string_view name;
  std::string_view path;
};

// /tekton/artifacts, creds, run and scripts have no counterpart: artifacts are refused, and agents
// keep their state and scripts elsewhere.
constexpr std::array<ImplicitVolume, 4> implicit_volumes{{{"workspace", "/workspace"},
                                                          {"home", "/tekton/home"},
                                                          {"results", "/tekton/results"},
                                                          {"steps", "/tekton/steps"}}};

// Where there is no cluster, look whether there is what a volume is made of.
void find_given(PlanVolume& volume, const GivenObjects* given, const Where& where,
                Diagnostics& diagnostics) {
  if (given == nullptr)
    return;
  const auto found = given_volume(volume.source, *given);
  if (!found)
    diagnostics.add_error(where, found.error());
  volume.read_only = found && found->claim.empty();
}

// A volume without a source is an emptyDir to Kubernetes.
bool is_empty_dir(const std::string& source) {
  return source == "{}" || !json_field(source, "emptyDir").empty();
}

} // namespace

std::vector<std::pair<std::string, PlanVolume>> template_volumes(const RawValue& pod_template,
                                                                 const Substitution& substitution,
                                                                 const GivenObjects* given) {
  std::vector<std::pair<std::string, PlanVolume>> result;
  const Node* volumes = pod_template.node.find("volumes");
  for (std::size_t i = 0; volumes != nullptr && i < volumes->size(); ++i) {
    const RawValue written{volumes->children()[i],
                           fmt::format("{}.volumes[{}]", pod_template.path, i)};
    const auto [name, source] = take_name(known_json(written, substitution, "a volume"));
    if (name.empty())
      continue; // the API server says so
    PlanVolume volume;
    volume.source = source;
    volume.kind = PlanVolume::Kind::bound;
    if (given != nullptr && is_empty_dir(source)) {
      volume.kind = PlanVolume::Kind::empty;
      volume.source.clear();
    } else {
      find_given(volume, given, written.node.where(written.path), substitution.diagnostics());
    }
    result.emplace_back(name, std::move(volume));
  }
  return result;
}

std::vector<UserMount> resolve_mounts(const std::vector<VolumeMount>& mounts,
                                      const Substitution& substitution) {
  std::vector<UserMount> result;
  for (const VolumeMount& mount : mounts) {
    UserMount resolved{.volume = substitution.known(mount.name, "the name of a volume"),
                       .path = clean_path(substitution.known(mount.mount_path, "a mountPath")),
                       .sub_path = substitution.known(mount.sub_path, "a subPath"),
                       .read_only = mount.read_only,
                       .where = mount.where};
    if (resolved.sub_path.starts_with('/')
        || ("/" + resolved.sub_path + "/").find("/../") != std::string::npos)
      substitution.diagnostics().add_error(
          mount.sub_path.where, fmt::format("subPath \"{}\" leads out of the volume; make it "
                                            "relative and leave out \"..\"",
                                            resolved.sub_path));
    result.push_back(std::move(resolved));
  }
  return result;
}

TaskVolumes::TaskVolumes(std::size_t index, const TaskSpec& spec,
                         std::vector<TaskWorkspace> workspaces, const SharedVolumes& shared,
                         const Substitution& substitution, NamePool& volume_names,
                         std::vector<PlanVolume>& volumes, const GivenObjects* given)
    : m_workspaces(std::move(workspaces)), m_own(shared) {
  const std::string prefix = fmt::format("t{}-", index);
  for (const ImplicitVolume& implicit : implicit_volumes) {
    PlanVolume volume;
    volume.name = volume_names.make(prefix + std::string(implicit.name),
                                    fmt::format("{}/implicit/{}", index, implicit.name));
    m_implicit.push_back({.volume = volume.name, .path = std::string(implicit.path)});
    m_emptied.insert(volume.name);
    volumes.push_back(std::move(volume));
  }
  for (const Volume& own : spec.volumes) {
    const std::string name = substitution.known(own.name, "the name of a volume");
    PlanVolume volume;
    volume.name = volume_names.make(prefix + "v-" + name, fmt::format("{}/volume/{}", index, name));
    volume.memory = own.memory;
    volume.size_limit = own.size_limit.text;
    if (own.kind.empty()) {
      m_emptied.insert(volume.name);
    } else {
      volume.kind = PlanVolume::Kind::bound;
      volume.source = json_object(own.kind, known_json(own.source, substitution, "a volume"));
      find_given(volume, given, own.source.node.where(own.source.path), substitution.diagnostics());
    }
    m_own.insert_or_assign(name, volume.name);
    volumes.push_back(std::move(volume));
  }
}

std::vector<PlanMount> TaskVolumes::mounts_of(const Step& step,
                                              const std::vector<UserMount>& user_mounts,
                                              const Substitution& substitution,
                                              bool with_implicit) const {
  Diagnostics& diagnostics = substitution.diagnostics();
  std::map<std::string, PlanMount> result; // by path: parents come before what is below them

  for (const UserMount& mount : user_mounts) {
    PlanMount planned{.path = mount.path, .sub_path = mount.sub_path, .read_only = mount.read_only};
    if (const auto own = m_own.find(mount.volume); own != m_own.end()) {
      planned.volume = own->second;
    } else {
      // A workspace's volume may be mounted by its name, `$(workspaces.<name>.volume)`.
      const auto workspace = std::find_if(
          m_workspaces.begin(), m_workspaces.end(), [&](const TaskWorkspace& candidate) {
            return candidate.bound && candidate.volume == mount.volume;
          });
      if (workspace == m_workspaces.end()) {
        std::vector<std::string> known;
        for (const auto& [name, volume] : m_own)
          known.push_back(name);
        diagnostics.add_error(mount.where,
                              fmt::format("the Task has no volume \"{}\"{}", mount.volume,
                                          did_you_mean(mount.volume, known)));
        continue;
      }
      planned.volume = workspace->volume;
      planned.read_only = planned.read_only || workspace->read_only;
    }
    if (!result.emplace(mount.path, std::move(planned)).second)
      diagnostics.add_error(mount.where,
                            fmt::format("two volumes are mounted at \"{}\"", mount.path));
  }

  for (const TaskWorkspace& workspace : m_workspaces) {
    if (!workspace.bound)
      continue;
    std::string path = workspace.path;
    Where where = step.where;
    if (workspace.isolated) {
      const auto usage = std::find_if(
          step.workspaces.begin(), step.workspaces.end(),
          [&](const WorkspaceUsage& candidate) { return candidate.name.text == workspace.name; });
      if (usage == step.workspaces.end())
        continue;
      where = usage->where;
      if (!usage->mount_path.text.empty())
        path = clean_path(substitution.known(usage->mount_path, "a mountPath"));
    }
    const bool added = result
                           .emplace(path, PlanMount{.volume = workspace.volume,
                                                    .path = path,
                                                    .sub_path = workspace.sub_path,
                                                    .read_only = workspace.read_only})
                           .second;
    // A sidecar's own mount wins (pkg/workspace/apply.go, AddSidecarVolumeMount).
    const bool gives_way =
        !with_implicit && !workspace.isolated
        && std::any_of(user_mounts.begin(), user_mounts.end(),
                       [&](const UserMount& mount) { return mount.path == path; });
    if (!added && !gives_way)
      diagnostics.add_error(where, fmt::format("the workspace \"{}\" and something else are both "
                                               "mounted at \"{}\"; give one of them another "
                                               "mountPath",
                                               workspace.name, path));
  }

  for (const PlanMount& mount : m_implicit) {
    if (with_implicit)
      result.emplace(mount.path, mount);
  }

  std::vector<PlanMount> mounts;
  for (auto& [path, mount] : result)
    mounts.push_back(std::move(mount));
  return mounts;
}

std::vector<std::string> TaskVolumes::emptied(const std::vector<PlanStep>& steps) const {
  std::map<std::string, std::size_t> counts; // path -> steps that may empty it
  for (const PlanStep& step : steps) {
    for (const PlanMount& mount : step.mounts) {
      if (!mount.read_only && m_emptied.contains(mount.volume))
        ++counts[mount.path];
    }
  }
  std::vector<std::string> result;
  for (const auto& [path, count] : counts) {
    if (count == steps.size())
      result.push_back(path);
  }
  return result;
}

} // namespace taskgroup
