// SPDX-License-Identifier: Apache-2.0
#include "cli/volume_folders.h"

#include "cli/host/files.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

namespace taskgroup {
namespace {

// Folders in which a task leaves little: what it reports, not what it works on.
bool holds_little(const PlanTask& task, const std::string& volume) {
  return std::any_of(task.steps.begin(), task.steps.end(), [&](const PlanStep& step) {
    return std::any_of(step.mounts.begin(), step.mounts.end(), [&](const PlanMount& mount) {
      return mount.volume == volume
             && (mount.path == "/tekton/results" || mount.path == "/tekton/steps");
    });
  });
}

std::set<std::string> volumes_of(const PlanTask& task) {
  std::set<std::string> volumes;
  for (std::size_t i = 0; i < container_count(task); ++i) {
    for (const PlanMount& mount : container_at(task, i).mounts)
      volumes.insert(mount.volume);
  }
  return volumes;
}

} // namespace

VolumeFolders::VolumeFolders(const Plan& plan, const RunFolder& folder, bool keep)
    : m_plan(plan), m_folder(folder), m_keep(keep), m_own(plan.tasks.size()) {
  std::map<std::string, std::vector<std::size_t>> users;
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    for (const std::string& volume : volumes_of(plan.tasks[i]))
      users[volume].push_back(i);
  }
  for (const PlanVolume& volume : plan.volumes) {
    const auto used = users.find(volume.name);
    if (volume.kind == PlanVolume::Kind::empty && used != users.end() && used->second.size() == 1) {
      const std::size_t task = used->second.front();
      m_own[task].push_back({volume.name, holds_little(plan.tasks[task], volume.name)});
      continue;
    }
    std::error_code error;
    const bool is_folder = volume.kind == PlanVolume::Kind::bound
                           && std::filesystem::is_directory(volume.source, error);
    m_paths[volume.name] = is_folder ? volume.source : folder.volume(volume.name);
  }
}

tl::expected<void, std::string> VolumeFolders::make_shared() {
  for (const PlanVolume& volume : m_plan.volumes) {
    const auto path = m_paths.find(volume.name);
    if (path == m_paths.end() || path->second == volume.source)
      continue; // a task's own, or there already
    if (auto made = make_folder(path->second, 0777); !made)
      return made;
    if (volume.kind == PlanVolume::Kind::bound) {
      // The target of the file's own mount, in a folder that is mounted read-only.
      const std::string name = std::filesystem::path(volume.source).filename().string();
      if (auto made = replace_file(path->second + "/" + name, ""); !made)
        return made;
    }
  }
  return {};
}

tl::expected<void, std::string> VolumeFolders::make_for(std::size_t task) {
  for (const Own& own : m_own[task]) {
    if (m_paths.contains(own.volume))
      continue;
    std::string path;
    if (!own.in_memory && !m_free.empty()) {
      path = std::move(m_free.back());
      m_free.pop_back();
    } else {
      const std::string name =
          m_keep || own.in_memory ? own.volume : fmt::format("own-{}", m_made++);
      path = own.in_memory ? m_folder.small_volume(name) : m_folder.volume(name);
      if (auto made = make_folder(path, 0777); !made) // as an emptyDir, whose mode is 0777
        return made;
    }
    m_paths[own.volume] = std::move(path);
  }
  return {};
}

void VolumeFolders::release(std::size_t task) {
  if (m_keep)
    return;
  for (const Own& own : m_own[task]) {
    const auto found = m_paths.find(own.volume);
    if (found == m_paths.end())
      continue;
    const std::string path = found->second;
    m_paths.erase(found);
    const bool reusable = !own.in_memory && host::is_empty_folder(path);
    if (!reusable) {
      host::remove_tree(path); // what cannot be removed is reported when the run's folder is
    } else if (::chown(path.c_str(), ::geteuid(), ::getegid()) == 0 && make_folder(path, 0777)) {
      m_free.push_back(path); // a step may have changed owner and mode
    }
  }
}

std::string VolumeFolders::path_of(const std::string& volume) const {
  const auto found = m_paths.find(volume);
  return found == m_paths.end() ? std::string() : found->second;
}

} // namespace taskgroup
