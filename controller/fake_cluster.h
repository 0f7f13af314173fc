// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/controller_metrics.h"
#include "controller/journals.h"
#include "controller/preparer.h"
#include "controller/reconciler.h"
#include "kube/fake_kube_api.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace taskgroup {

// A cluster in memory with one controller in it, for tests: the fake API server, a kubelet that
// does what the test says, and a clock that stands still until the test moves it. Caches are as
// fresh as the API server unless the test pins them.
class FakeCluster : public Cache {
public:
  FakeCluster();
  ~FakeCluster() override;

  // --- Objects ---

  // Store the object that this YAML text describes; namespace `default` if it names none.
  Json apply(const std::string& yaml);

  // Store a CustomRun "run" (a Run, if `kind` says so) with this `spec`, a YAML mapping.
  void create_run(const std::string& spec);

  // Change the CustomRun "run" as its author or Tekton does.
  void edit_run(const std::function<void(Json& object)>& change);
  void cancel_run(const std::string& message = "");

  // Return the CustomRun, its status, its only condition.
  Json run_object(const std::string& name = "run") const;
  Json status(const std::string& name = "run") const;
  std::string succeeded() const;
  std::string reason() const;
  std::string message() const;

  // Return all pods, oldest attempt first; the newest one.
  std::vector<Json> pods() const;
  Json pod() const;
  std::size_t pods_created() const; // ever, by applied writes

  // --- The controller ---

  // Reconcile until nothing is left to do at this time. What waits for later does not count.
  Reconciled settle();

  // The process dies, and another one takes its place.
  void restart();

  // Go on in time, and settle.
  void pass(std::int64_t millis);

  std::int64_t now() const { return m_now; }
  void set_now(std::int64_t now) { m_now = now; }

  // --- The kubelet, with the newest pod ---

  // All containers run.
  void start_pod();

  // Set what kubelet says of a container: {"waiting": {…}}, {"terminated": {…}} ….
  void set_container(const std::string& name, const Json& state);

  // Set the pod's phase, and a reason.
  void set_phase(const std::string& phase, const std::string& reason = "");

  // The coordinator writes these lines (without n and time), in YAML's flow form.
  void write_journal(const std::vector<std::string>& lines);

  // The coordinator writes the whole journal of a group whose tasks all succeed, with these
  // results.
  void write_success(const std::map<std::string, std::string>& results = {});

  // All containers have ended with 0, and the pod has Succeeded.
  void end_pod();

  // Take the pod away, as `kubectl delete --force` does.
  void remove_pod();

  // Do what a healthy cluster does next with the newest pod: start it, or let it succeed and end.
  void work();

  // --- Cache ---
  std::optional<Json> run(const RunKey& key) const override;
  std::optional<Json> pod(const kube::ObjectKey& key) const override;
  std::vector<Json> pods_of(const RunKey& key, const std::string& uid) const override;

  // From now on the cache answers what it would have answered now.
  void pin_cache();
  // The same, but with these pods.
  void pin_cache(std::vector<Json> pods);
  void free_cache() { m_pinned.reset(); }

  RunKind kind = RunKind::custom_run; // of "run"
  kube::FakeKubeApi api;
  std::vector<RunEvent> events; // emitted so far
  PreparerSettings preparer_settings;
  metrics::Registry registry; // what the controller exports, restarts or not
  ControllerMetrics metrics{registry};

private:
  struct Pinned {
    std::optional<Json> run;
    std::vector<Json> pods;
  };

  kube::ObjectKey newest_pod() const;

  std::int64_t m_now = 1'800'000'000'000;
  std::uint64_t m_lines = 0;
  std::optional<Pinned> m_pinned;
  std::unique_ptr<Journals> m_journals;
  std::unique_ptr<Preparer> m_preparer;
  std::unique_ptr<Reconciler> m_reconciler;
};

} // namespace taskgroup
