// SPDX-License-Identifier: Apache-2.0
#include "kube/cluster_config.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <string_view>

namespace taskgroup::kube {
namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return std::nullopt;
  }
  return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string value_in(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

// The files of a list with colons between that are there, in order.
std::vector<std::string> existing_files(const std::string& list) {
  std::vector<std::string> files;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    std::string file = list.substr(begin, end - begin);
    if (!file.empty() && ::access(file.c_str(), F_OK) == 0) {
      files.push_back(std::move(file));
    }
    begin = end + 1;
  }
  return files;
}

} // namespace

ConfigResult in_cluster_config(const Environment& environment, const std::string& folder) {
  const std::string host = value_in(environment, "KUBERNETES_SERVICE_HOST");
  const std::string port = value_in(environment, "KUBERNETES_SERVICE_PORT");
  ClusterConfig config;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), config.port);
  if (host.empty() || error != std::errc{} || end != port.data() + port.size()) {
    return tl::unexpected(std::string(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod"));
  }
  config.host = host;
  config.token_file = folder + "/token";
  const auto ca = read_file(folder + "/ca.crt");
  if (!ca || ::access(config.token_file.c_str(), R_OK) != 0) {
    return tl::unexpected(folder
                          + ": no ca.crt and token can be read there. The pod needs a service "
                            "account whose token is mounted (automountServiceAccountToken)");
  }
  config.ca = *ca;
  config.namespace_name = read_file(folder + "/namespace").value_or("default");
  return config;
}

ConfigResult find_config(const std::string& path, const Environment& environment,
                         const std::string& context) {
  if (!path.empty()) {
    return kubeconfig(path, context);
  }
  if (const std::string list = value_in(environment, "KUBECONFIG"); !list.empty()) {
    const std::vector<std::string> paths = existing_files(list);
    if (paths.empty()) {
      return tl::unexpected("KUBECONFIG: " + list + ": there is no such file");
    }
    return kubeconfig(paths, context);
  }
  if (context.empty() && !value_in(environment, "KUBERNETES_SERVICE_HOST").empty()) {
    return in_cluster_config(environment);
  }
  const std::string home = value_in(environment, "HOME") + "/.kube/config";
  if (::access(home.c_str(), R_OK) != 0) {
    return tl::unexpected(
        "no cluster is configured: KUBECONFIG is not set, this is no pod, and there "
        "is no "
        + home);
  }
  return kubeconfig(home, context);
}

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = std::min(text.find('='), text.size());
    environment.emplace(text.substr(0, equals), text.substr(std::min(equals + 1, text.size())));
  }
  return environment;
}

} // namespace taskgroup::kube
