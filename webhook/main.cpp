// SPDX-License-Identifier: Apache-2.0
// The webhook's program: flags, signals, the server, its certificates and who of several keeps
// them.
#include "kube/cluster_config.h"
#include "kube/http_kube_api.h"
#include "kube/lease.h"
#include "service/admin_server.h"
#include "service/client_metrics.h"
#include "service/identity.h"
#include "service/log.h"
#include "service/metrics.h"
#include "service/process.h"
#include "webhook/admission_handler.h"
#include "webhook/certificates/keeper.h"
#include "webhook/certificates/served_secret.h"
#include "webhook/server/tls_server.h"
#include "webhook/webhook_metrics.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <malloc.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

namespace {

using namespace taskgroup;

struct Flags {
  int port = 8443;
  int admin_port = 8080;
  std::string namespace_name;
  std::string secret_name;
  bool manage_certificates = false;
  std::string service_name;
  std::string webhook_configuration;
  std::string lease_name;
  std::int64_t certificate_seconds = CertificateSettings().lifetime.count();
  std::int64_t authority_seconds = CertificateSettings().authority_lifetime.count();
  std::string watch_namespace;
  int shutdown_delay = 5;
  std::string kubeconfig;
  std::string log_level = "info";
};

void declare(CLI::App& app, Flags& flags) {
  const CLI::Range ports(1, 65535);
  app.add_option("--port", flags.port, "Port of admission reviews, HTTPS")->check(ports);
  app.add_option("--admin-port", flags.admin_port, "Port of /livez, /readyz and /metrics")
      ->check(ports);
  app.add_option("--namespace", flags.namespace_name,
                 "Where Secret, Service and Lease are; the pod's own namespace if not given");
  app.add_option("--secret-name", flags.secret_name,
                 "Secret with tls.crt and tls.key, read through the API")
      ->required();
  auto* const manage = app.add_flag("--manage-certificates", flags.manage_certificates,
                                    "Fill and renew the Secret, and have the API server trust it");
  app.add_option("--service-name", flags.service_name,
                 "Service that the certificates are for (with --manage-certificates)")
      ->needs(manage);
  app.add_option("--webhook-configuration", flags.webhook_configuration,
                 "ValidatingWebhookConfiguration that trusts them (with --manage-certificates)")
      ->needs(manage);
  app.add_option("--lease-name", flags.lease_name,
                 "Lease of the replica that keeps them (with --manage-certificates)")
      ->needs(manage);
  app.add_option("--certificate-lifetime", flags.certificate_seconds,
                 "Life of a certificate in seconds; shorter than a week for tests only")
      ->check(CLI::Range(10, 365 * 24 * 3600));
  app.add_option("--authority-lifetime", flags.authority_seconds,
                 "Life of the authority in seconds; shorter than a year for tests only")
      ->check(CLI::Range(10, 10 * 365 * 24 * 3600));
  app.add_option("--watch-namespace", flags.watch_namespace,
                 "Look up the TaskGroups that runs refer to in this namespace only");
  app.add_option("--shutdown-delay", flags.shutdown_delay,
                 "Seconds to go on serving after SIGTERM, until clients know of it")
      ->check(CLI::Range(0, 3600));
  app.add_option("--kubeconfig", flags.kubeconfig, "File to reach the API server with");
  app.add_option("--log-level", flags.log_level, "debug, info, warning or error");
}

// The clients of the API server, by how long they may take.
struct Clients {
  std::shared_ptr<kube::KubeApi> api;
  std::shared_ptr<kube::KubeApi> lease;  // must be renewed within ten seconds
  std::shared_ptr<kube::KubeApi> groups; // the API server waits for the review meanwhile
};

tl::expected<Clients, std::string> connect_all(const kube::ClusterConfig& config,
                                               const kube::HttpSettings& common) {
  Clients clients;
  const auto add = [&](std::shared_ptr<kube::KubeApi>& to, std::chrono::milliseconds patience,
                       std::size_t connections) -> tl::expected<void, std::string> {
    kube::HttpSettings settings = common;
    settings.request_timeout = patience;
    settings.connections = connections;
    auto connected = kube::connect(config, settings);
    if (!connected)
      return tl::unexpected(connected.error());
    to = std::move(*connected);
    return {};
  };
  for (const auto& done : {add(clients.api, std::chrono::seconds(30), 2),
                           add(clients.lease, std::chrono::seconds(5), 1),
                           add(clients.groups, std::chrono::seconds(1), 4)}) {
    if (!done)
      return tl::unexpected(done.error());
  }
  return clients;
}

// Take what the Secret holds, or go on with what is served.
void take_certificate(const CertificatePair& pair, TlsServer& server, WebhookMetrics& metrics,
                      std::atomic<bool>& has_certificate) {
  if (pair.certificate.empty() && pair.key.empty())
    return; // the chart's empty Secret, which is being filled
  const auto facts = read_certificates(pair.certificate);
  const auto tls = make_tls_identity(pair.certificate, pair.key);
  if (!tls || facts.empty()) {
    metrics.certificate_refused();
    log::error("Refused the certificate in the Secret; the last one is served on",
               {{"error", tls ? "the certificate cannot be read" : tls.error()}});
    return;
  }
  server.set_identity(*tls);
  has_certificate = true;
  metrics.certificate_taken(facts.front().not_after);
  log::info("Served another certificate", {{"expires", kube::to_rfc3339(facts.front().not_after)}});
}

void log_review(const Reviewed& reviewed) {
  if (reviewed.body.empty()) {
    // Whoever reaches the port could fill the log.
    log::debug("Refused what is no AdmissionReview", {{"error", reviewed.error}});
    return;
  }
  log::write(reviewed.allowed ? log::Level::debug : log::Level::info,
             reviewed.allowed ? "Allowed an object" : "Denied an object",
             {{"kind", reviewed.kind},
              {"namespace", reviewed.namespace_name},
              {"name", reviewed.name},
              {"errors", std::to_string(reviewed.errors)},
              {"warnings", std::to_string(reviewed.warnings)}});
}

// Keep the certificates whenever this process leads, until `stop`. Losing the Lease is no reason to
// end: requests are served by all.
void keep_certificates(const Clients& clients, CertificateKeeper& keeper,
                       const kube::ObjectKey& lease, const std::function<void(bool)>& on_lead,
                       const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    kube::LeaderElection::Settings settings;
    settings.lease = lease;
    settings.identity = process_identity();
    settings.on_note = [](const std::string& note) { log::info(note); };
    kube::LeaderElection election(*clients.lease, settings);
    if (!election.acquire(stop))
      return;
    on_lead(true);
    std::jthread work([&](const std::stop_token& ends) { keeper.run(ends); });
    const auto lost = election.hold(stop);
    work.request_stop();
    work.join();
    on_lead(false);
    if (lost)
      log::warning("Lost the lease", {{"error", *lost}});
    else
      election.release();
  }
}

CertificateKeeper::Settings keeper_settings(const Flags& flags) {
  CertificateKeeper::Settings settings;
  settings.certificates.service = flags.service_name;
  settings.certificates.namespace_name = flags.namespace_name;
  settings.certificates.lifetime = std::chrono::seconds(flags.certificate_seconds);
  settings.certificates.authority_lifetime = std::chrono::seconds(flags.authority_seconds);
  settings.secret = {flags.namespace_name, flags.secret_name};
  settings.configuration = flags.webhook_configuration;
  settings.check = std::min(settings.check, settings.certificates.lifetime / 10);
  settings.certificates.settle = std::min(settings.certificates.settle, settings.check);
  settings.after_write.calm = std::min<std::chrono::milliseconds>(
      settings.after_write.calm, settings.certificates.lifetime / 6);
  settings.on_note = [](const std::string& message, bool is_trouble) {
    log::write(is_trouble ? log::Level::warning : log::Level::info, message);
  };
  return settings;
}

int serve(const Flags& flags, const Clients& clients, metrics::Registry& registry,
          const sigset_t& signals) {
  WebhookMetrics metrics(registry);
  auto server = serve_tls({.port = flags.port},
                          admission_handler(group_finder(*clients.groups, flags.watch_namespace),
                                            [&](const Reviewed& reviewed) {
                                              metrics.reviewed(reviewed);
                                              log_review(reviewed);
                                            }),
                          metrics.observer());
  if (!server) {
    log::error("No port for reviews", {{"error", server.error()}});
    return 2;
  }
  std::atomic<bool> has_certificate = false;
  std::atomic<bool> stops = false;
  const auto admin = serve_admin(
      flags.admin_port, {.live = [&server] { return (*server)->responds(std::chrono::seconds(3)); },
                         .unready = [&]() -> std::string {
                           return stops             ? "this process is being stopped"
                                  : has_certificate ? ""
                                                    : "there is no certificate in the Secret yet";
                         },
                         .metrics = [&registry] { return registry.text(); }});
  if (!admin) {
    log::error("No admin port", {{"error", admin.error()}});
    return 2;
  }

  CertificateKeeper keeper(*clients.api, keeper_settings(flags));
  const auto secret =
      watch_secret(*clients.api, {flags.namespace_name, flags.secret_name},
                   {.on_pair =
                        [&](const CertificatePair& pair) {
                          take_certificate(pair, **server, metrics, has_certificate);
                        },
                    .on_change = [&keeper] { keeper.wake(); },
                    .on_error =
                        [](const kube::ApiError& error) {
                          log::warning("Could not read the Secret", {{"error", error.message}});
                        }});
  secret->start();
  std::jthread keeping;
  if (flags.manage_certificates) {
    const auto on_lead = metrics::add_leader_metric(registry, flags.lease_name);
    keeping = std::jthread([&, on_lead](const std::stop_token& ends) {
      keep_certificates(clients, keeper, {flags.namespace_name, flags.lease_name}, on_lead, ends);
    });
  }
  log::info("Serving", {{"port", std::to_string((*server)->port())}});

  int signal = 0;
  sigwait(&signals, &signal);
  log::info("Stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  // Who still sends is answered and told to go elsewhere, until everybody has heard that this pod
  // is no endpoint any more.
  stops = true;
  (*server)->drain();
  keeping.request_stop(); // another one leads meanwhile
  const timespec delay{.tv_sec = flags.shutdown_delay, .tv_nsec = 0};
  sigtimedwait(&signals, nullptr, &delay); // a second signal ends it
  if (!(*server)->finish(std::chrono::seconds(10)))
    log::warning("Left requests unanswered");
  secret->stop();
  return 0;
}

int run(Flags flags) {
  if (!set_log_level(flags.log_level))
    return 2;
  if (flags.manage_certificates
      && (flags.service_name.empty() || flags.webhook_configuration.empty()
          || flags.lease_name.empty())) {
    fmt::print(stderr, "--manage-certificates needs --service-name, --webhook-configuration and "
                       "--lease-name\n");
    return 2;
  }

  const sigset_t signals = hold_stop_signals();
  // What one large review took is there for the next one, whichever thread reads it; with an arena
  // for each thread, each would keep as much.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);

  const auto config = kube::find_config(flags.kubeconfig, kube::process_environment());
  if (!config) {
    log::error("No way to the API server", {{"error", config.error()}});
    return 2;
  }
  if (flags.namespace_name.empty())
    flags.namespace_name = config->namespace_name;
  metrics::Registry registry;
  metrics::add_build_info(registry);
  metrics::add_process_metrics(registry);
  kube::HttpSettings common;
  common.user_agent = "taskgroup-webhook";
  common.on_call = metrics::add_client_metrics(registry);
  const auto clients = connect_all(*config, common);
  if (!clients) {
    log::error("No way to the API server", {{"error", clients.error()}});
    return 2;
  }
  return serve(flags, *clients, registry, signals);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Reviews TaskGroups, alone and in Tekton's objects, before the API server stores "
               "them");
  Flags flags;
  declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  return run(std::move(flags));
}
