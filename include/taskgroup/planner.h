// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/given_objects.h>
#include <taskgroup/plan.h>

#include <tl/expected.hpp>

#include <map>
#include <string>
#include <vector>

namespace taskgroup {

// What an image runs if nobody says otherwise: its ENTRYPOINT and CMD.
struct ImageCommand {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
};

// What the shell has fetched so far (design.md 2).
struct Facts {
  std::map<std::string, TaskSpec> tasks;          // by name, for taskRef
  std::map<std::string, GroupSpec> pipelines;     // by name, for pipelineRef
  std::map<std::string, StepAction> step_actions; // by name, for a step's ref
  GivenObjects given;                             // for launchers without a cluster

  // By image, for steps with neither command nor script (taskrun-semantics.md 2.5); such a step is
  // refused where its image is not here, by plan() alone if `images_come` is set: who plans will
  // look them up.
  std::map<std::string, ImageCommand> images;
  bool images_come = false;
};

// An object that planning needs and Facts lacks.
struct MissingObject {
  std::string kind; // Task, Pipeline, StepAction
  std::string name;
  Where where; // the reference
};

// Return what is missing to plan this group: fetch it, put it into the facts, ask again until
// nothing is missing. Pure.
std::vector<MissingObject> needs(const GroupSpec& group, const Facts& facts);

// Return the group that really runs: `group` itself, or the Pipeline it refers to with the group's
// own `run` kept. The facts must hold it (see needs()).
GroupSpec resolve_pipeline_ref(const GroupSpec& group, const Facts& facts);

// Put the values of this request's params into the names of Tasks (`taskRef.name`), so that needs()
// and validate() know them. A name that cannot be known stays as it is, and plan() says why. The
// group must be one that resolve_pipeline_ref() returned.
void resolve_task_names(GroupSpec& group, const RunRequest& request);

// Check a group for everything that can be known without params and bindings: graph (cycles,
// unknown and duplicate names), references to params, results and workspaces, types, durations,
// enums, names, finally's rules. Tasks whose TaskSpec is not in the facts are checked as far as
// possible; `skipped` gets one line per check that lacked facts.
void validate(const GroupSpec& group, const Facts& facts, Diagnostics& diagnostics,
              std::vector<std::string>& skipped);

// What depends on the launcher and the command line.
struct PlanOptions {
  std::string nonce;                   // of the markers; made by the caller, [0-9a-f]{8,}
  std::vector<std::string> only_tasks; // `--task`: these, what they need, and finally; empty = all
  bool launch_on_demand = false;
  bool report_task_results = false;

  // Plan for a pod: workspaces and volumes of every kind but folders are bound, PlanVolume::source
  // is Kubernetes' own, and the fields for pods are in the plan. The documents must have been
  // decoded for one (catalog.h). A volumeClaimTemplate must have become a claim before.
  bool pod = false;
};

// Return the images whose commands the plan needs and the facts lack: those of steps with neither
// command nor script (taskrun-semantics.md 2.5), each once. None where the plan has errors, which
// plan() reports.
std::vector<std::string> images_to_look_up(const GroupSpec& group, const RunRequest& request,
                                           const Facts& facts, const PlanOptions& options);

// Make the plan of one run: values of params, defaults, contexts and workspaces are put in, late
// references become Text references, steps get their mounts, tasks are ordered. The group must have
// passed validate(), which plan() does not repeat. Adds errors for what only the request can show
// (missing or mistyped params, enum, unbound workspaces of a wrong kind) and returns nothing then.
std::optional<Plan> plan(const GroupSpec& group, const RunRequest& request, const Facts& facts,
                         const PlanOptions& options, Diagnostics& diagnostics);

} // namespace taskgroup
