// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup::kube {

// A program that prints credentials (client.authentication.k8s.io, v1 and v1beta1).
struct ExecPlugin {
  std::string api_version;
  std::vector<std::string> argv; // [0] is looked up in PATH, or relative to the kubeconfig's folder
  std::vector<std::pair<std::string, std::string>> env;
  std::string install_hint;
  bool provide_cluster_info = false;
  std::string cluster_info; // JSON of the `cluster` in KUBERNETES_EXEC_INFO
};

// How to reach an API server and who to be there. Certificates and keys are PEM.
struct ClusterConfig {
  std::string host; // without brackets
  int port = 443;
  bool tls = true;
  std::string path_prefix; // before /api; no slash at its end

  std::string ca; // empty: the system's
  bool insecure_skip_tls_verify = false;
  std::string tls_server_name; // empty: host

  std::string client_certificate;
  std::string client_key;
  std::string token;
  std::string token_file; // wins over token; read again each minute and after a 401
  std::optional<ExecPlugin> exec;

  std::string namespace_name; // of the pod or the context; "default" if unset
};

using ConfigResult = tl::expected<ClusterConfig, std::string>;
using Environment = std::map<std::string, std::string>;

// Read the config of the pod this program runs in: KUBERNETES_SERVICE_HOST and _PORT of
// `environment` and the service account's files in `folder`.
ConfigResult
in_cluster_config(const Environment& environment,
                  const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

// Read a kubeconfig file; `context` empty: its current one. What this client cannot do (proxy-url,
// auth-provider, passwords, impersonation) is refused by name. The error names file and field.
ConfigResult kubeconfig(const std::string& path, const std::string& context = {});

// Read several (at least one) as if they were one, as kubectl does: of entries of one name, and of
// current contexts, the first wins; paths are relative to the file they stand in.
ConfigResult kubeconfig(const std::vector<std::string>& paths, const std::string& context = {});

// Find the config as kubectl does: `path` if not empty, else KUBECONFIG (files with colons between,
// of which those that are not there are skipped), else the pod's own, else ~/.kube/config. A
// `context` is one of a kubeconfig's: with it, the pod's own is left out.
ConfigResult find_config(const std::string& path, const Environment& environment,
                         const std::string& context = {});

// Return this process's environment.
Environment process_environment();

} // namespace taskgroup::kube
