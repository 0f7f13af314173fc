// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/cluster.h"

#include "kube/http_kube_api.h"

#include <fmt/format.h>

namespace taskgroup::cluster {

namespace {

std::string address_of(const kube::ClusterConfig& config) {
  const bool is_ipv6 = config.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}{}", config.tls ? "https" : "http", is_ipv6 ? "[" : "",
                     config.host, is_ipv6 ? "]" : "", config.port, config.path_prefix);
}

// As `kubectl auth can-i` takes it.
std::string name_of(const Call& call) {
  std::string name = call.resource.plural;
  if (!call.resource.group.empty())
    name += "." + call.resource.group;
  if (!call.subresource.empty())
    name += "/" + call.subresource;
  return name;
}

Failure forbidden(const kube::ApiError& error, const Call& call, const Cluster& cluster) {
  const std::string what = name_of(call);
  return {ExitCode::prerequisite_missing,
          fmt::format("error: you may not {0} {1} in namespace \"{2}\"\n"
                      "  {3}\n"
                      "  The right that is missing is the verb \"{0}\" on \"{1}\"; {4}.\n"
                      "  kubectl auth can-i {0} {1} --namespace {2}",
                      call.verb, what, cluster.namespace_name, error.message,
                      call.verb == "patch" ? "the cluster role \"edit\" has it where Tekton is"
                                           : "the cluster role \"view\" has it where Tekton is")};
}

} // namespace

tl::expected<Cluster, Failure> connect(const ClusterFlags& flags,
                                       const kube::Environment& environment) {
  const auto config = kube::find_config(flags.kubeconfig, environment, flags.context);
  if (!config)
    return tl::unexpected(Failure{
        ExitCode::prerequisite_missing,
        fmt::format(
            "error: {}\n  --kubeconfig FILE, --context NAME or KUBECONFIG say which cluster",
            config.error())});
  kube::HttpSettings settings;
  settings.user_agent = "taskgroup-cli";
  auto api = kube::connect(*config, settings);
  if (!api)
    return tl::unexpected(Failure{ExitCode::prerequisite_missing, "error: " + api.error()});
  return Cluster{std::move(*api), kube::system_clock(),
                 flags.namespace_name.empty() ? config->namespace_name : flags.namespace_name,
                 address_of(*config)};
}

Failure failure_of(const kube::ApiError& error, const Call& call, const Cluster& cluster) {
  using Kind = kube::ApiError::Kind;
  switch (error.kind) {
  case Kind::forbidden:
    return forbidden(error, call, cluster);
  case Kind::unauthorized:
    return {ExitCode::prerequisite_missing,
            fmt::format("error: {} does not know who you are (401)\n  {}\n  Log in anew, or name "
                        "another context with --context",
                        cluster.server, error.message)};
  case Kind::transport:
    return {ExitCode::prerequisite_missing,
            fmt::format("error: no answer from the cluster at {}\n  {}", cluster.server,
                        error.message)};
  default:
    return {ExitCode::failed, fmt::format("error: the cluster at {} could not {} {}\n  {}",
                                          cluster.server, call.verb, name_of(call), error.message)};
  }
}

} // namespace taskgroup::cluster
