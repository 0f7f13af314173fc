// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/reconciler.h"
#include "kube/informer.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace taskgroup {

// How much of everything there is.
struct Census {
  std::size_t runs_active = 0; // of ours, without a final status
  std::size_t pods_pending = 0;
  std::size_t pods_running = 0;
};

// The controller's copy of the API server's runs and of our pods, kept by watches. Thread-safe.
class InformerCache final : public Cache {
public:
  // Call `on_change` with a run whenever it, or a pod that it controls, has changed.
  // `namespace_name` bounds what is watched; empty: all namespaces.
  InformerCache(kube::KubeApi& api, const std::string& namespace_name,
                std::function<void(const RunKey& run)> on_change);

  void start();
  void stop();
  bool has_synced() const;

  std::optional<Json> run(const RunKey& key) const override;
  std::optional<Json> pod(const kube::ObjectKey& key) const override;
  std::vector<Json> pods_of(const RunKey& key, const std::string& uid) const override;

  // Return the run that controls a pod of ours; nothing: the pod is not known.
  std::optional<RunKey> run_of_pod(const kube::ObjectKey& key) const;

  Census census() const;

private:
  void count_run(const kube::Informer::Object& before, const kube::Informer::Object& after);
  void pod_changed(const kube::ObjectKey& key, const kube::Informer::Object& before,
                   const kube::Informer::Object& after);

  std::function<void(const RunKey&)> m_on_change;
  mutable std::mutex m_mutex; // of the two below
  Census m_census;
  std::map<std::string, std::set<kube::ObjectKey>> m_pods_by_owner; // by the run's UID
  std::unique_ptr<kube::Informer> m_pods;
  std::map<RunKind, std::unique_ptr<kube::Informer>> m_runs;
};

// Take out of objects what the controller does not read, before they are kept: a pod of 60
// containers is 0.5 MB of JSON, and runs that are done stay for long.
void strip_pod(Json& pod);
void strip_run(Json& run);

} // namespace taskgroup
