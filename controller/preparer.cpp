// SPDX-License-Identifier: Apache-2.0
#include "controller/preparer.h"

#include "controller/affinity.h"
#include "controller/planning.h"
#include "controller/pod_references.h"
#include "controller/pod_template.h"
#include "controller/reasons.h"
#include "kube/json_fields.h"
#include "kube/resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>

namespace taskgroup {

namespace {

using kube::ApiError;
using kube::ObjectKey;
using kube::Resource;

const Resource task_groups{"taskgroup.dev", "v1alpha1", "taskgroups"};
const Resource tasks{"tekton.dev", "v1", "tasks"};
const Resource pipelines{"tekton.dev", "v1", "pipelines"};
const Resource step_actions{"tekton.dev", "v1beta1", "stepactions"};
const Resource old_step_actions{"tekton.dev", "v1alpha1", "stepactions"}; // of older Tektons
const Resource pipeline_runs{"tekton.dev", "v1", "pipelineruns"};

constexpr const char* pipeline_task_label = "tekton.dev/pipelineTask";

// Beyond a group, its Pipeline and their Tasks nothing refers further; the rest is a safety net.
constexpr int max_rounds = 8;

const Resource& resource_of_kind(const std::string& kind) {
  if (kind == "Task")
    return tasks;
  if (kind == "StepAction")
    return step_actions;
  return kind == "Pipeline" ? pipelines : task_groups;
}

Preparation refused(std::string_view reason, std::string message) {
  Preparation preparation;
  preparation.reason = reason;
  preparation.message = std::move(message);
  return preparation;
}

// Read an object that may not be there, or whose kind may not be served.
kube::Result<std::optional<Json>> find(kube::KubeApi& api, const Resource& resource,
                                       const ObjectKey& key, const std::stop_token& stop) {
  auto found = api.get(resource, key, stop);
  if (found)
    return std::optional(std::move(*found));
  if (found.error().kind == ApiError::Kind::not_found)
    return std::optional<Json>();
  return tl::make_unexpected(found.error());
}

const Resource* resource_of_reference(const std::string& kind, bool check_secrets) {
  if (kind == "ConfigMap")
    return &kube::config_maps;
  if (kind == "PersistentVolumeClaim")
    return &kube::claims;
  return check_secrets ? &kube::secrets : nullptr;
}

// Return the first key that the object lacks.
std::string missing_key(const Json& object, const std::set<std::string>& keys) {
  for (const std::string& key : keys) {
    if (!object_at(object, "data").contains(key) && !object_at(object, "binaryData").contains(key))
      return key;
  }
  return {};
}

bool used_by_one_pod_only(const Json& claim) {
  const Json& modes = array_at(object_at(claim, "spec"), "accessModes");
  return std::find(modes.begin(), modes.end(), Json("ReadWriteOncePod")) != modes.end();
}

// Quotas count a pod until its phase is final.
bool counts_pods(const Json& quota) {
  for (const auto& [name, amount] : object_at(object_at(quota, "spec"), "hard").items()) {
    static constexpr std::array<std::string_view, 4> counted{"pods", "count/pods", "cpu", "memory"};
    if (std::find(counted.begin(), counted.end(), name) != counted.end()
        || name.starts_with("requests.") || name.starts_with("limits."))
      return true;
  }
  return false;
}

// kubelet's own limit, beyond everything that we do to end the pod (design.md 4).
std::optional<std::chrono::seconds> active_deadline(const CustomRun& run, const Plan& plan) {
  using namespace std::chrono_literals;
  const auto timeout = timeout_of(run);
  if (!timeout)
    return std::nullopt;
  const Millis finally_time = plan.finally_timeout.value_or(5min);
  return std::chrono::ceil<std::chrono::seconds>(Millis(*timeout) + finally_time + 5min);
}

PodRequest request_for(const CustomRun& run, const Plan& plan) {
  PodRequest request;
  request.name = pod_name_of(run);
  request.namespace_name = run.key.namespace_name;
  request.owner = owner_of(run);
  const Json& metadata = object_at(run.object, "metadata");
  for (const auto& [name, value] : object_at(metadata, "labels").items())
    request.labels[name] = value.is_string() ? value.get<std::string>() : std::string();
  request.service_account = run.service_account;
  request.active_deadline = active_deadline(run, plan);
  request.affinity_assistant =
      text_at(object_at(metadata, "annotations"), affinity_assistant_annotation);
  request.trace = trace_of_run(run);
  // The second way of getting the agent in does not hang on kubelet's order of starting.
  request.install = run.pod_replacements() > 0 ? InstallMode::init : InstallMode::post_start;
  return request;
}

// Return the podTemplate that a PipelineRun has for one of its tasks, as stock merges it, and warn
// of what it says of that task's containers: they are those of the group's tasks.
Json pod_template_of(const Json& pipeline_run, const std::string& pipeline_task,
                     std::vector<std::string>& warnings) {
  const Json& spec = object_at(pipeline_run, "spec");
  Json result = object_at(object_at(spec, "taskRunTemplate"), "podTemplate");
  for (const Json& one : array_at(spec, "taskRunSpecs")) {
    if (text_at(one, "pipelineTaskName") != pipeline_task)
      continue;
    result = merge_pod_templates(result, object_at(one, "podTemplate"));
    for (const char* field : {"stepSpecs", "sidecarSpecs", "computeResources"}) {
      if (one.contains(field))
        warnings.push_back(
            fmt::format("taskRunSpecs of the PipelineRun: {} of the task \"{}\" has no effect: "
                        "Tekton passes it to no custom task. Say it in `run.taskRunSpecs` of the "
                        "TaskGroup, for each of its tasks",
                        field, pipeline_task));
    }
  }
  return result;
}

// One preparation: what was fetched and found on the way.
class Attempt {
public:
  Attempt(kube::KubeApi& api, const PreparerSettings& settings, const CustomRun& run,
          std::stop_token stop)
      : m_api(api), m_settings(settings), m_run(run), m_stop(std::move(stop)) {}

  kube::Result<Preparation> prepare() {
    Fetched fetched;
    for (int round = 0; round < max_rounds; ++round) {
      Planned planned = plan_run(m_run, fetched, nonce_of(m_run));
      if (planned.ready)
        return build(*planned.ready);
      if (planned.missing.empty())
        return refused(planned.reason, planned.message);
      for (const auto& [kind, name] : planned.missing) {
        auto object = find(m_api, resource_of_kind(kind), {m_run.key.namespace_name, name}, m_stop);
        if (object && !*object && kind == "StepAction")
          object = find(m_api, old_step_actions, {m_run.key.namespace_name, name}, m_stop);
        if (!object)
          return tl::make_unexpected(object.error());
        fetched[{kind, name}] = object->value_or(Json());
      }
    }
    return refused(run_reason::invalid, "The references of this group lead to ever more objects");
  }

private:
  kube::Result<Preparation> build(const Planned::Ready& ready) {
    PodRequest request = request_for(m_run, ready.plan);
    const std::string& ns = m_run.key.namespace_name;
    auto limits =
        m_api.list(kube::limit_ranges, {.namespace_name = ns, .labels = {}, .fields = {}}, m_stop);
    if (!limits)
      return tl::make_unexpected(limits.error());
    request.limit_ranges = limits->items;
    auto quotas = m_api.list(kube::resource_quotas,
                             {.namespace_name = ns, .labels = {}, .fields = {}}, m_stop);
    if (!quotas)
      return tl::make_unexpected(quotas.error());
    request.resource_quotas = quotas->items;
    if (std::any_of(quotas->items.begin(), quotas->items.end(), counts_pods))
      request.annotations[done_annotation] = "Pod";
    std::vector<std::string> warnings = ready.warnings;
    if (!m_run.pipeline_run.empty()) {
      const std::string pipeline_task =
          text_at(object_at(object_at(m_run.object, "metadata"), "labels"), pipeline_task_label);
      auto owner = find(m_api, pipeline_runs, {ns, m_run.pipeline_run}, m_stop);
      if (!owner)
        return tl::make_unexpected(owner.error());
      if (*owner && request.trace.empty())
        request.trace = trace_of_pipeline_run(**owner);
      if (*owner)
        request.pod_template = pod_template_of(**owner, pipeline_task, warnings);
    }
    if (auto secrets = pull_secrets_of_account(); secrets)
      request.account_pull_secrets = std::move(*secrets);
    else
      return tl::make_unexpected(secrets.error());
    Preparation preparation;
    preparation.warnings = std::move(warnings);
    for (const Json& claim : ready.claims)
      preparation.objects.emplace_back(kube::claims, claim);
    auto built = build_pod(ready.plan, ready.group, ready.facts, request, m_settings.pod);
    if (!built)
      return refused(run_reason::invalid, built.error());
    preparation.pod = std::move(built->pod);
    preparation.requests = built->requests;
    if (!built->config_map.is_null())
      preparation.objects.emplace_back(kube::config_maps, std::move(built->config_map));
    return checked(std::move(preparation), request);
  }

  // The API server puts a service account's pull secrets into pods that name none; ours may.
  kube::Result<std::vector<std::string>> pull_secrets_of_account() {
    std::vector<std::string> names;
    if (m_settings.pod.image_pull_secrets.empty())
      return names;
    auto account = find(m_api, kube::service_accounts,
                        {m_run.key.namespace_name, m_run.service_account}, m_stop);
    if (!account)
      return tl::make_unexpected(account.error());
    if (*account) {
      for (const Json& secret : array_at(**account, "imagePullSecrets"))
        names.push_back(text_at(secret, "name"));
    }
    return names;
  }

  // See that everything the pod refers to is there: kubelet would wait for it for ever.
  kube::Result<Preparation> checked(Preparation preparation, const PodRequest& request) {
    const std::string& ns = m_run.key.namespace_name;
    std::set<std::string> claims;
    std::set<std::string> ours;
    for (const auto& [resource, object] : preparation.objects)
      ours.insert(text_at(object_at(object, "metadata"), "name"));
    for (const PodReference& reference : references_of(preparation.pod)) {
      const bool is_claim = reference.kind == "PersistentVolumeClaim";
      if (is_claim)
        claims.insert(reference.name);
      const Resource* resource = resource_of_reference(reference.kind, m_settings.check_secrets);
      if (resource == nullptr || reference.optional || ours.contains(reference.name))
        continue;
      auto object = find(m_api, *resource, {ns, reference.name}, m_stop);
      if (!object)
        return tl::make_unexpected(object.error());
      if (!*object)
        return refused(run_reason::workspace,
                       fmt::format("There is no {} \"{}\" in namespace \"{}\", which {} uses. "
                                   "Create it, or bind another one",
                                   reference.kind, reference.name, ns, reference.used_by));
      // A claim that is going admits no new pod: it would wait for ever.
      if (is_claim && !text_at(object_at(**object, "metadata"), "deletionTimestamp").empty())
        return refused(run_reason::workspace,
                       fmt::format("PersistentVolumeClaim \"{}\" in namespace \"{}\", which {} "
                                   "uses, is being deleted. Create it anew, or bind another one",
                                   reference.name, ns, reference.used_by));
      if (const std::string key = missing_key(**object, reference.keys); !key.empty())
        return refused(run_reason::workspace,
                       fmt::format("{} \"{}\" in namespace \"{}\" has no key \"{}\", which {} uses",
                                   reference.kind, reference.name, ns, key, reference.used_by));
      if (is_claim && used_by_one_pod_only(**object))
        preparation.pod["metadata"]["annotations"][done_annotation] = "Pod";
    }
    if (claims.size() > 1 && assists_one_claim(request.affinity_assistant, m_run.pipeline_run)) {
      return refused(run_reason::several_claims,
                     fmt::format("More than one PersistentVolumeClaim is bound ({}): Tekton's "
                                 "affinity assistant places the pod beside one of them only. Bind "
                                 "one claim, or set Tekton's feature flag `coschedule` to "
                                 "`pipelineruns` or `disabled`",
                                 fmt::join(claims, ", ")));
    }
    return preparation;
  }

  kube::KubeApi& m_api;
  const PreparerSettings& m_settings;
  const CustomRun& m_run;
  std::stop_token m_stop;
};

} // namespace

kube::Result<Preparation> Preparer::prepare(const CustomRun& run,
                                            const std::stop_token& stop) const {
  return Attempt(m_api, m_settings, run, stop).prepare();
}

kube::Result<bool> Preparer::finally_wanted(const CustomRun& run,
                                            const std::stop_token& stop) const {
  auto owner = find(m_api, pipeline_runs, {run.key.namespace_name, run.pipeline_run}, stop);
  if (!owner)
    return tl::make_unexpected(owner.error());
  return !*owner || text_at(object_at(**owner, "spec"), "status") != "Cancelled";
}

} // namespace taskgroup
