// SPDX-License-Identifier: Apache-2.0
#include "core/planning/workspaces.h"

#include <taskgroup/nearest.h>

#include "core/planning/raw_json.h"
#include "core/planning/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace taskgroup {
namespace {

// Return a relative path in its shortest form, or nothing if it is absolute or leads outside.
std::optional<std::string> clean_sub_path(std::string_view path) {
  if (path.starts_with('/'))
    return std::nullopt;
  std::string result;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part == "..")
      return std::nullopt;
    if (part.empty() || part == ".")
      continue;
    if (!result.empty())
      result += '/';
    result += part;
  }
  return result;
}

std::string sub_path_of(const Located& located, const Substitution& substitution) {
  if (located.text.empty())
    return {};
  const std::string path = substitution.known(located, "a subPath");
  if (std::optional<std::string> clean = clean_sub_path(path))
    return *std::move(clean);
  substitution.diagnostics().add_error(
      located.where,
      fmt::format("subPath \"{}\" leads out of the volume; make it relative and leave "
                  "out \"..\"",
                  path));
  return {};
}

std::string join_paths(const std::string& first, const std::string& second) {
  if (first.empty() || second.empty())
    return first + second;
  return first + "/" + second;
}

std::string_view kind_name(WorkspaceBinding::Kind kind) {
  using Kind = WorkspaceBinding::Kind;
  switch (kind) {
  case Kind::empty_dir:
    return "emptyDir";
  case Kind::folder:
    return "folder";
  case Kind::persistent_volume_claim:
    return "persistentVolumeClaim";
  case Kind::volume_claim_template:
    return "volumeClaimTemplate";
  case Kind::config_map:
    return "configMap";
  case Kind::secret:
    return "secret";
  case Kind::projected:
    return "projected";
  case Kind::csi:
    return "csi";
  }
  return "";
}

// Say what to write instead of a binding that only a cluster has.
std::string way_out(const WorkspaceBinding& binding) {
  const std::string& name = binding.name.text;
  if (binding.kind == WorkspaceBinding::Kind::secret)
    return fmt::format("-w {}=secret:PATH", name);
  if (binding.kind == WorkspaceBinding::Kind::config_map)
    return fmt::format("-w {}=configmap:PATH", name);
  return fmt::format("-w {}=DIR", name);
}

const WorkspaceBinding* find_binding(const RunRequest& request, const std::string& name) {
  const auto found =
      std::find_if(request.workspaces.begin(), request.workspaces.end(),
                   [&](const WorkspaceBinding& binding) { return binding.name.text == name; });
  return found != request.workspaces.end() ? &*found : nullptr;
}

// Names the workspaces that texts refer to.
class TextScan {
public:
  void add(const Located& located) {
    constexpr std::string_view begin = "$(workspaces";
    const std::string_view text = located.text;
    for (std::size_t at = text.find(begin); at != std::string_view::npos;
         at = text.find(begin, at + 1)) {
      const std::size_t end = text.find(')', at);
      for (const Variable& variable :
           find_variables(text.substr(at, end == std::string_view::npos ? end : end - at + 1))) {
        const VariableName name = parse_variable_name(variable.name);
        if (name.parts.size() >= 2 && name.parts[0] == "workspaces")
          m_names.insert(name.parts[1]);
      }
    }
  }

  void add(const StepCommon& common) {
    for (const auto* list : {&common.command, &common.args}) {
      if (!*list)
        continue;
      for (const Located& item : **list)
        add(item);
    }
    for (const EnvVar& variable : common.env)
      add(variable.value);
    add(common.working_dir);
  }

  void add(const TaskSpec& spec) {
    if (spec.step_template)
      add(*spec.step_template);
    for (const Step& step : spec.steps) {
      add(static_cast<const StepCommon&>(step));
      if (step.script)
        add(*step.script);
    }
    for (const Sidecar& sidecar : spec.sidecars) {
      add(static_cast<const StepCommon&>(sidecar));
      if (sidecar.script)
        add(*sidecar.script);
    }
  }

  const std::set<std::string>& names() const { return m_names; }

private:
  std::set<std::string> m_names;
};

const WorkspaceDeclaration* find_declaration(const TaskSpec& spec, const std::string& name) {
  const auto found = std::find_if(
      spec.workspaces.begin(), spec.workspaces.end(),
      [&](const WorkspaceDeclaration& declaration) { return declaration.name.text == name; });
  return found != spec.workspaces.end() ? &*found : nullptr;
}

} // namespace

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part == "..") {
      if (!parts.empty())
        parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string result;
  for (const std::string_view part : parts) {
    result += '/';
    result += part;
  }
  return result.empty() ? "/" : result;
}

RunWorkspaces bind_group_workspaces(const GroupSpec& group, const RunRequest& request,
                                    const PlanOptions& options, const GivenObjects& given,
                                    const Substitution& substitution, NamePool& volume_names,
                                    std::vector<PlanVolume>& volumes, NameScope& names) {
  Diagnostics& diagnostics = substitution.diagnostics();
  RunWorkspaces result;

  const auto add = [&](const std::string& name, const WorkspaceBinding* binding,
                       const GroupWorkspace* declared) {
    RunWorkspace workspace{.bound = true};
    PlanVolume volume;
    if (binding == nullptr) {
      volume.memory = declared->memory;
      volume.size_limit = declared->size_limit.text;
    } else {
      using Kind = WorkspaceBinding::Kind;
      workspace.sub_path = sub_path_of(binding->sub_path, substitution);
      workspace.read_only = binding->read_only;
      if (options.pod && binding->kind == Kind::volume_claim_template) {
        diagnostics.add_error(binding->where,
                              fmt::format("workspace \"{}\": the claim of its volumeClaimTemplate "
                                          "has not been made",
                                          name));
      } else if (binding->kind == Kind::empty_dir || binding->kind == Kind::volume_claim_template) {
        const bool shaped = binding->memory || !binding->size_limit.text.empty();
        volume.memory = shaped || declared == nullptr ? binding->memory : declared->memory;
        volume.size_limit =
            shaped || declared == nullptr ? binding->size_limit.text : declared->size_limit.text;
      } else if (binding->kind != Kind::folder) {
        // As in a PipelineRun (pkg/workspace/apply.go, ReplaceWorkspaceBindingsVars).
        const std::string source =
            substitution.known({binding->source, binding->where}, "a workspace's volume");
        volume.kind = PlanVolume::Kind::bound;
        volume.source = json_object(
            kind_name(binding->kind),
            binding->raw ? known_json(binding->raw, substitution, "a workspace's volume")
                         : json_object("claimName", quoted_json(source)));
        volume.read_only = binding->read_only;
        if (!options.pod) {
          const auto found = given_volume(volume.source, given);
          if (!found)
            diagnostics.add_error(binding->where,
                                  fmt::format("workspace \"{}\": {}; or bind something of this "
                                              "machine with {}",
                                              name, found.error(), way_out(*binding)));
          volume.read_only = binding->read_only || (found && found->claim.empty());
        }
        if (binding->kind == Kind::persistent_volume_claim)
          workspace.claim = source;
      } else if (options.pod) {
        diagnostics.add_error(
            binding->where, fmt::format("workspace \"{}\" is bound to a folder, which no pod has; "
                                        "bind a claim, a configMap or another volume",
                                        name));
      } else {
        volume.kind = PlanVolume::Kind::bound;
        volume.source = binding->source;
        volume.read_only = binding->read_only;
      }
    }
    volume.name = volume_names.make("ws-" + name, "workspace/" + name);
    workspace.volume = volume.name;
    volumes.push_back(std::move(volume));
    names.set("workspaces." + name + ".bound", "true");
    result.insert_or_assign(name, std::move(workspace));
  };

  std::vector<std::string> declared_names;
  for (const GroupWorkspace& declared : group.workspaces) {
    const std::string& name = declared.name.text;
    declared_names.push_back(name);
    const WorkspaceBinding* binding = find_binding(request, name);
    if (binding == nullptr && declared.optional) {
      names.set("workspaces." + name + ".bound", "false");
      result.insert_or_assign(name, RunWorkspace{});
      continue;
    }
    add(name, binding, &declared);
  }
  for (const WorkspaceBinding& binding : request.workspaces) {
    if (!result.contains(binding.name.text))
      add(binding.name.text, &binding, nullptr);
  }
  return result;
}

std::vector<TaskWorkspace> bind_task_workspaces(const PipelineTask& pipeline_task,
                                                const TaskSpec& spec,
                                                const RunWorkspaces& run_workspaces, bool propagate,
                                                const Substitution& group, const Substitution& task,
                                                NameScope& names) {
  Diagnostics& diagnostics = group.diagnostics();

  struct Binding {
    std::string workspace; // of the group
    std::string sub_path;
    Where where;
  };
  std::map<std::string, Binding> bindings;
  for (const WorkspacePipelineTaskBinding& binding : pipeline_task.workspaces) {
    const std::string& name = binding.name.text;
    bindings.insert_or_assign(
        name, Binding{binding.workspace.text.empty() ? name : binding.workspace.text,
                      sub_path_of(binding.sub_path, group), binding.where});
  }
  if (propagate) {
    TextScan scan;
    scan.add(spec);
    std::set<std::string> wanted = scan.names();
    for (const WorkspaceDeclaration& declaration : spec.workspaces)
      wanted.insert(declaration.name.text);
    for (const std::string& name : wanted) {
      if (run_workspaces.contains(name))
        bindings.try_emplace(name, Binding{name, {}, pipeline_task.where});
    }
  }

  std::set<std::string> isolated;
  for (const Step& step : spec.steps) {
    for (const WorkspaceUsage& usage : step.workspaces)
      isolated.insert(usage.name.text);
  }
  for (const Sidecar& sidecar : spec.sidecars) {
    for (const WorkspaceUsage& usage : sidecar.workspaces)
      isolated.insert(usage.name.text);
  }

  std::vector<TaskWorkspace> result;
  const auto add = [&](const std::string& name, const WorkspaceDeclaration* declaration) {
    TaskWorkspace workspace{.name = name};
    const std::string prefix = "workspaces." + name + ".";
    const auto binding = bindings.find(name);
    const auto found = binding != bindings.end() ? run_workspaces.find(binding->second.workspace)
                                                 : run_workspaces.end();
    if (found != run_workspaces.end() && found->second.bound) {
      const RunWorkspace& source = found->second;
      workspace.bound = true;
      workspace.path = "/workspace/" + name;
      if (declaration != nullptr && !declaration->mount_path.text.empty())
        workspace.path = clean_path(task.known(declaration->mount_path, "a mountPath"));
      workspace.volume = source.volume;
      workspace.sub_path = join_paths(source.sub_path, binding->second.sub_path);
      workspace.read_only = source.read_only || (declaration != nullptr && declaration->read_only);
      workspace.isolated = isolated.contains(name);
      names.set(prefix + "claim", source.claim);
      names.set(prefix + "volume", source.volume);
    } else if (declaration != nullptr ? declaration->optional : found != run_workspaces.end()) {
      // Optional, or named only by the texts of an embedded task, which may ask whether it is
      // bound.
      names.set(prefix + "claim", "");
      names.set(prefix + "volume", "");
    } else if (binding == bindings.end()) {
      diagnostics.add_error(pipeline_task.where,
                            fmt::format("task \"{}\" does not bind the workspace \"{}\" that its "
                                        "Task requires",
                                        pipeline_task.name.text, name));
    } else if (found == run_workspaces.end()) {
      diagnostics.add_error(binding->second.where, fmt::format("the group has no workspace \"{}\"",
                                                               binding->second.workspace));
    } else {
      const std::string& wanted = binding->second.workspace;
      diagnostics.add_error(
          binding->second.where,
          fmt::format("the group's optional workspace \"{}\" is not bound, but the task \"{}\" "
                      "requires it as \"{}\"; bind it, on the command line with -w {}=DIR, or let "
                      "the Task declare it optional",
                      wanted, pipeline_task.name.text, name, wanted));
    }
    names.set(prefix + "bound", workspace.bound ? "true" : "false");
    names.set(prefix + "path", workspace.path);
    result.push_back(std::move(workspace));
  };

  for (const WorkspaceDeclaration& declaration : spec.workspaces)
    add(declaration.name.text, &declaration);
  for (const auto& [name, binding] : bindings) {
    if (find_declaration(spec, name) == nullptr)
      add(name, nullptr);
  }
  return result;
}

} // namespace taskgroup
