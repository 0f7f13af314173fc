// SPDX-License-Identifier: Apache-2.0
#include "controller/informer_cache.h"

#include "controller/pod_builder.h"
#include "kube/json_fields.h"
#include "kube/resources.h"
#include "service/log.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace taskgroup {

namespace {

// Keep these fields of an object and no others.
template <std::size_t N>
void keep_only(Json& object, const std::array<const char*, N>& fields) {
  if (!object.is_object())
    return;
  Json kept = Json::object();
  for (const char* field : fields) {
    if (object.contains(field))
      kept[field] = std::move(object[field]);
  }
  object = std::move(kept);
}

struct Owner {
  RunKey run;
  std::string uid;
};

std::optional<Owner> owner_of(const Json& pod) {
  const Json& metadata = object_at(pod, "metadata");
  for (const Json& owner : array_at(metadata, "ownerReferences")) {
    if (!bool_at(owner, "controller"))
      continue;
    const RunKind kind =
        text_at(owner, "kind") == "Run" ? RunKind::legacy_run : RunKind::custom_run;
    return Owner{{kind, {text_at(metadata, "namespace"), text_at(owner, "name")}},
                 text_at(owner, "uid")};
  }
  return std::nullopt;
}

bool is_active(const Json& run) { return !is_done(run).value_or(true); }

// Where a pod is counted; null: it is over.
std::size_t* counter_of(const Json& pod, Census& census) {
  const std::string phase = text_at(object_at(pod, "status"), "phase");
  if (phase == "Running")
    return &census.pods_running;
  return phase.empty() || phase == "Pending" ? &census.pods_pending : nullptr;
}

std::function<void(const kube::ApiError&)> report(const std::string& what) {
  return [what](const kube::ApiError& error) {
    log::warning("Could not watch",
                 {{"kind", what}, {"code", std::to_string(error.code)}, {"error", error.message}});
  };
}

} // namespace

void strip_pod(Json& pod) {
  keep_only(pod, std::array{"apiVersion", "kind", "metadata", "spec", "status"});
  Json& spec = pod["spec"];
  keep_only(spec, std::array{"containers", "activeDeadlineSeconds", "nodeName"});
  if (spec.contains("containers")) {
    for (Json& container : spec["containers"])
      keep_only(container, std::array{"name", "image"});
  }
  Json& status = pod["status"];
  keep_only(status, std::array{"phase", "reason", "message", "conditions", "containerStatuses"});
  if (status.is_object() && status.contains("containerStatuses")) {
    for (Json& container : status["containerStatuses"])
      keep_only(container, std::array{"name", "state"});
  }
}

void strip_run(Json& run) {
  const std::optional<bool> done = is_done(run);
  if (!done) {
    keep_only(run, std::array{"apiVersion", "kind", "metadata"}); // somebody else's
    return;
  }
  if (!*done)
    return;
  Json& spec = run["spec"];
  keep_only(spec, std::array{"customRef", "customSpec", "ref", "spec"});
  for (const char* asked : {"customSpec", "spec"}) {
    if (spec.contains(asked))
      keep_only(spec[asked], std::array{"apiVersion", "kind"});
  }
  Json& status = run["status"];
  keep_only(status, std::array{"conditions", "completionTime", "startTime", "extraFields"});
  if (status.contains("extraFields"))
    keep_only(status["extraFields"], std::array{"pod", "podReplacements"});
}

InformerCache::InformerCache(kube::KubeApi& api, const std::string& namespace_name,
                             std::function<void(const RunKey&)> on_change)
    : m_on_change(std::move(on_change)) {
  for (const RunKind kind : {RunKind::custom_run, RunKind::legacy_run}) {
    kube::Informer::Settings settings;
    settings.resource = resource_of(kind);
    settings.selector.namespace_name = namespace_name;
    settings.transform = strip_run;
    // Tekton may come after us, and Runs are gone from every Tekton since 0.50.
    settings.may_be_absent = true;
    settings.on_error = report(settings.resource.plural);
    m_runs[kind] = std::make_unique<kube::Informer>(
        api, settings,
        [this, kind](const kube::ObjectKey& key, const kube::Informer::Object& before,
                     const kube::Informer::Object& after) {
          count_run(before, after);
          m_on_change({kind, key});
        });
  }
  kube::Informer::Settings settings;
  settings.resource = kube::pods;
  settings.selector.namespace_name = namespace_name;
  settings.selector.labels = fmt::format("{}={}", managed_by_label, managed_by);
  settings.transform = strip_pod;
  settings.on_error = report("pods");
  m_pods = std::make_unique<kube::Informer>(
      api, settings,
      [this](const kube::ObjectKey& key, const kube::Informer::Object& before,
             const kube::Informer::Object& after) { pod_changed(key, before, after); });
}

void InformerCache::pod_changed(const kube::ObjectKey& key, const kube::Informer::Object& before,
                                const kube::Informer::Object& after) {
  const auto old_owner = before ? owner_of(*before) : std::nullopt;
  const auto new_owner = after ? owner_of(*after) : std::nullopt;
  {
    const std::scoped_lock lock(m_mutex);
    if (std::size_t* count = before ? counter_of(*before, m_census) : nullptr)
      --*count;
    if (std::size_t* count = after ? counter_of(*after, m_census) : nullptr)
      ++*count;
    if (old_owner) {
      auto& pods = m_pods_by_owner[old_owner->uid];
      pods.erase(key);
      if (pods.empty())
        m_pods_by_owner.erase(old_owner->uid);
    }
    if (new_owner)
      m_pods_by_owner[new_owner->uid].insert(key);
  }
  if (old_owner)
    m_on_change(old_owner->run);
  if (new_owner && (!old_owner || new_owner->run != old_owner->run))
    m_on_change(new_owner->run);
}

void InformerCache::count_run(const kube::Informer::Object& before,
                              const kube::Informer::Object& after) {
  const bool was_active = before && is_active(*before);
  const bool now_active = after && is_active(*after);
  const std::scoped_lock lock(m_mutex);
  m_census.runs_active += now_active ? 1U : 0U;
  m_census.runs_active -= was_active ? 1U : 0U;
}

Census InformerCache::census() const {
  const std::scoped_lock lock(m_mutex);
  return m_census;
}

void InformerCache::start() {
  m_pods->start();
  for (const auto& [kind, informer] : m_runs)
    informer->start();
}

void InformerCache::stop() {
  for (const auto& [kind, informer] : m_runs)
    informer->stop();
  m_pods->stop();
}

bool InformerCache::has_synced() const {
  if (!m_pods->has_synced())
    return false;
  for (const auto& [kind, informer] : m_runs) {
    if (!informer->has_synced())
      return false;
  }
  return true;
}

std::optional<Json> InformerCache::run(const RunKey& key) const {
  const auto found = m_runs.at(key.kind)->find(key.object);
  return found ? std::optional(*found) : std::nullopt;
}

std::optional<Json> InformerCache::pod(const kube::ObjectKey& key) const {
  const auto found = m_pods->find(key);
  return found ? std::optional(*found) : std::nullopt;
}

std::vector<Json> InformerCache::pods_of(const RunKey&, const std::string& uid) const {
  std::set<kube::ObjectKey> keys;
  {
    const std::scoped_lock lock(m_mutex);
    if (const auto found = m_pods_by_owner.find(uid); found != m_pods_by_owner.end())
      keys = found->second;
  }
  std::vector<Json> pods;
  for (const kube::ObjectKey& key : keys) {
    if (auto found = pod(key))
      pods.push_back(std::move(*found));
  }
  return pods;
}

std::optional<RunKey> InformerCache::run_of_pod(const kube::ObjectKey& key) const {
  const auto found = m_pods->find(key);
  if (!found)
    return std::nullopt;
  const auto owner = owner_of(*found);
  return owner ? std::optional(owner->run) : std::nullopt;
}

} // namespace taskgroup
