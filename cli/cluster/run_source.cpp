// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/run_source.h"

#include <taskgroup/nearest.h>

#include "kube/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace taskgroup::cluster {

namespace {

using Kind = kube::ApiError::Kind;

constexpr std::size_t most_listed = 10;

Failure bad_input(std::string message) {
  return {ExitCode::bad_input, "error: " + std::move(message)};
}

kube::Selector selector_of(const Cluster& cluster, const Target& target) {
  kube::Selector selector{.namespace_name = cluster.namespace_name, .labels = {}, .fields = {}};
  if (target.is_pipeline_run) {
    selector.labels = "tekton.dev/pipelineRun=" + target.name;
  } else {
    selector.fields = "metadata.name=" + target.name;
  }
  return selector;
}

// By the time they were made; those of one second by name.
void sort(std::vector<RunView>& runs) {
  std::sort(runs.begin(), runs.end(), [](const RunView& one, const RunView& other) {
    return std::tie(one.created, one.name) < std::tie(other.created, other.name);
  });
}

bool belongs_to(const Json& custom_run, const Json& pipeline_run) {
  const std::string uid = text_at(object_at(pipeline_run, "metadata"), "uid");
  const Json& owners = array_at(object_at(custom_run, "metadata"), "ownerReferences");
  return std::any_of(owners.begin(), owners.end(),
                     [&](const Json& owner) { return text_at(owner, "uid") == uid; });
}

std::string succeeded_of(const Json& object) {
  for (const Json& condition : array_at(object_at(object, "status"), "conditions")) {
    if (text_at(condition, "type") == "Succeeded")
      return text_at(condition, "status");
  }
  return {};
}

std::string table_of(const std::vector<RunView>& runs) {
  std::string text;
  for (const RunView& run : runs)
    text += fmt::format("\n  {}  {}", run.name, run.state);
  return text;
}

// Split "customrun/NAME"; the first is empty where there is no kind.
std::pair<std::string, std::string> split_name(const std::string& name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos)
    return {{}, name};
  return {name.substr(0, std::min(name.find('.'), slash)), name.substr(slash + 1)};
}

Failure no_tekton(const Cluster& cluster) {
  return {ExitCode::prerequisite_missing,
          fmt::format("error: the cluster at {} has no Tekton Pipelines that knows CustomRuns "
                      "(tekton.dev/v1beta1)",
                      cluster.server)};
}

// All runs of TaskGroups in the namespace, the latest first.
kube::Result<std::vector<RunView>> read_runs(const Cluster& cluster, const std::stop_token& stop) {
  const auto list = cluster.api->list(
      custom_runs, {.namespace_name = cluster.namespace_name, .labels = {}, .fields = {}}, stop);
  if (!list)
    return tl::unexpected(list.error());
  std::vector<RunView> runs;
  for (const Json& item : list->items) {
    if (auto run = run_view_of(item))
      runs.push_back(std::move(*run));
  }
  sort(runs);
  std::reverse(runs.begin(), runs.end());
  return runs;
}

Failure not_found(const Cluster& cluster, const std::string& name, const std::stop_token& stop) {
  const std::string message = fmt::format("there is no CustomRun and no PipelineRun \"{}\" in "
                                          "namespace \"{}\"",
                                          name, cluster.namespace_name);
  auto runs = read_runs(cluster, stop);
  if (!runs) // a right to list is not needed by who knows the name
    return runs.error().kind == Kind::not_found ? no_tekton(cluster) : bad_input(message);
  std::vector<std::string> names;
  for (const RunView& run : *runs) {
    names.push_back(run.name);
    if (!run.pipeline_run.empty()
        && std::find(names.begin(), names.end(), run.pipeline_run) == names.end())
      names.push_back(run.pipeline_run);
  }
  const std::string near = did_you_mean(name, names);
  if (runs->empty())
    return bad_input(message + ", nor any run of a TaskGroup; -n NAMESPACE looks elsewhere");
  if (!near.empty())
    return bad_input(message + near);
  const std::size_t all = runs->size();
  runs->resize(std::min(all, most_listed));
  return bad_input(
      fmt::format("{}. The latest runs of TaskGroups there:{}", message, table_of(*runs)));
}

} // namespace

Runs runs_of(const Target& target, const std::vector<std::shared_ptr<const Json>>& runs,
             const Json& pipeline_run) {
  Runs result;
  result.target = target;
  for (const auto& object : runs) {
    if (target.is_pipeline_run && !belongs_to(*object, pipeline_run))
      continue;
    auto run = run_view_of(*object);
    if (run
        && (target.group.empty() || run->pipeline_task == target.group
            || run->name == target.group))
      result.runs.push_back(std::move(*run));
  }
  sort(result.runs);
  const bool whole = target.is_pipeline_run && target.group.empty();
  const std::string succeeded = succeeded_of(pipeline_run);
  const bool ended = succeeded == "True" || succeeded == "False"; // the PipelineRun
  const bool all_done =
      !result.runs.empty()
      && std::all_of(result.runs.begin(), result.runs.end(), [](auto& run) { return run.done(); });
  result.over = whole ? ended : all_done || ended;
  result.succeeded = whole ? succeeded == "True"
                           : std::all_of(result.runs.begin(), result.runs.end(),
                                         [](auto& run) { return run.state == "Succeeded"; });
  return result;
}

tl::expected<std::vector<RunView>, Failure> list_runs(const Cluster& cluster,
                                                      const std::stop_token& stop) {
  auto runs = read_runs(cluster, stop);
  if (!runs && runs.error().kind == Kind::not_found)
    return tl::unexpected(no_tekton(cluster));
  if (!runs)
    return tl::unexpected(failure_of(runs.error(), {"list", custom_runs, {}}, cluster));
  return std::move(*runs);
}

tl::expected<Runs, Failure> find_runs(const Cluster& cluster, const std::string& name,
                                      const std::string& group, const std::stop_token& stop) {
  const auto [kind, plain] = split_name(name);
  const bool only_custom = kind == "customrun" || kind == "customruns";
  const bool only_pipeline = kind == "pipelinerun" || kind == "pipelineruns" || kind == "pr";
  if (!kind.empty() && !only_custom && !only_pipeline)
    return tl::unexpected(bad_input(
        fmt::format("RUN: \"{}\" is of no kind that has TaskGroups; name a CustomRun, or a "
                    "PipelineRun as pipelinerun/{}",
                    name, plain)));
  if (plain.empty())
    return tl::unexpected(bad_input("RUN: the name of a CustomRun or PipelineRun is missing"));
  const kube::ObjectKey key{cluster.namespace_name, plain};

  if (!only_pipeline) {
    auto found = cluster.api->get(custom_runs, key, stop);
    if (found) {
      if (!run_view_of(*found))
        return tl::unexpected(bad_input(fmt::format(
            "CustomRun \"{}\" asks for {}, which is no TaskGroup", plain, asked_kind_of(*found))));
      if (!group.empty())
        return tl::unexpected(bad_input(fmt::format(
            "--group chooses among the runs of a PipelineRun, and \"{}\" is a CustomRun; "
            "pipelinerun/{} names the PipelineRun, if there is one",
            plain, plain)));
      return runs_of({plain, false, {}}, {std::make_shared<const Json>(std::move(*found))}, {});
    }
    if (found.error().kind != Kind::not_found)
      return tl::unexpected(failure_of(found.error(), {"get", custom_runs, {}}, cluster));
    if (only_custom)
      return tl::unexpected(not_found(cluster, plain, stop));
  }

  const auto pipeline_run = cluster.api->get(pipeline_runs, key, stop);
  if (!pipeline_run && pipeline_run.error().kind == Kind::not_found)
    return tl::unexpected(not_found(cluster, plain, stop));
  if (!pipeline_run)
    return tl::unexpected(failure_of(pipeline_run.error(), {"get", pipeline_runs, {}}, cluster));
  const Target whole{plain, true, {}};
  auto list = cluster.api->list(custom_runs, selector_of(cluster, whole), stop);
  if (!list)
    return tl::unexpected(failure_of(list.error(), {"list", custom_runs, {}}, cluster));
  std::vector<std::shared_ptr<const Json>> objects;
  for (Json& item : list->items)
    objects.push_back(std::make_shared<const Json>(std::move(item)));
  const Target target{plain, true, group};
  Runs runs = runs_of(target, objects, *pipeline_run);
  if (!runs.runs.empty())
    return runs;
  std::vector<std::string> tasks;
  for (const RunView& run : runs_of(whole, objects, *pipeline_run).runs)
    tasks.push_back(run.pipeline_task);
  if (!tasks.empty())
    return tl::unexpected(bad_input(fmt::format(
        "--group: PipelineRun \"{}\" has no run of a TaskGroup for a task \"{}\"{}; it has {}",
        plain, group, did_you_mean(group, tasks), fmt::join(tasks, ", "))));
  if (runs.over)
    return tl::unexpected(bad_input(fmt::format(
        "PipelineRun \"{}\" has ended, and there is no run of a TaskGroup of it", plain)));
  return runs;
}

tl::expected<RunView, Failure> only_run(const Runs& runs, const std::string& command) {
  if (runs.runs.size() == 1)
    return runs.runs.front();
  if (runs.runs.empty())
    return tl::unexpected(bad_input(
        fmt::format("PipelineRun \"{}\" has no run of a TaskGroup yet", runs.target.name)));
  return tl::unexpected(bad_input(fmt::format(
      "PipelineRun \"{}\" has {} runs of TaskGroups; say which, by `taskgroup {} NAME`:{}",
      runs.target.name, runs.runs.size(), command, table_of(runs.runs))));
}

RunSource::RunSource(const Cluster& cluster, Target target)
    : m_cluster(cluster), m_target(std::move(target)) {
  m_runs = informer_of(custom_runs, selector_of(cluster, m_target));
  if (m_target.is_pipeline_run)
    m_pipeline_runs = informer_of(
        pipeline_runs, selector_of(cluster, {.name = m_target.name, .is_pipeline_run = false}));
  m_runs->start();
  if (m_pipeline_runs)
    m_pipeline_runs->start();
}

RunSource::~RunSource() {
  m_runs->stop();
  if (m_pipeline_runs)
    m_pipeline_runs->stop();
}

std::unique_ptr<kube::Informer> RunSource::informer_of(const kube::Resource& resource,
                                                       kube::Selector selector) {
  kube::Informer::Settings settings;
  settings.resource = resource;
  settings.selector = std::move(selector);
  settings.backoff.limit = std::chrono::seconds(5);
  settings.on_error = [this](const kube::ApiError& error) {
    const std::scoped_lock lock(m_mutex);
    if (error.kind == Kind::forbidden || error.kind == Kind::unauthorized)
      m_refused = error;
    m_trouble = error.message;
    m_changed.notify_all();
  };
  return std::make_unique<kube::Informer>(
      *m_cluster.api, std::move(settings),
      [this](const kube::ObjectKey&, const auto&, const auto&) {
        const std::scoped_lock lock(m_mutex);
        ++m_version;
        m_trouble.clear();
        m_changed.notify_all();
      },
      m_cluster.clock);
}

void RunSource::look(News& news) const {
  Json pipeline_run;
  bool there = false;
  const bool synced = m_runs->has_synced() && (!m_pipeline_runs || m_pipeline_runs->has_synced());
  if (m_pipeline_runs) {
    const auto found = m_pipeline_runs->find({m_cluster.namespace_name, m_target.name});
    there = found != nullptr;
    if (found)
      pipeline_run = *found;
  } else {
    there = m_runs->find({m_cluster.namespace_name, m_target.name}) != nullptr;
  }
  news.runs = runs_of(m_target, m_runs->all(), pipeline_run);
  news.runs.gone = synced && !there;
  if (!synced) // half of it says nothing
    news.version = 0;
  if (news.runs.over && m_pipeline_runs)
    refresh(news.runs, pipeline_run);
}

// The two kinds are watched apart: the end of the PipelineRun may be heard before that of its runs.
void RunSource::refresh(Runs& runs, const Json& pipeline_run) const {
  auto list = m_cluster.api->list(custom_runs, selector_of(m_cluster, m_target), {});
  if (!list)
    return; // what was heard is not wrong, only old
  std::vector<std::shared_ptr<const Json>> objects;
  for (Json& item : list->items)
    objects.push_back(std::make_shared<const Json>(std::move(item)));
  runs = runs_of(m_target, objects, pipeline_run);
}

RunSource::News RunSource::wait(std::uint64_t version, std::chrono::milliseconds longest) {
  std::unique_lock lock(m_mutex);
  m_changed.wait_for(lock, longest, [&] { return m_version > version || m_refused; });
  News news{m_version, {}, m_refused, m_trouble};
  lock.unlock();
  look(news);
  return news;
}

} // namespace taskgroup::cluster
