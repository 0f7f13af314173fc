// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/cluster/cluster.h"
#include "cli/cluster/run_view.h"
#include "kube/informer.h"

#include <tl/expected.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace taskgroup::cluster {

// What RUN on the command line means.
struct Target {
  std::string name;
  bool is_pipeline_run = false; // else a CustomRun
  std::string group;            // of a PipelineRun, only this one of its groups; empty: all
};

// The runs of a target at one moment.
struct Runs {
  Target target;
  std::vector<RunView> runs; // in the order in which they were made
  bool over = false;         // all is done, and no run is to come
  bool succeeded = false;    // the target as a whole; only with `over`
  bool gone = false;         // it was there, and has been deleted
};

// Make the runs of a target out of what the cluster holds. `pipeline_run` is null where the target
// is none. CustomRuns that ask for other kinds, or belong to another PipelineRun of that name, are
// left out. Pure.
Runs runs_of(const Target& target, const std::vector<std::shared_ptr<const Json>>& runs,
             const Json& pipeline_run);

// Find what RUN means: a CustomRun of that name, else a PipelineRun; "customrun/NAME" and
// "pipelinerun/NAME" say which. `group` is the name of a PipelineRun's task, or of its CustomRun.
// The failure names what is near.
tl::expected<Runs, Failure> find_runs(const Cluster& cluster, const std::string& name,
                                      const std::string& group, const std::stop_token& stop = {});

// Return all runs of TaskGroups in the namespace, the latest first.
tl::expected<std::vector<RunView>, Failure> list_runs(const Cluster& cluster,
                                                      const std::stop_token& stop = {});

// Return the one run that a command can act on; the failure lists them where there are several.
tl::expected<RunView, Failure> only_run(const Runs& runs, const std::string& command);

// Follows the runs of a target.
class RunSource {
public:
  // What is known, and how often it has changed.
  struct News {
    std::uint64_t version = 0; // 0: nothing has been heard yet
    Runs runs;
    std::optional<kube::ApiError> refused; // the cluster will not let us follow
    std::string trouble;                   // why nothing is heard at the moment; it is tried again
  };

  // The cluster must outlive it.
  RunSource(const Cluster& cluster, Target target);
  ~RunSource();

  // Wait until there is something newer than `version`, no longer than `longest`; return what is
  // known then. For one thread.
  News wait(std::uint64_t version, std::chrono::milliseconds longest);

private:
  std::unique_ptr<kube::Informer> informer_of(const kube::Resource& resource,
                                              kube::Selector selector);
  void look(News& news) const;
  void refresh(Runs& runs, const Json& pipeline_run) const;

  const Cluster& m_cluster;
  const Target m_target;
  std::mutex m_mutex; // of what follows
  std::condition_variable m_changed;
  std::uint64_t m_version = 0;
  std::optional<kube::ApiError> m_refused;
  std::string m_trouble;
  std::unique_ptr<kube::Informer> m_runs;
  std::unique_ptr<kube::Informer> m_pipeline_runs; // null: the target is a CustomRun
};

} // namespace taskgroup::cluster
