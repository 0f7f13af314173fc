// SPDX-License-Identifier: Apache-2.0
// The controller's program: flags, signals, leadership, and what runs while this process leads.
#include "controller/controller.h"
#include "controller/self_test.h"
#include "kube/clock.h"
#include "kube/cluster_config.h"
#include "kube/http_kube_api.h"
#include "kube/lease.h"
#include "service/admin_server.h"
#include "service/client_metrics.h"
#include "service/identity.h"
#include "service/log.h"
#include "service/metrics.h"
#include "service/process.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace taskgroup;

struct Flags {
  std::string agent_image;
  std::vector<std::string> pull_secrets;
  std::string coordinator_cpu = "10m";
  std::string coordinator_memory = "16Mi";
  std::string namespace_name;
  std::string lease_namespace;
  std::string lease_name = "taskgroup-controller";
  bool no_leader_election = false;
  int admin_port = 8080;
  std::size_t workers = 8;
  std::size_t most_followed = 200;
  bool check_secrets = false;
  std::string self_test;
  bool self_test_webhook = false;
  int self_test_seconds = 150;
  std::string kubeconfig;
  std::string log_level = "info";
};

void declare(CLI::App& app, Flags& flags) {
  app.add_option("--agent-image", flags.agent_image,
                 "Image of the agent, by digest, as pods of users' namespaces pull it")
      ->required();
  app.add_option("--agent-image-pull-secret", flags.pull_secrets,
                 "Name of a Secret that pods pull the agent's image with; may be repeated");
  app.add_option("--coordinator-cpu", flags.coordinator_cpu, "Its request for cpu");
  app.add_option("--coordinator-memory", flags.coordinator_memory, "Its request for memory");
  app.add_option("--namespace", flags.namespace_name, "Serve this namespace only");
  app.add_option("--lease-namespace", flags.lease_namespace,
                 "Where the Lease is; the pod's own namespace if not given");
  app.add_option("--lease-name", flags.lease_name, "Name of the Lease");
  app.add_flag("--no-leader-election", flags.no_leader_election, "Lead without a Lease");
  app.add_option("--admin-port", flags.admin_port, "Port of /livez, /readyz and /metrics")
      ->check(CLI::Range(1, 65535));
  app.add_option("--workers", flags.workers, "Runs reconciled at once")->check(CLI::Range(1, 64));
  app.add_option("--max-followed", flags.most_followed,
                 "Journals followed at once; others are read when their pod changes");
  app.add_flag("--check-secrets", flags.check_secrets,
               "Look whether Secrets exist before making a pod (needs the permission to get them)");
  app.add_option("--self-test", flags.self_test,
                 "Do nothing but run a small TaskGroup in this namespace; exit 1 if it fails");
  app.add_flag("--self-test-webhook", flags.self_test_webhook,
               "With --self-test: a mistake must be refused when it is written");
  app.add_option("--self-test-seconds", flags.self_test_seconds, "With --self-test: how long");
  app.add_option("--kubeconfig", flags.kubeconfig, "File to reach the API server with");
  app.add_option("--log-level", flags.log_level, "debug, info, warning or error");
}

// Waits for SIGTERM or SIGINT on a thread of its own, then asks `stop` to stop.
std::jthread stop_on_signal(std::stop_source& stop, const sigset_t& signals) {
  return std::jthread([&stop, signals](const std::stop_token& token) {
    while (!token.stop_requested() && !stop.stop_requested()) {
      constexpr timespec second{.tv_sec = 1, .tv_nsec = 0};
      if (const int signal = sigtimedwait(&signals, nullptr, &second); signal > 0) {
        log::info("Stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
        stop.request_stop();
      }
    }
  });
}

// What the admin port may ask, while it is there.
class Lead {
public:
  void set(const Controller* controller) {
    const std::scoped_lock lock(m_mutex);
    m_controller = controller;
  }

  // One that does not lead is ready to.
  std::string unready() const {
    const std::scoped_lock lock(m_mutex);
    const bool ready = m_controller == nullptr || m_controller->has_synced();
    return ready ? "" : "the caches are not filled yet";
  }

  // What the API server does or does not do is no reason to be started again.
  bool live() const {
    const std::scoped_lock lock(m_mutex);
    return m_controller == nullptr || !m_controller->is_stuck();
  }

private:
  mutable std::mutex m_mutex;
  const Controller* m_controller = nullptr;
};

ControllerSettings settings_of(const Flags& flags, const std::string& instance) {
  ControllerSettings settings;
  settings.namespace_name = flags.namespace_name;
  settings.workers = flags.workers;
  settings.most_followed = flags.most_followed;
  settings.instance = instance;
  settings.preparer.check_secrets = flags.check_secrets;
  settings.preparer.pod.image = flags.agent_image;
  settings.preparer.pod.image_pull_secrets = flags.pull_secrets;
  settings.preparer.pod.coordinator_resources = {
      {"requests", {{"cpu", flags.coordinator_cpu}, {"memory", flags.coordinator_memory}}}};
  return settings;
}

// Work until `stop`, or until leadership is lost (the reason).
std::optional<std::string> lead_until(kube::KubeApi& api, kube::KubeApi& lease_api,
                                      const Flags& flags, const std::string& own_namespace,
                                      Lead& lead, ControllerMetrics& metrics,
                                      const std::function<void(bool)>& tell_leading,
                                      const std::stop_token& stop) {
  const std::string instance = process_identity();
  std::optional<kube::LeaderElection> election;
  if (!flags.no_leader_election) {
    kube::LeaderElection::Settings settings;
    settings.lease = {flags.lease_namespace.empty() ? own_namespace : flags.lease_namespace,
                      flags.lease_name};
    settings.identity = instance;
    settings.on_note = [](const std::string& note) { log::info(note); };
    election.emplace(lease_api, settings);
    if (!election->acquire(stop))
      return std::nullopt;
  }
  log::info("Leading", {{"identity", instance}});
  tell_leading(true);
  std::optional<std::string> lost;
  {
    Controller controller(api, settings_of(flags, instance), metrics);
    controller.start();
    lead.set(&controller);
    if (election) {
      lost = election->hold(stop);
    } else {
      std::mutex mutex;
      std::unique_lock lock(mutex);
      std::condition_variable_any().wait(lock, stop, [] { return false; });
    }
    lead.set(nullptr);
    controller.stop();
  }
  tell_leading(false);
  if (election && !lost)
    election->release();
  return lost;
}

// What `helm test` calls. What it says is for a person.
int try_out(kube::KubeApi& api, const Flags& flags, const std::stop_token& stop) {
  const SelfTest test{.namespace_name = flags.self_test,
                      .agent_image = flags.agent_image,
                      .webhook = flags.self_test_webhook,
                      .patience = std::chrono::seconds(flags.self_test_seconds)};
  const auto passed = self_test(
      api, test, *kube::system_clock(), [](const std::string& text) { fmt::print("{}\n", text); },
      stop);
  if (!passed)
    fmt::print("FAILED: {}\n", passed.error());
  return passed ? 0 : 1;
}

int run(const Flags& flags) {
  if (!set_log_level(flags.log_level))
    return 2;

  const sigset_t signals = hold_stop_signals();

  const auto config = kube::find_config(flags.kubeconfig, kube::process_environment());
  if (!config) {
    log::error("No way to the API server", {{"error", config.error()}});
    return 2;
  }
  metrics::Registry registry;
  metrics::add_build_info(registry);
  metrics::add_process_metrics(registry);
  const auto tell_leading = metrics::add_leader_metric(registry, flags.lease_name);
  ControllerMetrics controller_metrics(registry);
  kube::HttpSettings http_settings;
  http_settings.on_call = metrics::add_client_metrics(registry);

  // The Lease must be renewed within ten seconds, whatever the other calls wait for.
  kube::HttpSettings lease_settings = http_settings;
  lease_settings.request_timeout = std::chrono::seconds(5);
  lease_settings.connections = 1;
  const auto api = kube::connect(*config, http_settings);
  const auto lease_api = kube::connect(*config, lease_settings);
  if (!api || !lease_api) {
    log::error("No way to the API server", {{"error", api ? lease_api.error() : api.error()}});
    return 2;
  }

  std::stop_source stop;
  const std::jthread signal_thread = stop_on_signal(stop, signals);
  if (!flags.self_test.empty())
    return try_out(**api, flags, stop.get_token());
  Lead lead;
  const auto admin =
      serve_admin(flags.admin_port, {.live = [&lead] { return lead.live(); },
                                     .unready = [&lead] { return lead.unready(); },
                                     .metrics = [&registry] { return registry.text(); }});
  if (!admin) {
    log::error("No admin port", {{"error", admin.error()}});
    stop.request_stop();
    return 2;
  }
  const auto lost = lead_until(**api, **lease_api, flags, config->namespace_name, lead,
                               controller_metrics, tell_leading, stop.get_token());
  stop.request_stop();
  if (lost) {
    log::error("Lost the lease", {{"error", *lost}});
    return 1;
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Runs TaskGroups: reconciles Tekton's CustomRuns of kind TaskGroup, each in one pod");
  Flags flags;
  declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  return run(flags);
}
