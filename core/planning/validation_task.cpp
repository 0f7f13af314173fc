// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include "core/planning/matrix.h"
#include "core/planning/raw_json.h"
#include "core/planning/reference_check.h"
#include "core/planning/step_actions.h"
#include "core/planning/validation.h"

#include <algorithm>
#include <array>
#include <set>

namespace taskgroup::validation {
namespace {

using Whole = FieldRule::Whole;

// A path without `.`, doubled and trailing slashes, and with `..` resolved, as Go's filepath.Clean.
std::string clean(std::string_view path) {
  std::vector<std::string_view> parts;
  const bool absolute = !path.empty() && path.front() == '/';
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".")
      continue;
    if (part == ".." && !parts.empty() && parts.back() != "..")
      parts.pop_back();
    else if (part != ".." || !absolute)
      parts.push_back(part);
  }
  std::string result;
  for (const std::string_view part : parts)
    result += (result.empty() && !absolute ? "" : "/") + std::string(part);
  return result.empty() ? (absolute ? "/" : ".") : result;
}

class TaskCheck {
public:
  TaskCheck(const GroupView& group, const TaskView& view, Diagnostics& diagnostics)
      : m_group(group),
        m_view(view),
        m_spec(*view.spec),
        m_diagnostics(diagnostics),
        m_references(group, view, ReferenceCheck::Level::task, diagnostics) {
    m_references.set_late_params(late_params());
  }

  void run() {
    check_param_specs(m_spec.params, NameFormat::variable, m_diagnostics);
    for (const ParamSpec& param : m_spec.params)
      if (param.default_value)
        m_references.value(*param.default_value, {.field = "a default", .of_default = true});
    check_results(m_spec.results, m_diagnostics);
    check_result_values(m_spec, m_diagnostics);
    check_volumes();
    check_workspaces();
    if (m_spec.step_template) {
      check_common(*m_spec.step_template);
      check_mounts(*m_spec.step_template);
    }
    check_steps();
    check_sidecars();
  }

private:
  void error(const Where& where, std::string message) const {
    m_diagnostics.add_error(where, std::move(message));
  }

  // Params whose values the group settles while it runs.
  std::set<std::string> late_params() const {
    std::set<std::string> names;
    if (has_late_matrix(*m_view.task))
      each_matrix_param(*m_view.task, [&](const Param& param) { names.insert(param.name.text); });
    const auto is_late = [](const Located& text) {
      return text.text.find("$(tasks.") != std::string::npos && has_variables(text.text);
    };
    for (const Param& param : m_view.task->params) {
      bool late = false;
      if (const auto* text = std::get_if<Located>(&param.value.data))
        late = is_late(*text);
      else if (const auto* items = std::get_if<std::vector<Located>>(&param.value.data))
        late = std::any_of(items->begin(), items->end(), is_late);
      else
        for (const auto& [key, field] : std::get<2>(param.value.data))
          late = late || is_late(field);
      if (late)
        names.insert(param.name.text);
    }
    return names;
  }

  // A text that must be known before the group runs.
  void early(const Located& text, std::string_view field) const {
    m_references.text(text, {.field = field, .late = false});
  }

  // The same for all texts of a value that only Kubernetes knows. What is no variable of ours may
  // be one of Kubernetes'.
  void early(const RawValue& value, std::string_view field) const {
    for_each_text(value, [&](const Located& text) {
      m_references.text(text, {.field = field, .late = false, .strict = false});
    });
  }

  void late_text(const Located& text, std::string_view field) const {
    m_references.text(text, {.field = field, .strict = false});
  }

  void quantity(const Located& text) const {
    if (!text.text.empty() && !is_quantity(text.text))
      error(text.where, fmt::format("found \"{}\", expected a quantity such as \"500m\" or \"2Gi\"",
                                    text.text.substr(0, 40)));
  }

  void check_volumes() const {
    check_unique(m_spec.volumes, "volume", m_diagnostics);
    for (const Volume& volume : m_spec.volumes) {
      early(volume.name, "a volume's name");
      if (!volume.name.text.empty() && !has_variables(volume.name.text)) {
        if (!is_dns_label(volume.name.text))
          error(volume.name.where, fmt::format("found \"{}\", expected {}",
                                               volume.name.text.substr(0, 80), dns_label_rule));
        else if (volume.name.text.starts_with("tekton-internal-"))
          error(volume.name.where, "names that begin with \"tekton-internal-\" are Tekton's own");
      }
      quantity(volume.size_limit);
      early(volume.source, "a volume");
    }
  }

  void check_workspaces() const {
    check_unique(m_spec.workspaces, "workspace", m_diagnostics);
    std::set<std::string> taken;
    const auto take = [&](const StepCommon& step) {
      for (const VolumeMount& mount : step.volume_mounts)
        taken.insert(clean(mount.mount_path.text));
    };
    if (m_spec.step_template)
      take(*m_spec.step_template);
    for (const Step& step : m_spec.steps)
      take(step);
    for (const WorkspaceDeclaration& workspace : m_spec.workspaces) {
      early(workspace.mount_path, "a mountPath");
      const bool given = !workspace.mount_path.text.empty();
      const std::string path =
          given ? clean(workspace.mount_path.text) : "/workspace/" + workspace.name.text;
      if (!workspace.name.text.empty() && !taken.insert(path).second)
        error(given ? workspace.mount_path.where : workspace.name.where,
              fmt::format(
                  "the workspace \"{}\" would be mounted at {}, where something else is mounted",
                  workspace.name.text, path));
    }
  }

  void check_common(const StepCommon& step) const {
    early(step.image, "an image");
    const FieldRule element{
        .field = "an element", .whole = Whole::element, .strict = false, .step_results = true};
    for (const auto* list : {&step.command, &step.args})
      if (*list)
        m_references.texts(**list, element);
    for (const EnvVar& env : step.env) {
      check_env_name(env.name, m_diagnostics);
      m_references.text(env.value,
                        {.field = "a variable's value", .strict = false, .step_results = true});
      early(env.value_from, "valueFrom");
      if (env.value_from && !env.value.text.empty())
        error(env.value_from.node.where(env.value_from.path),
              "given beside value; a variable has one of them");
    }
    early(step.env_from, "envFrom");
    early(step.image_pull_policy, "imagePullPolicy");
    check_one_of(step.image_pull_policy, pull_policies, m_diagnostics);
    late_text(step.working_dir, "a workingDir");
    for (const auto* quantities : {&step.resources.requests, &step.resources.limits})
      for (const auto& [name, value] : *quantities)
        quantity(value);
  }

  void check_mounts(const StepCommon& step) const {
    std::vector<std::string_view> volumes;
    for (const Volume& volume : m_spec.volumes)
      volumes.push_back(volume.name.text);
    const auto add_volumes_of = [&](const RawValue& pod_template) {
      const Node* shared = pod_template.node.find("volumes");
      for (std::size_t i = 0; shared != nullptr && i < shared->size(); ++i)
        if (const Node* name = shared->children()[i].find("name"))
          volumes.push_back(name->text());
    };
    add_volumes_of(m_group.group().run.pod_template);
    for (const TaskRunSpec& run_spec : m_group.group().run.task_run_specs)
      if (run_spec.task.text == m_view.task->name.text)
        add_volumes_of(run_spec.pod_template);
    const bool named_late = std::any_of(volumes.begin(), volumes.end(), has_variables);
    std::set<std::string> paths;
    for (const VolumeMount& mount : step.volume_mounts) {
      early(mount.name, "a volume's name");
      early(mount.mount_path, "a mountPath");
      early(mount.sub_path, "a subPath");
      const std::string& name = mount.name.text;
      if (name.starts_with("tekton-internal-"))
        error(mount.name.where,
              "volumes whose names begin with \"tekton-internal-\" are Tekton's own");
      else if (!name.empty() && !has_variables(name) && !is_dns_label(name))
        error(mount.name.where,
              fmt::format("found \"{}\", expected {}", name.substr(0, 80), dns_label_rule));
      else if (!name.empty() && !named_late && !has_variables(name)
               && std::find(volumes.begin(), volumes.end(), name) == volumes.end())
        m_diagnostics.add_warning(mount.name.where,
                                  fmt::format("there is no volume \"{}\" in `volumes`{}; the run's "
                                              "podTemplate has to bring it",
                                              name, did_you_mean(name, volumes)));
      if (mount.mount_path.text.empty())
        continue;
      const std::string path = clean(mount.mount_path.text);
      const bool of_tekton = path == "/tekton" || path.starts_with("/tekton/");
      if (of_tekton && !path.starts_with("/tekton/home"))
        error(mount.mount_path.where,
              fmt::format("found \"{}\"; /tekton is Tekton's own, but for /tekton/home",
                          mount.mount_path.text));
      if (!paths.insert(path).second)
        error(mount.mount_path.where, fmt::format("two volumes are mounted at {}", path));
    }
  }

  void check_usages(const Step& step) const {
    check_unique(step.workspaces, "workspace", m_diagnostics);
    std::vector<std::string_view> known;
    for (const WorkspaceDeclaration& workspace : m_spec.workspaces)
      known.push_back(workspace.name.text);
    for (const WorkspaceUsage& usage : step.workspaces) {
      early(usage.mount_path, "a mountPath");
      if (!usage.name.text.empty()
          && std::find(known.begin(), known.end(), usage.name.text) == known.end())
        error(usage.name.where, fmt::format("the Task declares no workspace \"{}\"{}",
                                            usage.name.text, did_you_mean(usage.name.text, known)));
    }
  }

  bool has_image(const Step& step) const {
    const auto& of_run = m_group.group().run.step_template;
    return !step.image.text.empty()
           || (m_spec.step_template && !m_spec.step_template->image.text.empty())
           || (of_run && !of_run->image.text.empty());
  }

  bool has_command(const Step& step) const {
    const auto& of_run = m_group.group().run.step_template;
    return step.script || step.command || (m_spec.step_template && m_spec.step_template->command)
           || (of_run && of_run->command);
  }

  void check_program(const Step& step) const {
    if (step.script && step.command)
      error(step.script->where, "given beside command; a step has one of them (args may stay)");
    else if (!has_command(step) && !m_group.images_come())
      error(step.where,
            "missing script or command; what an image runs by itself is known to `taskgroup run` "
            "with podman or docker only");
    if (!has_image(step))
      error(step.where, "missing image; Tekton wants one for every step, in the step or in "
                        "stepTemplate, even where it has no effect");
    if (step.script) {
      const std::size_t begin = step.script->text.find_first_not_of(" \t\r\n");
      if (begin != std::string::npos
          && std::string_view(step.script->text).substr(begin).starts_with("#!win"))
        error(step.script->where, "Windows scripts are not supported");
    }
  }

  void check_sidecars() const {
    check_unique(m_spec.sidecars, "sidecar", m_diagnostics);
    for (const Sidecar& sidecar : m_spec.sidecars) {
      early(sidecar.name, "a sidecar's name");
      if (!has_variables(sidecar.name.text) && !sidecar.name.text.empty()
          && !is_dns_label(sidecar.name.text))
        error(sidecar.name.where, fmt::format("found \"{}\", expected {}",
                                              sidecar.name.text.substr(0, 80), dns_label_rule));
      check_common(sidecar);
      check_mounts(sidecar);
      check_usages(sidecar);
      if (sidecar.image.text.empty())
        error(sidecar.where, "missing image; Tekton wants one for every sidecar, even where it has "
                             "no effect");
      if (sidecar.script && sidecar.command)
        error(sidecar.script->where,
              "given beside command; a sidecar has one of them (args may stay)");
      if (sidecar.script)
        late_text(*sidecar.script, "a script");
    }
  }

  void check_steps() {
    if (m_spec.steps.empty())
      error(m_spec.where, "missing steps; a Task needs at least one");
    check_unique(m_spec.steps, "step", m_diagnostics);
    constexpr std::array<std::string_view, 2> outcomes = {"continue", "stopAndFail"};
    for (std::size_t i = 0; i < m_spec.steps.size(); ++i) {
      const Step& step = m_spec.steps[i];
      m_references.set_step(i);
      early(step.name, "a step's name");
      if (!step.name.text.empty() && !has_variables(step.name.text)
          && !is_dns_label(step.name.text))
        error(step.name.where, fmt::format("found \"{}\", expected {}",
                                           step.name.text.substr(0, 80), dns_label_rule));
      if (step.ref)
        check_step_action(step, m_references, m_diagnostics);
      m_references.set_in_action(step.action_params.has_value());
      if (step.action_params)
        check_action(step, m_references, m_diagnostics);
      check_common(step);
      check_mounts(step);
      if (!is_unresolved(step))
        check_program(step);
      if (step.script)
        late_text(*step.script, "a script");
      m_references.set_in_action(false);
      check_usages(step);
      m_references.text(step.on_error, {.field = "onError"});
      m_references.text(step.timeout, {.field = "a timeout"});
      check_one_of(step.on_error, outcomes, m_diagnostics);
      check_step_extras(step, m_references, m_diagnostics);
    }
  }

  const GroupView& m_group;
  const TaskView& m_view;
  const TaskSpec& m_spec;
  Diagnostics& m_diagnostics;
  ReferenceCheck m_references;
};

} // namespace

void check_task(const GroupView& group, const TaskView& task, Diagnostics& diagnostics) {
  TaskCheck(group, task, diagnostics).run();
}

} // namespace taskgroup::validation
