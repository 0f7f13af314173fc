// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/node.h>
#include <taskgroup/value.h>
#include <taskgroup/where.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// The objects an author writes, decoded: TaskGroup, and Tekton's Pipeline and Task (v1 and
// v1beta1).
//
// Texts are kept as written: `$(…)` is replaced by the planner. Every text that can be at fault
// keeps where it stands. Fields of the class "without effect" or "refused" (fields.h) have no
// member here. All types are plain values.
namespace taskgroup {

// A text and where it stands.
struct Located {
  std::string text;
  Where where;
};

// A value of free content: Kubernetes' own, for whoever makes a pod.
struct RawValue {
  Node node;        // null: there is none
  std::string path; // of its place in the document

  explicit operator bool() const { return !node.is_null(); }
};

// The value of a param, a default or a group result, as written.
struct ParamValue {
  Where where;
  std::variant<Located, std::vector<Located>, std::vector<std::pair<std::string, Located>>> data;

  ValueType type() const { return static_cast<ValueType>(data.index()); }
};

// A param passed: `params: [{name, value}]`.
struct Param {
  Where where;
  Located name;
  ParamValue value;
};

// A param declared. The type is inferred as Tekton's webhook does (taskrun-semantics.md 5.1).
struct ParamSpec {
  Where where;
  Located name;
  ValueType type = ValueType::string;
  std::vector<std::string> keys; // of an object: `properties`
  std::optional<ParamValue> default_value;
  std::vector<Located> allowed; // `enum`
};

// A result declared by a Task, a step or a StepAction.
struct ResultSpec {
  Where where;
  Located name;
  ValueType type = ValueType::string;
  std::vector<std::string> keys; // of an object: `properties`
  Located value;                 // of a Task: `$(steps.<step>.results.<result>)`, or empty
};

struct EnvVar {
  Where where;
  Located name;
  Located value;
  RawValue value_from; // instead of `value`
};

// cpu and memory of `requests` or `limits`, as written; other resources likewise.
using Quantities = std::map<std::string, Located>;

struct Resources {
  Quantities requests;
  Quantities limits;
};

struct VolumeMount {
  Where where;
  Located name;
  Located mount_path;
  Located sub_path;
  bool read_only = false;
};

// A Task's volume: an emptyDir, unless `source` says otherwise.
struct Volume {
  Where where;
  Located name;
  bool memory = false;
  Located size_limit;
  std::string kind; // the name of the source: "configMap"; empty: emptyDir
  RawValue source;  // what stands under that name
};

// A workspace declared by a Task.
struct WorkspaceDeclaration {
  Where where;
  Located name;
  Located mount_path; // empty: /workspace/<name>
  bool read_only = false;
  bool optional = false;
};

// A workspace that a step asks for: isolates it (taskrun-semantics.md 6.1).
struct WorkspaceUsage {
  Where where;
  Located name;
  Located mount_path; // empty: the declaration's
};

// Fields a step and stepTemplate have in common (Tekton's StepTemplate).
struct StepCommon {
  Where where;
  Located image;
  std::optional<std::vector<Located>> command;
  std::optional<std::vector<Located>> args;
  std::vector<EnvVar> env;
  Located working_dir;
  std::vector<VolumeMount> volume_mounts;
  Resources resources;        // computeResources; v1beta1: resources
  std::vector<Located> ports; // v1beta1: containerPort; without effect, but it says who listens

  // For pods only.
  RawValue raw_resources;
  RawValue security_context;
  RawValue env_from;
  Located image_pull_policy;
};

struct WhenExpression {
  Where where;
  Located input;
  Located op; // "in" or "notin"
  std::vector<Located> values;
};

struct Step : StepCommon {
  Located name; // empty: unnamed
  std::optional<Located> script;
  Located on_error; // empty: stopAndFail
  Located timeout;  // empty: none
  std::vector<WorkspaceUsage> workspaces;
  std::vector<WhenExpression> when;
  std::vector<ResultSpec> results;
  Located stdout_path; // stdoutConfig.path; empty: none
  Located stderr_path;

  // Of a step that refers to a StepAction: its name, and what is passed to it.
  std::optional<Located> ref;
  std::vector<Param> params;
  // What the StepAction declares, once it has been put in (core/planning/step_actions.h).
  std::optional<std::vector<ParamSpec>> action_params;
};

// A StepAction: what a step takes from it stands in `step`, whose name is empty.
struct StepAction {
  std::vector<ParamSpec> params;
  Step step;
};

// A sidecar of a Task. on_error and timeout of a step are never set; `ports` are in both versions.
struct Sidecar : Step {
  RawValue raw_ports;
  RawValue startup_probe;
  RawValue readiness_probe;
  RawValue liveness_probe;
  RawValue lifecycle;
};

struct TaskSpec {
  Where where;
  std::vector<ParamSpec> params;
  std::vector<WorkspaceDeclaration> workspaces;
  std::vector<ResultSpec> results;
  std::vector<Volume> volumes;
  std::optional<StepCommon> step_template;
  std::vector<Step> steps;
  std::vector<Sidecar> sidecars;
};

// A workspace that a PipelineTask passes to its Task.
struct WorkspacePipelineTaskBinding {
  Where where;
  Located name;
  Located workspace; // empty: the same name
  Located sub_path;
};

// One explicit combination of a matrix.
struct MatrixInclude {
  Where where;
  std::vector<Param> params; // strings
};

// What a task is fanned out over: `matrix`.
struct Matrix {
  Where where;
  std::vector<Param> params; // arrays
  std::vector<MatrixInclude> include;
};

struct PipelineTask {
  Where where;
  Located name;
  std::optional<Located> task_ref;   // name of a Task
  std::optional<TaskSpec> task_spec; // or the Task itself
  std::vector<Param> params;
  std::optional<Matrix> matrix;
  std::vector<WhenExpression> when;
  std::vector<Located> run_after;
  int retries = 0;
  Located timeout;  // empty: none
  Located on_error; // empty: stopAndFail
  std::vector<WorkspacePipelineTaskBinding> workspaces;
};

// A workspace declared by a group or Pipeline.
struct GroupWorkspace {
  Where where;
  Located name;
  bool optional = false;
  bool memory = false; // emptyDir.medium Memory: shape of the volume where nobody binds it
  Located size_limit;  // emptyDir.sizeLimit
};

struct GroupResult {
  Where where;
  Located name;
  ParamValue value;
};

// How the agent gets into the containers of a pod: `run.agentInstall` (design.md 4).
enum class AgentInstall { automatic, post_start, init };

// What a run says of one task alone: an item of `taskRunSpecs` (of a PipelineRun, or `run` of a
// TaskGroup), or the same fields of a TaskRun.
struct TaskRunSpec {
  // The resources of a step or sidecar, put over its own.
  struct Container {
    Where where;
    Located name;
    RawValue resources;
  };
  Where where;
  Located task; // pipelineTaskName
  Located service_account;
  Located timeout; // wins over the task's
  std::vector<Container> steps;
  std::vector<Container> sidecars;
  RawValue resources; // requests for all steps together, limits for each; in place of the steps'
  RawValue pod_template;
};

// Where a task's steps are held until somebody decides how to go on: an item of `run.breakpoints`,
// or a TaskRun's `debug.breakpoints` (taskrun-semantics.md 2.4).
struct Breakpoints {
  Where where;
  Located task;
  bool on_failure = false; // of any step
  std::vector<Located> before_steps;
};

// What a pod asks for: `run.resources` (requests.h). `pod` is `peak`, and the pod has requests and
// limits of its own where the cluster knows them (Kubernetes 1.34).
enum class RequestMode { peak, sum, pod };

// `spec.run` of a TaskGroup: how it runs.
struct RunSpec {
  Where where;
  Located tasks_timeout;
  Located finally_timeout;
  int max_parallel = 0;
  bool fail_fast = false;
  std::optional<StepCommon> step_template;
  int max_combinations = 0; // matrix.maxCombinations; 0: as ever
  RequestMode resources = RequestMode::peak;
  RawValue pod_template;
  std::vector<TaskRunSpec> task_run_specs;
  bool sidecars_from_start = false; // sidecars: fromStart
  std::vector<Breakpoints> breakpoints;
  AgentInstall agent_install = AgentInstall::automatic;
};

// The spec of a TaskGroup or a Pipeline.
struct GroupSpec {
  Where where;
  std::vector<ParamSpec> params;
  std::vector<GroupWorkspace> workspaces;
  std::vector<PipelineTask> tasks;
  std::vector<PipelineTask> finally;
  std::vector<GroupResult> results;
  std::optional<Located> pipeline_ref; // name; instead of all the above
  RunSpec run;
  bool of_one_task = false; // made of a Task or TaskRun, whose params it has
};

// What is bound to a workspace of the run.
struct WorkspaceBinding {
  enum class Kind {
    empty_dir, // also a volumeClaimTemplate on launchers that have no claims
    folder,    // a folder (or file) of the host: `-w name=dir`
    persistent_volume_claim,
    volume_claim_template,
    config_map,
    secret,
    projected,
    csi
  };
  Where where;
  Located name;
  Kind kind = Kind::empty_dir;
  std::string source; // folder: absolute path; claim, configMap, secret: its name
  RawValue raw;       // what stands under the source's name: for pods
  Located sub_path;
  bool read_only = false;
  bool memory = false;
  Located size_limit;
};

// One run of a group, whatever object asked for it (TaskGroup, Pipeline, PipelineRun, Task,
// TaskRun, CustomRun, or the command line).
struct RunRequest {
  Where where;
  std::string name;          // the run's; $(context.taskRun.name) is `<name>-<task>`
  std::string pipeline_name; // $(context.pipeline.name); the group's or Pipeline's
  std::string namespace_name = "default";
  std::string uid;
  std::string service_account; // empty: not known
  std::vector<Param> params;
  std::vector<WorkspaceBinding> workspaces;
  Located timeout;       // the whole run's; empty: 60 min; "0" = none
  Located tasks_timeout; // a PipelineRun's timeouts; win over the spec's `run.timeouts`
  Located finally_timeout;
};

} // namespace taskgroup
