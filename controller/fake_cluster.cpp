// SPDX-License-Identifier: Apache-2.0
#include "controller/fake_cluster.h"

#include <taskgroup/reader.h>

#include "controller/pod_builder.h"
#include "controller/pod_view.h"
#include "controller/time_text.h"
#include "kube/json_fields.h"
#include "kube/resources.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace taskgroup {

namespace {

const kube::Resource task_groups{"taskgroup.dev", "v1alpha1", "taskgroups"};
const kube::Resource tasks{"tekton.dev", "v1", "tasks"};
const kube::Resource step_actions{"tekton.dev", "v1beta1", "stepactions"};
const kube::Resource pipelines{"tekton.dev", "v1", "pipelines"};
const kube::Resource pipeline_runs{"tekton.dev", "v1", "pipelineruns"};

const kube::ObjectKey run_key{"default", "run"};

Json json_of(const std::string& yaml) {
  const auto documents = read_documents(yaml, "test");
  if (!documents || documents->size() != 1)
    throw std::invalid_argument("not one YAML document: " + yaml);
  return Json::parse(documents->front().to_json());
}

const kube::Resource& resource_for(const std::string& kind) {
  static const std::map<std::string, kube::Resource> resources{
      {"TaskGroup", task_groups},
      {"Task", tasks},
      {"StepAction", step_actions},
      {"Pipeline", pipelines},
      {"PipelineRun", pipeline_runs},
      {"CustomRun", resource_of(RunKind::custom_run)},
      {"Run", resource_of(RunKind::legacy_run)},
      {"Pod", kube::pods},
      {"ConfigMap", kube::config_maps},
      {"Secret", kube::secrets},
      {"PersistentVolumeClaim", kube::claims},
      {"LimitRange", kube::limit_ranges},
      {"ResourceQuota", kube::resource_quotas},
  };
  return resources.at(kind);
}

} // namespace

FakeCluster::FakeCluster() {
  for (const auto& [resource, name] :
       {std::pair{task_groups, "TaskGroup"}, std::pair{tasks, "Task"},
        std::pair{step_actions, "StepAction"}, std::pair{pipelines, "Pipeline"},
        std::pair{pipeline_runs, "PipelineRun"}})
    api.serve({.resource = resource, .kind = name, .prune = {}, .admit = {}});
  for (const RunKind one : {RunKind::custom_run, RunKind::legacy_run})
    api.serve({.resource = resource_of(one),
               .kind = one == RunKind::custom_run ? "CustomRun" : "Run",
               .has_status = true,
               .prune = {},
               .admit = {}});
  api.set_clock([this] { return kube::WallTime(std::chrono::milliseconds(m_now)); });
  preparer_settings.pod.image = "agent@sha256:0";
  restart();
}

FakeCluster::~FakeCluster() = default;

// --- Objects -------------------------------------------------------------------------------------

Json FakeCluster::apply(const std::string& yaml) {
  Json object = json_of(yaml);
  if (!object["metadata"].contains("namespace"))
    object["metadata"]["namespace"] = "default";
  return api.put(resource_for(text_at(object, "kind")), object);
}

void FakeCluster::create_run(const std::string& spec) {
  const bool legacy = kind == RunKind::legacy_run;
  Json object = {{"apiVersion", legacy ? "tekton.dev/v1alpha1" : "tekton.dev/v1beta1"},
                 {"kind", legacy ? "Run" : "CustomRun"},
                 {"metadata", {{"name", run_key.name}, {"namespace", run_key.namespace_name}}},
                 {"spec", json_of(spec)}};
  api.put(resource_of(kind), object);
}

void FakeCluster::edit_run(const std::function<void(Json&)>& change) {
  api.modify(resource_of(kind), run_key, change);
}

void FakeCluster::cancel_run(const std::string& message) {
  edit_run([&](Json& object) {
    object["spec"]["status"] = "RunCancelled";
    if (!message.empty())
      object["spec"]["statusMessage"] = message;
  });
}

Json FakeCluster::run_object(const std::string& name) const {
  return api.find(resource_of(kind), {run_key.namespace_name, name}).value_or(Json());
}

Json FakeCluster::status(const std::string& name) const {
  return object_at(run_object(name), "status");
}

std::string FakeCluster::succeeded() const {
  const Json status = this->status();
  const Json& conditions = array_at(status, "conditions");
  return conditions.empty() ? std::string() : text_at(conditions[0], "status");
}

std::string FakeCluster::reason() const {
  const Json status = this->status();
  const Json& conditions = array_at(status, "conditions");
  return conditions.empty() ? std::string() : text_at(conditions[0], "reason");
}

std::string FakeCluster::message() const {
  const Json status = this->status();
  const Json& conditions = array_at(status, "conditions");
  return conditions.empty() ? std::string() : text_at(conditions[0], "message");
}

std::vector<Json> FakeCluster::pods() const {
  std::vector<Json> pods = api.all(kube::pods);
  std::stable_sort(pods.begin(), pods.end(), [](const Json& one, const Json& other) {
    return std::stoull(text_at(object_at(one, "metadata"), "resourceVersion"))
           < std::stoull(text_at(object_at(other, "metadata"), "resourceVersion"));
  });
  return pods;
}

Json FakeCluster::pod() const { return api.find(kube::pods, newest_pod()).value_or(Json()); }

std::size_t FakeCluster::pods_created() const {
  const auto writes = api.writes();
  return static_cast<std::size_t>(
      std::count_if(writes.begin(), writes.end(), [](const kube::FakeWrite& write) {
        return write.verb == kube::FakeWrite::Verb::create && write.resource == kube::pods
               && write.applied;
      }));
}

// The name tells the attempt: that of the run's recorded pod, else the last one made.
kube::ObjectKey FakeCluster::newest_pod() const {
  const std::string recorded =
      text_at(object_at(object_at(status(), "extraFields"), "pod"), "name");
  if (!recorded.empty())
    return {run_key.namespace_name, recorded};
  const auto writes = api.writes();
  for (auto write = writes.rbegin(); write != writes.rend(); ++write) {
    if (write->verb == kube::FakeWrite::Verb::create && write->resource == kube::pods
        && write->applied)
      return write->key;
  }
  return {run_key.namespace_name, ""};
}

// --- The controller ------------------------------------------------------------------------------

void FakeCluster::restart() {
  m_reconciler.reset();
  m_journals.reset();
  // Nothing is followed: journals are read when the run is reconciled, on the test's own thread.
  m_journals = std::make_unique<Journals>(
      api, 0, [](const kube::ObjectKey&) {},
      [this](const JournalTrouble& trouble) { metrics.journal_failed(trouble.error); });
  m_preparer = std::make_unique<Preparer>(api, preparer_settings);
  m_reconciler = std::make_unique<Reconciler>(
      api, *this, *m_journals, *m_preparer, ReconcilerSettings{preparer_settings.pod.image},
      [this] { return m_now; },
      [this](const Json&, const RunEvent& event) { events.push_back(event); }, metrics);
}

Reconciled FakeCluster::settle() {
  Reconciled result;
  for (int round = 0; round < 20; ++round) {
    result = m_reconciler->reconcile({kind, run_key}, {});
    const bool due = result.kind == Reconciled::Kind::wait && result.until <= m_now;
    if (result.kind != Reconciled::Kind::try_again && !due)
      return result;
  }
  return result;
}

void FakeCluster::pass(std::int64_t millis) {
  m_now += millis;
  settle();
}

// --- The kubelet ---------------------------------------------------------------------------------

void FakeCluster::start_pod() {
  api.modify(kube::pods, newest_pod(), [&](Json& pod) {
    Json statuses = Json::array();
    for (const Json& container : pod["spec"]["containers"])
      statuses.push_back({{"name", container["name"]},
                          {"ready", true},
                          {"state", {{"running", {{"startedAt", time_text(m_now)}}}}}});
    pod["status"]["containerStatuses"] = statuses;
    pod["status"]["phase"] = "Running";
  });
  api.append_log(newest_pod(), coordinator_container, "");
}

void FakeCluster::set_container(const std::string& name, const Json& state) {
  api.modify(kube::pods, newest_pod(), [&](Json& pod) {
    Json& statuses = pod["status"]["containerStatuses"];
    if (!statuses.is_array()) {
      statuses = Json::array();
      for (const Json& container : pod["spec"]["containers"])
        statuses.push_back({{"name", container["name"]},
                            {"state", {{"waiting", {{"reason", "ContainerCreating"}}}}}});
    }
    for (Json& status : statuses) {
      if (status["name"] == name)
        status["state"] = state;
    }
  });
}

void FakeCluster::set_phase(const std::string& phase, const std::string& reason) {
  api.modify(kube::pods, newest_pod(), [&](Json& pod) {
    pod["status"]["phase"] = phase;
    if (!reason.empty())
      pod["status"]["reason"] = reason;
  });
}

void FakeCluster::write_journal(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    Json record = json_of(line);
    if (record["event"] == "begin")
      m_lines = 0;
    record["n"] = ++m_lines;
    record["time"] = m_now;
    text += record.dump() + "\n";
  }
  api.append_log(newest_pod(), coordinator_container, text);
}

void FakeCluster::write_success(const std::map<std::string, std::string>& results) {
  const auto outline = outline_of(pod());
  if (!outline)
    throw std::runtime_error(outline.error());
  Json names = Json::array();
  Json ends = Json::object();
  std::vector<std::string> lines;
  for (const Outline::Task& task : outline->tasks) {
    names.push_back(task.name);
    ends[task.name] = {{"state", "Succeeded"}, {"reason", "Succeeded"}, {"attempts", 1}};
    lines.push_back(
        Json({{"event", "task"}, {"task", task.name}, {"attempt", 0}, {"state", "Running"}})
            .dump());
    lines.push_back(Json({{"event", "task"},
                          {"task", task.name},
                          {"attempt", 0},
                          {"state", "Succeeded"},
                          {"reason", "Succeeded"}})
                        .dump());
  }
  lines.insert(lines.begin(), Json({{"event", "begin"},
                                    {"version", 1},
                                    {"group", "g"},
                                    {"tasks", names},
                                    {"finally", Json::array()}})
                                  .dump());
  lines.push_back(Json({{"event", "end"},
                        {"state", "Succeeded"},
                        {"reason", "Succeeded"},
                        {"message", "all is well"},
                        {"tasks", ends},
                        {"results", results}})
                      .dump());
  write_journal(lines);
}

void FakeCluster::end_pod() {
  api.modify(kube::pods, newest_pod(), [&](Json& pod) {
    for (Json& status : pod["status"]["containerStatuses"])
      status["state"] = {{"terminated",
                          {{"exitCode", 0},
                           {"reason", "Completed"},
                           {"startedAt", time_text(m_now)},
                           {"finishedAt", time_text(m_now)}}}};
    pod["status"]["phase"] = "Succeeded";
  });
  api.end_log(newest_pod(), coordinator_container);
}

void FakeCluster::remove_pod() { api.erase_now(kube::pods, newest_pod()); }

void FakeCluster::work() {
  const Json pod = this->pod();
  if (pod.is_null())
    return;
  const PodView view(pod);
  if (view.over())
    return;
  if (view.coordinator().state != ContainerView::State::running) {
    start_pod();
    return;
  }
  write_success();
  end_pod();
}

// --- Cache ---------------------------------------------------------------------------------------

std::optional<Json> FakeCluster::run(const RunKey& key) const {
  if (m_pinned)
    return m_pinned->run;
  return api.find(resource_of(key.kind), key.object);
}

std::optional<Json> FakeCluster::pod(const kube::ObjectKey& key) const {
  if (!m_pinned)
    return api.find(kube::pods, key);
  for (const Json& pod : m_pinned->pods) {
    if (text_at(object_at(pod, "metadata"), "name") == key.name)
      return pod;
  }
  return std::nullopt;
}

std::vector<Json> FakeCluster::pods_of(const RunKey&, const std::string& uid) const {
  std::vector<Json> owned;
  for (const Json& pod : m_pinned ? m_pinned->pods : api.all(kube::pods)) {
    if (PodView(pod).owned_by(uid))
      owned.push_back(pod);
  }
  return owned;
}

void FakeCluster::pin_cache() { pin_cache(api.all(kube::pods)); }

void FakeCluster::pin_cache(std::vector<Json> pods) {
  m_pinned = Pinned{api.find(resource_of(kind), run_key), std::move(pods)};
}

} // namespace taskgroup
