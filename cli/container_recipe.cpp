// SPDX-License-Identifier: Apache-2.0
#include "cli/container_recipe.h"

#include "core/planning/expand.h"

#include <algorithm>
#include <filesystem>

namespace taskgroup {

namespace {

// Where a container finds what belongs to us; users cannot mount below /tekton (fields.h).
constexpr const char* agent_path = "/tekton/bin/taskgroup-agent";
constexpr const char* socket_path = "/tekton/coordinator";

const PlanVolume* find_volume(const Plan& plan, const std::string& name) {
  const auto found = std::find_if(plan.volumes.begin(), plan.volumes.end(),
                                  [&](const PlanVolume& one) { return one.name == name; });
  return found == plan.volumes.end() ? nullptr : &*found;
}

std::vector<host::Mount> mounts_of(const Plan& plan, const VolumeFolders& volumes,
                                   const PlanStep& step) {
  std::vector<host::Mount> mounts;
  for (const PlanMount& mount : step.mounts) {
    const PlanVolume* volume = find_volume(plan, mount.volume);
    if (volume == nullptr)
      continue; // plan_from_json and the planner exclude it
    std::string source = volumes.path_of(volume->name);
    if (volume->kind == PlanVolume::Kind::bound && source != volume->source) {
      // A workspace is a folder: the file appears in it under its own name.
      mounts.push_back({source, mount.path, true});
      const std::string name = std::filesystem::path(volume->source).filename().string();
      mounts.push_back({volume->source, mount.path + "/" + name, true});
      continue;
    }
    if (!mount.sub_path.empty())
      source += "/" + mount.sub_path;
    mounts.push_back({source, mount.path, mount.read_only || volume->read_only});
  }
  return mounts;
}

} // namespace

ContainerRecipe recipe_of(const Plan& plan, const RunFolder& folder, const VolumeFolders& volumes,
                          const std::string& agent, const Container& container) {
  const PlanStep& step = container_at(plan.tasks[container.task], container.step);
  ContainerRecipe recipe;
  recipe.name = step.container;
  recipe.image = step.image;
  recipe.fields = step.container_fields;
  recipe.argv = {agent_path,    "step",         "--socket", std::string(socket_path) + "/s",
                 "--container", step.container, "--nonce",  plan.nonce};
  if (step.script) {
    recipe.argv.emplace_back("--script");
  }
  recipe.argv.emplace_back("--");

  for (const PlanEnv& env : step.env) { // kubelet expands by the container's own env only
    recipe.env[env.name] = expand_variables(env.value.to_marked(plan.nonce), recipe.env);
  }
  if (!step.script) {
    for (const Text& word : step.command) {
      recipe.argv.push_back(expand_variables(word.to_marked(plan.nonce), recipe.env));
    }
  }
  for (const Text& word : step.args) {
    recipe.argv.push_back(expand_variables(word.to_marked(plan.nonce), recipe.env));
  }

  recipe.mounts = mounts_of(plan, volumes, step);
  recipe.mounts.push_back({agent, agent_path, true});
  recipe.mounts.push_back({folder.socket_folder(container.index), socket_path, false});
  return recipe;
}

tl::expected<void, std::string> prepare_for(const Plan& plan, const RunFolder& folder,
                                            VolumeFolders& volumes, const Container& container) {
  if (auto made = volumes.make_for(container.task); !made)
    return made;
  if (auto made = make_folder(folder.socket_folder(container.index), 0777); !made)
    return made;
  for (const PlanMount& mount : container_at(plan.tasks[container.task], container.step).mounts) {
    if (mount.sub_path.empty())
      continue;
    if (auto made = make_below(volumes.path_of(mount.volume), mount.sub_path); !made)
      return made;
  }
  return {};
}

} // namespace taskgroup
