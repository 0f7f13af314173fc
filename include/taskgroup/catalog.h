// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/api.h>
#include <taskgroup/diagnostic.h>
#include <taskgroup/given_objects.h>
#include <taskgroup/node.h>

#include <map>
#include <string>
#include <vector>

namespace taskgroup {

// Something that can be run: a group with the request to run it. A Task or TaskRun is a group of
// one, whose task has the Task's name and gets the group's params and workspaces of the same names.
struct Runnable {
  std::string kind; // of the object: TaskGroup, Pipeline, PipelineRun, Task, TaskRun, CustomRun
  // metadata.name, or generateName without its dash, or the kind in lower case; of an embedded
  // group its task's name.
  std::string name;
  bool embedded = false; // a TaskGroup under taskSpec of a Pipeline or PipelineRun (`--group`)
  GroupSpec group;
  RunRequest request;

  // Of an embedded group: params whose values only the Pipeline's own run knows, such as another
  // task's result. `request` lacks them; whoever runs the group alone must give them.
  std::vector<Param> open_params;
};

// A field that has no effect by nature, or none on the host, and why: listed once before a run.
struct NoEffect {
  std::string path;
  std::string reason;
};

// Where the objects are to run. Some fields mean something in a pod only: on the launcher `host`
// they are errors (FieldClass::refused_on_host), in a pod they are honoured.
enum class Target { host, pod };

// The objects found in the given documents.
struct Catalog {
  std::vector<Runnable> runnables;       // in the order of the documents
  std::map<std::string, TaskSpec> tasks; // by metadata.name
  std::map<std::string, GroupSpec> pipelines;
  std::map<std::string, StepAction> step_actions;
  std::map<std::string, GroupSpec> groups; // TaskGroups
  GivenObjects given;                      // ConfigMaps, Secrets and claims
  std::vector<NoEffect> no_effect_on_host; // image, resources, runAsUser, ports … where they stand
  std::vector<NoEffect> refused_on_host;   // with Target::pod: what would be an error on the host
};

// Decode documents: check each against the field table (fields.h), refuse what is unknown or not
// supported by path, and turn the rest into objects. Kinds of other API groups, such as a
// ServiceAccount, have no effect; other kinds of Tekton's are refused by name. Two objects of one
// kind and name are an error. All errors are reported. An object with an error stays in the
// catalog, so that validate() can report what else is wrong with it, unless a part is missing that
// others refer to; a reference that finds nothing means little once there are errors. A Pipeline
// that holds TaskGroups is no group itself: the TaskGroups in it are runnables. References of
// runnables to a TaskGroup are resolved here, those to Tasks and Pipelines are NOT: needs() and
// validate() do.
Catalog make_catalog(const std::vector<Node>& documents, Diagnostics& diagnostics,
                     Target target = Target::host);

} // namespace taskgroup
