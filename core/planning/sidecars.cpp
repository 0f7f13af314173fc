// SPDX-License-Identifier: Apache-2.0
#include "core/planning/sidecars.h"

#include "core/planning/expand.h"
#include "core/planning/raw_json.h"
#include "core/planning/sidecar_care.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace taskgroup {
namespace {

// Return what only kubelet does for a sidecar: its ports and, where no agent does it, its probes
// and hooks.
std::string fields_for_kubelet(const Sidecar& sidecar, bool from_start) {
  std::string result;
  const auto add = [&](const char* key, const RawValue& value) {
    if (value)
      result = merge_json(result, json_object(key, plain_json(value)));
  };
  add("ports", sidecar.raw_ports);
  if (from_start) {
    add("startupProbe", sidecar.startup_probe);
    add("readinessProbe", sidecar.readiness_probe);
    add("livenessProbe", sidecar.liveness_probe);
    add("lifecycle", sidecar.lifecycle);
  }
  return result;
}

bool is_late(const PlanStep& step) {
  const auto late = [](const Text& text) { return !text.is_literal(); };
  return std::any_of(step.command.begin(), step.command.end(), late)
         || std::any_of(step.args.begin(), step.args.end(), late)
         || std::any_of(step.env.begin(), step.env.end(),
                        [&](const PlanEnv& one) { return late(one.value); })
         || (step.script && late(*step.script)) || late(step.working_dir);
}

// Make a sidecar one that kubelet can start by itself. A script is given to the shell that its
// first line names.
void settle_for_kubelet(const Sidecar& sidecar, Diagnostics& diagnostics, PlanSidecar& planned) {
  if (is_late(planned)) {
    diagnostics.add_error(sidecar.where,
                          "with `run.sidecars: fromStart` a sidecar starts before any task has "
                          "results, and this one uses some; leave run.sidecars out");
    return;
  }
  if (!planned.script)
    return;
  const std::string script = planned.script->literal();
  const std::string first = script.substr(2, script.find('\n') - 2); // after `#!`
  const std::size_t begin = std::min(first.find_first_not_of(' '), first.size());
  const std::string shell = first.substr(begin, first.find_last_not_of(" \t\r") + 1 - begin);
  if (!shell.starts_with('/') || shell.find(' ') != std::string::npos || !shell.ends_with("sh")) {
    diagnostics.add_error(
        sidecar.script->where,
        "with `run.sidecars: fromStart` a sidecar's script is run by a shell, and "
        "its first line names none; use command and args");
    return;
  }
  std::string escaped; // kubelet expands commands, and no script
  for (const char c : script)
    escaped += c == '$' ? std::string("$$") : std::string(1, c);
  planned.command = {Text(shell), Text("-c"), Text(escaped), Text("script")};
  planned.script.reset();
}

// Expand the sidecar's variables in the commands of its probes, as kubelet does
// (ExpandContainerCommandOnlyStatic): the values as they are written, and nothing for one that
// comes from elsewhere. Hooks are run as they are.
void expand_probes(const Sidecar& sidecar, Diagnostics& diagnostics, PlanSidecar& planned) {
  std::map<std::string, std::string> variables;
  std::set<std::string> late;
  for (const PlanEnv& one : planned.env) {
    if (!one.value.is_literal())
      late.insert(one.name);
    variables[one.name] = one.value.is_literal() ? one.value.literal() : std::string();
  }
  const auto expand = [&](std::optional<PlanProbe>& probe, const RawValue& written) {
    if (!probe)
      return;
    for (std::string& word : probe->handler.command) {
      for (const std::string& name : late)
        if (word.find("$(" + name + ")") != std::string::npos)
          diagnostics.add_error(
              written.node.where(written.path),
              fmt::format(
                  "the value of \"$({})\" is known only while the group runs, and a probe's "
                  "command is settled before; have a shell look it up, as in "
                  "[sh, -c, 'test \"${}\"']",
                  name, name));
      word = expand_variables(word, variables);
    }
  };
  expand(planned.care.startup, sidecar.startup_probe);
  expand(planned.care.readiness, sidecar.readiness_probe);
  expand(planned.care.liveness, sidecar.liveness_probe);
}

std::set<int> ports_of(const PlanTask& task) {
  std::set<int> ports;
  for (const PlanSidecar& sidecar : task.sidecars)
    ports.insert(sidecar.ports.begin(), sidecar.ports.end());
  return ports;
}

bool share_one(const std::set<int>& a, const std::set<int>& b) {
  return std::any_of(a.begin(), a.end(), [&](int port) { return b.contains(port); });
}

} // namespace

void plan_sidecars(const TaskSpec& spec, const StepContext& steps, bool from_start,
                   const Substitution& substitution, PlanTask& planned) {
  const DraftCommon no_template;
  const StepContext context{steps.task,
                            no_template,
                            steps.volumes,
                            steps.facts,
                            steps.containers,
                            steps.pod,
                            steps.commands_later || from_start,
                            true};
  for (std::size_t i = 0; i < spec.sidecars.size(); ++i) {
    const Sidecar& sidecar = spec.sidecars[i];
    PlanSidecar result;
    static_cast<PlanStep&>(result) = plan_step(sidecar, i, context, substitution, substitution);
    result.from_start = from_start;
    if (from_start)
      settle_for_kubelet(sidecar, substitution.diagnostics(), result);
    result.ports = ports_of(sidecar);
    if (!from_start) {
      result.care = care_of(sidecar, substitution.diagnostics());
      expand_probes(sidecar, substitution.diagnostics(), result);
    }
    if (steps.pod)
      result.container_fields =
          merge_json(result.container_fields, fields_for_kubelet(sidecar, from_start));
    planned.sidecars.push_back(std::move(result));
  }
}

void order_by_ports(Plan& plan) {
  if (plan.max_parallel == 1)
    return;
  std::vector<std::set<int>> ports;
  std::vector<std::set<std::size_t>> before; // of each task, all that are done when it starts
  for (std::size_t i = 0; i < plan.tasks.size() && !plan.tasks[i].is_finally; ++i) {
    PlanTask& task = plan.tasks[i];
    ports.push_back(ports_of(task));
    std::set<std::size_t>& all = before.emplace_back();
    const auto add = [&](std::size_t earlier) {
      all.insert(earlier);
      all.insert(before[earlier].begin(), before[earlier].end());
    };
    std::for_each(task.after.begin(), task.after.end(), add);
    for (std::size_t earlier = i; earlier-- > 0;) {
      if (!all.contains(earlier) && share_one(ports[earlier], ports[i])) {
        task.ordered_after.insert(task.ordered_after.begin(), earlier);
        add(earlier);
      }
    }
  }
}

} // namespace taskgroup
