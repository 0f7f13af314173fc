// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_builder.h"

#include "controller/pod_outline.h"
#include "controller/pod_plan.h"
#include "controller/pod_resources.h"
#include "controller/pod_template.h"
#include "controller/pod_volumes.h"
#include "core/planning/names.h"
#include "kube/base64.h"
#include "kube/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;

// Places in the pod's containers. What a user mounts below `own_folder` is refused.
constexpr std::string_view own_folder = "/taskgroup";
constexpr const char* bin_folder = "/taskgroup/bin";
constexpr const char* installed_agent = "/taskgroup/bin/taskgroup-agent";
constexpr const char* image_agent = "/taskgroup-agent";
constexpr const char* sockets_folder = "/taskgroup/sockets"; // of the coordinator, one each below
constexpr const char* socket_folder = "/taskgroup/socket";   // of a step
constexpr const char* control_folder = "/taskgroup/control";
constexpr const char* plan_folder = "/taskgroup/plan";
constexpr const char* scripts_folder = "/tekton/scripts";
constexpr const char* plan_prefix = "TASKGROUP_PLAN_";
constexpr const char* plan_key = "plan"; // in the ConfigMap

constexpr std::size_t max_object = std::size_t{1'500'000};             // etcd takes 1.5 MiB
constexpr std::size_t max_plan_in_config_map = std::size_t{1'390'000}; // base64 of 1 MiB

// Names of our volumes; those of a plan begin otherwise.
constexpr const char* bin_volume = "taskgroup-bin";
constexpr const char* control_volume = "taskgroup-control";
constexpr const char* plan_volume = "taskgroup-plan";

std::string socket_volume(std::size_t index) { return fmt::format("taskgroup-socket-{}", index); }
std::string scripts_volume(std::size_t task) { return fmt::format("taskgroup-scripts-{}", task); }

json read_only_mount(const char* volume, const std::string& path) {
  return {{"name", volume}, {"mountPath", path}, {"readOnly", true}};
}

json empty_dir() { return {{"emptyDir", json::object()}}; }

// As little as there is: what the `restricted` Pod Security Standard asks for, but for the user,
// whom platforms assign.
json own_security(const json& pod_spec) {
  json security = {{"allowPrivilegeEscalation", false},
                   {"readOnlyRootFilesystem", true},
                   {"capabilities", {{"drop", {"ALL"}}}},
                   {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  const json& pod = object_at(pod_spec, "securityContext");
  if (integer_at(pod, "runAsUser") != 0 || !pod.contains("runAsUser"))
    security["runAsNonRoot"] = true;
  return security;
}

// Write text so that kubelet expands nothing in it.
std::string without_expansion(const std::string& text) {
  std::string result;
  for (const char c : text)
    result += c == '$' ? std::string("$$") : std::string(1, c);
  return result;
}

class PodBuilder {
public:
  PodBuilder(const Plan& plan, const GroupSpec& group, const PodRequest& request,
             const PodSettings& settings)
      : m_plan(plan),
        m_group(group),
        m_request(request),
        m_settings(settings),
        m_order(container_order(plan)),
        m_volumes(plan) {}

  tl::expected<BuiltPod, std::string> build() {
    tl::expected<PodResources, std::string> resources =
        pod_resources(m_plan, m_group.run.resources, m_settings.coordinator_resources,
                      {m_request.limit_ranges, m_request.resource_quotas});
    if (!resources)
      return tl::make_unexpected(resources.error());
    m_resources = *std::move(resources);
    m_template =
        merge_pod_templates(m_request.pod_template,
                            json::parse(m_plan.pod_template, nullptr, /*allow_exceptions=*/false));
    m_spec = json::object();
    apply_pod_template(m_template, m_spec);
    add_affinity_assistant(m_request.affinity_assistant, m_spec);
    m_install = install_mode();

    BuiltPod built;
    built.requests = m_resources.totals;
    const std::string packed = kube::encode_base64(packed_plan(m_plan));
    m_plan_in_env = packed.size() <= max_plan_in_env;
    if (!m_plan_in_env)
      built.config_map = config_map(packed);
    if (packed.size() > max_plan_in_config_map)
      fail("the group's scripts are larger than a ConfigMap can hold (1 MiB, packed); move some of "
           "them into images or a workspace");
    json containers = json::array();
    containers.push_back(coordinator(packed));
    for (std::size_t i = 0; i < m_order.size(); ++i)
      containers.push_back(container(m_order[i], i));
    std::size_t index = m_order.size(); // as in sized_order()
    for (const PlanTask& task : m_plan.tasks) {
      for (const PlanSidecar& sidecar : task.sidecars) {
        if (sidecar.from_start)
          containers.push_back(plain_container(task, sidecar, m_resources.steps[index++]));
      }
    }
    if (!m_error.empty())
      return tl::make_unexpected(m_error);
    finish_spec(std::move(containers));
    built.pod = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", metadata()}, {"spec", m_spec}};
    if (const std::size_t size = built.pod.dump().size(); size > max_object)
      return tl::make_unexpected(fmt::format(
          "the group's pod would have {} bytes, and a cluster stores {} at most; shorten "
          "args and env, or split the group (scripts do not count)",
          size, max_object));
    return built;
  }

private:
  InstallMode install_mode() const {
    const AgentInstall wanted = m_group.run.agent_install;
    const bool init = m_request.install == InstallMode::init || wanted == AgentInstall::init
                      || (wanted == AgentInstall::automatic && m_spec.contains("runtimeClassName"));
    return init ? InstallMode::init : InstallMode::post_start;
  }

  void fail(std::string message) {
    if (m_error.empty())
      m_error = std::move(message);
  }

  json metadata() const {
    std::map<std::string, std::string> annotations = m_request.annotations;
    annotations[outline_annotation] = outline_text(m_plan);
    if (!m_resources.explanation.empty())
      annotations[resources_annotation] = m_resources.explanation.dump();
    if (!m_request.trace.empty())
      annotations[trace_annotation] = m_request.trace.traceparent;
    return {{"name", m_request.name},
            {"namespace", m_request.namespace_name},
            {"labels", labels()},
            {"annotations", annotations},
            {"ownerReferences", json::array({owner()})}};
  }

  json labels() const {
    std::map<std::string, std::string> labels = m_request.labels;
    const std::string run = label_of_run(text_at(m_request.owner, "name"));
    labels[managed_by_label] = managed_by;
    labels[run_label] = run;
    labels["tekton.dev/customRun"] = run;
    return labels;
  }

  json owner() const {
    json owner = m_request.owner;
    owner["controller"] = true;
    owner["blockOwnerDeletion"] = true;
    return owner;
  }

  json config_map(const std::string& packed) const {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata",
             {{"name", m_request.name},
              {"namespace", m_request.namespace_name},
              {"labels", labels()},
              {"ownerReferences", json::array({owner()})}}},
            {"immutable", true},
            {"binaryData", {{plan_key, packed}}}};
  }

  void finish_spec(json containers) {
    m_volumes.add(bin_volume, empty_dir());
    m_volumes.add(control_volume, {{"downwardAPI",
                                    {{"items",
                                      {{{"path", "control"},
                                        {"fieldRef",
                                         {{"fieldPath", fmt::format("metadata.annotations['{}']",
                                                                    control_annotation)}}}}}}}}});
    if (!m_plan_in_env)
      m_volumes.add(plan_volume, {{"configMap", {{"name", m_request.name}}}});
    for (std::size_t i = 0; i < m_order.size(); ++i)
      m_volumes.add(socket_volume(i), empty_dir());
    for (const std::size_t task : m_tasks_with_scripts)
      m_volumes.add(scripts_volume(task), empty_dir());

    if (!m_resources.pod.is_null())
      m_spec["resources"] = m_resources.pod;
    m_spec["restartPolicy"] = "Never";
    m_spec["activeDeadlineSeconds"] = active_deadline();
    if (!m_request.service_account.empty())
      m_spec["serviceAccountName"] = m_request.service_account;
    if (json secrets = pull_secrets(); !secrets.empty())
      m_spec["imagePullSecrets"] = std::move(secrets);
    m_volumes.add_unnamed(array_at(m_template, "volumes"));
    m_spec["volumes"] = m_volumes.list();
    m_spec["containers"] = std::move(containers);
    if (m_install == InstallMode::init)
      m_spec["initContainers"] = json::array({installer()});
  }

  json pull_secrets() const {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
      if (std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
    };
    const json& given = array_at(m_template, "imagePullSecrets");
    for (const json& secret : given)
      add(text_at(secret, "name"));
    if (given.empty() && !m_settings.image_pull_secrets.empty()) {
      for (const std::string& name : m_request.account_pull_secrets)
        add(name);
    }
    for (const std::string& name : m_settings.image_pull_secrets)
      add(name);
    json secrets = json::array();
    for (const std::string& name : names)
      secrets.push_back({{"name", name}});
    return secrets;
  }

  std::int64_t active_deadline() const {
    constexpr std::int64_t longest = std::numeric_limits<std::int32_t>::max();
    return m_request.active_deadline
               ? std::clamp<std::int64_t>(m_request.active_deadline->count(), 1, longest)
               : longest;
  }

  json own_container(const char* name) const {
    json container = {{"name", name},
                      {"image", m_settings.image},
                      {"imagePullPolicy", "IfNotPresent"},
                      {"command", {image_agent}},
                      {"securityContext", own_security(m_spec)}};
    if (!m_resources.coordinator.empty())
      container["resources"] = m_resources.coordinator;
    return container;
  }

  json installer() const {
    json container = own_container("install");
    container["args"] = {"install", bin_folder};
    container["volumeMounts"] = {{{"name", bin_volume}, {"mountPath", bin_folder}}};
    return container;
  }

  json coordinator(const std::string& packed) const {
    json container = own_container(coordinator_container);
    json args = {"coordinate",
                 "--sockets",
                 sockets_folder,
                 "--control",
                 std::string(control_folder) + "/control",
                 "--termination-log",
                 "/dev/termination-log"};
    json mounts = json::array({read_only_mount(control_volume, control_folder)});
    if (m_plan_in_env) {
      args.push_back("--plan-env");
      args.push_back(plan_prefix);
      container["env"] = plan_variables(packed, plan_prefix);
    } else {
      args.push_back("--plan");
      args.push_back(fmt::format("{}/{}", plan_folder, plan_key));
      mounts.push_back(read_only_mount(plan_volume, plan_folder));
    }
    if (m_install == InstallMode::post_start) {
      args.push_back("--install");
      args.push_back(bin_folder);
      mounts.push_back({{"name", bin_volume}, {"mountPath", bin_folder}});
      container["lifecycle"] = {
          {"postStart", {{"exec", {{"command", {image_agent, "wait", bin_folder}}}}}}};
    }
    for (std::size_t i = 0; i < m_order.size(); ++i)
      mounts.push_back(
          {{"name", socket_volume(i)}, {"mountPath", fmt::format("{}/{}", sockets_folder, i)}});
    container["args"] = std::move(args);
    container["volumeMounts"] = std::move(mounts);
    return container;
  }

  json container(const StepId& id, std::size_t index) {
    const std::size_t task = id.task;
    const PlanStep& step = container_at(m_plan.tasks[task], id.step);
    json result = json::parse(step.container_fields, nullptr, /*allow_exceptions=*/false);
    if (!result.is_object())
      result = json::object();
    result["name"] = step.container;
    result["image"] = step.image;
    result["command"] = {installed_agent};
    result["args"] = arguments(step);
    if (json env = environment(step); !env.empty())
      result["env"] = std::move(env);
    if (m_resources.steps[index].empty())
      result.erase("resources");
    else
      result["resources"] = m_resources.steps[index];

    check_mounts(m_plan.tasks[task], step);
    json mounts = m_volumes.mounts_of(step);
    mounts.push_back(read_only_mount(bin_volume, bin_folder));
    mounts.push_back({{"name", socket_volume(index)}, {"mountPath", socket_folder}});
    if (step.script) {
      m_tasks_with_scripts.insert(task);
      mounts.push_back({{"name", scripts_volume(task)}, {"mountPath", scripts_folder}});
    }
    result["volumeMounts"] = std::move(mounts);
    return result;
  }

  // A sidecar that starts with the pod, as in stock: no agent is in it.
  json plain_container(const PlanTask& task, const PlanSidecar& sidecar, const json& resources) {
    json result = json::parse(sidecar.container_fields, nullptr, /*allow_exceptions=*/false);
    if (!result.is_object())
      result = json::object();
    result["name"] = sidecar.container;
    result["image"] = sidecar.image;
    if (!resources.empty())
      result["resources"] = resources;
    for (const auto& [key, words] :
         {std::pair("command", &sidecar.command), std::pair("args", &sidecar.args)}) {
      for (const Text& word : *words)
        result[key].push_back(word.literal());
    }
    if (!sidecar.working_dir.empty())
      result["workingDir"] = sidecar.working_dir.literal();
    if (json env = environment(sidecar); !env.empty())
      result["env"] = std::move(env);
    check_mounts(task, sidecar);
    if (json mounts = m_volumes.mounts_of(sidecar); !mounts.empty())
      result["volumeMounts"] = std::move(mounts);
    return result;
  }

  // What the agent of a step is called with; the user's own words come last.
  json arguments(const PlanStep& step) const {
    json args = {"step",        "--socket",     std::string(socket_folder) + "/s",
                 "--container", step.container, "--nonce",
                 m_plan.nonce};
    if (step.script)
      args.push_back("--script");
    args.push_back("--");
    if (!step.script) {
      for (const Text& word : step.command)
        args.push_back(word.to_marked(m_plan.nonce));
    }
    for (const Text& word : step.args)
      args.push_back(word.to_marked(m_plan.nonce));
    return args;
  }

  json environment(const PlanStep& step) const {
    json env = json::array();
    std::set<std::string> kept;
    for (const PlanEnv& variable : step.env) {
      if (variable.of_template)
        kept.insert(variable.name);
      json written = {{"name", variable.name}};
      if (variable.value_from.empty())
        written["value"] = variable.value.to_marked(m_plan.nonce);
      else
        written["valueFrom"] =
            json::parse(variable.value_from, nullptr, /*allow_exceptions=*/false);
      env.push_back(std::move(written));
    }
    apply_template_env(m_template, kept, env);
    add_trace(env);
    return env;
  }

  // Put the trace before the step's own variables, which may refer to it; a step that has a
  // TRACEPARENT of its own keeps that. The names are those of OpenTelemetry's specification of
  // environment variables as carriers.
  void add_trace(json& env) const {
    const TraceContext& trace = m_request.trace;
    const bool own = std::any_of(env.begin(), env.end(), [](const json& variable) {
      const std::string name = text_at(variable, "name");
      return name == "TRACEPARENT" || name == "TRACESTATE";
    });
    if (trace.empty() || own)
      return;
    const auto put_first = [&](const char* name, const std::string& value) {
      if (!value.empty())
        env.insert(env.begin(), json{{"name", name}, {"value", without_expansion(value)}});
    };
    put_first("TRACESTATE", trace.tracestate);
    put_first("TRACEPARENT", trace.traceparent);
  }

  void check_mounts(const PlanTask& task, const PlanStep& step) {
    for (const PlanMount& mount : step.mounts) {
      const bool own = (mount.path + "/").starts_with(std::string(own_folder) + "/")
                       || mount.path == scripts_folder;
      if (own)
        fail(fmt::format("task \"{}\", step \"{}\": a volume is mounted at \"{}\", which is the "
                         "group's own; mount it elsewhere",
                         task.name, step.name, mount.path));
    }
  }

  const Plan& m_plan;
  const GroupSpec& m_group;
  const PodRequest& m_request;
  const PodSettings& m_settings;
  std::vector<StepId> m_order; // of the containers with agents
  PodVolumes m_volumes;
  PodResources m_resources;
  json m_template; // Tekton's podTemplate
  json m_spec;
  InstallMode m_install = InstallMode::post_start;
  bool m_plan_in_env = true;
  std::set<std::size_t> m_tasks_with_scripts;
  std::string m_error;
};

} // namespace

std::string label_of_run(const std::string& name) { return cut_name(name); }

tl::expected<BuiltPod, std::string> build_pod(const Plan& plan, const GroupSpec& group,
                                              const Facts& facts, const PodRequest& request,
                                              const PodSettings& settings) {
  const GroupSpec resolved = resolve_pipeline_ref(group, facts);
  return PodBuilder(plan, resolved, request, settings).build();
}

} // namespace taskgroup
