// SPDX-License-Identifier: Apache-2.0
#include "kube/base64.h"
#include "kube/cluster_config.h"

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string_view>

namespace taskgroup::kube {
namespace {

// Reads one or several kubeconfigs as if they were one. A step that fails sets the error and makes
// the others do nothing.
class KubeconfigReader {
public:
  ConfigResult read(const std::vector<std::string>& paths, const std::string& wanted_context) {
    for (const std::string& path : paths) {
      if (const std::string error = load(path); !error.empty()) {
        return tl::unexpected(path + ": " + error);
      }
    }
    try {
      read_context(wanted_context);
    } catch (const YAML::Exception& wrong) {
      fail(std::string("not the shape of a kubeconfig: ") + wrong.what());
    }
    if (!m_error.empty()) {
      return tl::unexpected(m_path + ": " + m_error);
    }
    return m_config;
  }

private:
  struct File {
    std::string path;
    YAML::Node content;
  };

  // Return what is wrong with the file; empty: nothing.
  std::string load(const std::string& path) {
    YAML::Node content;
    try {
      content = YAML::LoadFile(path);
    } catch (const YAML::BadFile&) {
      return "cannot be read";
    } catch (const YAML::Exception& wrong) {
      return std::string("is no YAML: ") + wrong.what();
    }
    if (content.IsNull()) {
      content = YAML::Node(YAML::NodeType::Map); // empty, as `kubectl config` leaves it
    }
    if (!content.IsMap()) {
      return "is no kubeconfig: no mapping at its top";
    }
    m_path += (m_path.empty() ? "" : ":") + path;
    m_files.push_back({path, content});
    return {};
  }

  void fail(std::string message) {
    if (m_error.empty()) {
      m_error = std::move(message);
    }
  }

  static std::string text(const YAML::Node& node, const char* key) {
    const YAML::Node value = node[key];
    return value && value.IsScalar() ? value.Scalar() : std::string();
  }

  static bool flag(const YAML::Node& node, const char* key) { return text(node, key) == "true"; }

  // The entry of a list of {name, <what>: …}; of several files the first that has it. Its file is
  // the one that relative paths are resolved against from here on.
  YAML::Node named(const char* list, const char* what, const std::string& name) {
    std::string known;
    for (const File& file : m_files) {
      for (const YAML::Node& entry : file.content[list]) {
        if (text(entry, "name") == name && entry[what].IsMap()) {
          m_base = file.path;
          return entry[what];
        }
        known += (known.empty() ? ". There is " : ", ") + text(entry, "name");
      }
    }
    fail(std::string(list) + ": has no entry \"" + name + "\"" + known);
    return YAML::Node(YAML::NodeType::Map);
  }

  std::string current_context() const {
    for (const File& file : m_files) {
      if (std::string name = text(file.content, "current-context"); !name.empty()) {
        return name;
      }
    }
    return {};
  }

  void read_context(const std::string& wanted) {
    const std::string name = wanted.empty() ? current_context() : wanted;
    if (name.empty()) {
      fail("current-context is not set");
      return;
    }
    const YAML::Node context = named("contexts", "context", name);
    if (!m_error.empty()) {
      return;
    }
    m_config.namespace_name = text(context, "namespace");
    if (m_config.namespace_name.empty()) {
      m_config.namespace_name = "default";
    }
    const std::string cluster = text(context, "cluster");
    read_cluster(named("clusters", "cluster", cluster), "cluster \"" + cluster + "\"");
    const std::string user = text(context, "user");
    if (!user.empty()) {
      read_user(named("users", "user", user), "user \"" + user + "\"");
    }
  }

  // Refuse what this client cannot do, and what it does not know.
  void check_keys(const YAML::Node& node, const std::string& where,
                  std::initializer_list<std::string_view> known) {
    for (const auto& entry : node) {
      const std::string& key = entry.first.Scalar();
      if (std::ranges::find(known, key) == known.end()) {
        fail(where + "." + key + ": not supported here. Supported are " + [&] {
          std::string list;
          for (const std::string_view one : known) {
            list += (list.empty() ? "" : ", ") + std::string(one);
          }
          return list;
        }());
      }
    }
  }

  void read_cluster(const YAML::Node& cluster, const std::string& where) {
    check_keys(cluster, where,
               {"server", "certificate-authority", "certificate-authority-data",
                "insecure-skip-tls-verify", "tls-server-name", "disable-compression",
                "extensions"});
    read_server(text(cluster, "server"), where);
    m_config.ca = data_or_file(cluster, "certificate-authority", where);
    m_config.insecure_skip_tls_verify = flag(cluster, "insecure-skip-tls-verify");
    m_config.tls_server_name = text(cluster, "tls-server-name");
    if (m_config.insecure_skip_tls_verify && !m_config.ca.empty()) {
      fail(where + ": has both insecure-skip-tls-verify and a certificate-authority: drop one");
    }
    nlohmann::json info = {{"server", text(cluster, "server")}};
    if (!m_config.tls_server_name.empty()) {
      info["tls-server-name"] = m_config.tls_server_name;
    }
    if (m_config.insecure_skip_tls_verify) {
      info["insecure-skip-tls-verify"] = true;
    }
    if (const std::string data = text(cluster, "certificate-authority-data"); !data.empty()) {
      info["certificate-authority-data"] = data;
    }
    m_cluster_info = info.dump();
  }

  void read_server(std::string_view server, const std::string& where) {
    const std::string message =
        where + ".server: \"" + std::string(server) + "\" is no address like https://host:6443";
    m_config.tls = server.starts_with("https://");
    if (!m_config.tls && !server.starts_with("http://")) {
      return fail(message);
    }
    server.remove_prefix(m_config.tls ? 8 : 7);
    const std::size_t slash = std::min(server.find('/'), server.size());
    m_config.path_prefix = server.substr(slash);
    while (m_config.path_prefix.ends_with('/')) {
      m_config.path_prefix.pop_back();
    }
    std::string_view authority = server.substr(0, slash);
    if (authority.starts_with('[')) { // IPv6
      const std::size_t close = authority.find(']');
      if (close == std::string_view::npos) {
        return fail(message);
      }
      m_config.host = authority.substr(1, close - 1);
      authority.remove_prefix(close + 1);
    } else {
      const std::size_t colon = std::min(authority.find(':'), authority.size());
      m_config.host = authority.substr(0, colon);
      authority.remove_prefix(colon);
    }
    m_config.port = m_config.tls ? 443 : 80;
    if (authority.starts_with(':')) {
      authority.remove_prefix(1);
      const auto [end, error] =
          std::from_chars(authority.data(), authority.data() + authority.size(), m_config.port);
      if (error != std::errc{} || end != authority.data() + authority.size() || m_config.port < 1
          || m_config.port > 65535) {
        return fail(message);
      }
    } else if (!authority.empty()) {
      return fail(message);
    }
    if (m_config.host.empty() || m_config.host.find('@') != std::string::npos) {
      fail(message);
    }
  }

  void read_user(const YAML::Node& user, const std::string& where) {
    check_keys(user, where,
               {"token", "tokenFile", "client-certificate", "client-certificate-data", "client-key",
                "client-key-data", "exec", "extensions"});
    m_config.token = text(user, "token");
    if (const std::string file = text(user, "tokenFile"); !file.empty()) {
      m_config.token_file = resolve(file);
    }
    m_config.client_certificate = data_or_file(user, "client-certificate", where);
    m_config.client_key = data_or_file(user, "client-key", where);
    if (m_config.client_certificate.empty() != m_config.client_key.empty()) {
      fail(where + ": client-certificate and client-key belong together");
    }
    if (user["exec"] && user["exec"].IsMap()) {
      read_exec(user["exec"], where + ".exec");
    }
  }

  void read_exec(const YAML::Node& exec, const std::string& where) {
    check_keys(exec, where,
               {"apiVersion", "command", "args", "env", "installHint", "provideClusterInfo",
                "interactiveMode"});
    ExecPlugin plugin{.api_version = text(exec, "apiVersion"),
                      .argv = {text(exec, "command")},
                      .env = {},
                      .install_hint = text(exec, "installHint"),
                      .provide_cluster_info = flag(exec, "provideClusterInfo"),
                      .cluster_info = m_cluster_info};
    if (plugin.api_version != "client.authentication.k8s.io/v1"
        && plugin.api_version != "client.authentication.k8s.io/v1beta1") {
      fail(where + ".apiVersion: \"" + plugin.api_version
           + "\" is not supported: client.authentication.k8s.io/v1 and v1beta1 are");
    }
    if (text(exec, "interactiveMode") == "Always") {
      fail(where + ".interactiveMode: Always is not supported: nobody can be asked here");
    }
    if (plugin.argv[0].empty()) {
      fail(where + ".command: is missing");
    } else if (plugin.argv[0].find('/') != std::string::npos) {
      plugin.argv[0] = resolve(plugin.argv[0]);
    }
    for (const YAML::Node& arg : exec["args"]) {
      plugin.argv.push_back(arg.Scalar());
    }
    for (const YAML::Node& variable : exec["env"]) {
      plugin.env.emplace_back(text(variable, "name"), text(variable, "value"));
    }
    m_config.exec = std::move(plugin);
  }

  // The decoded <key>-data, else what is in the file <key>.
  std::string data_or_file(const YAML::Node& node, const std::string& key,
                           const std::string& where) {
    if (const std::string data = text(node, (key + "-data").c_str()); !data.empty()) {
      const auto decoded = decode_base64(data);
      if (!decoded) {
        fail(where + "." + key + "-data: is no base64");
      }
      return decoded.value_or("");
    }
    const std::string path = text(node, key.c_str());
    if (path.empty()) {
      return {};
    }
    std::ifstream file(resolve(path), std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (content.empty()) {
      fail(where + "." + key + ": " + resolve(path) + " cannot be read or is empty");
    }
    return content;
  }

  // Paths are relative to the folder of the file they stand in.
  std::string resolve(const std::string& path) const {
    return (std::filesystem::absolute(m_base).parent_path() / path).lexically_normal().string();
  }

  std::vector<File> m_files; // the first one wins
  std::string m_path;        // of all of them, as in KUBECONFIG
  std::string m_base;        // the file of the entry at hand
  std::string m_error;
  std::string m_cluster_info;
  ClusterConfig m_config;
};

} // namespace

ConfigResult kubeconfig(const std::vector<std::string>& paths, const std::string& context) {
  return KubeconfigReader().read(paths, context);
}

ConfigResult kubeconfig(const std::string& path, const std::string& context) {
  return kubeconfig(std::vector<std::string>{path}, context);
}

} // namespace taskgroup::kube
