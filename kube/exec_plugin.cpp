// SPDX-License-Identifier: Apache-2.0
#include "kube/exec_plugin.h"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

namespace taskgroup::kube {
namespace {

using nlohmann::json;

constexpr std::size_t max_output = 1024 * 1024;
constexpr std::chrono::milliseconds poll_period{100}; // how late a stop may be noticed

std::string exec_info(const ExecPlugin& plugin) {
  json info = {{"apiVersion", plugin.api_version},
               {"kind", "ExecCredential"},
               {"spec", {{"interactive", false}}}};
  if (plugin.provide_cluster_info) {
    info["spec"]["cluster"] = json::parse(plugin.cluster_info, nullptr, false);
  }
  return info.dump();
}

std::vector<std::string> environment_of(const ExecPlugin& plugin) {
  Environment environment = process_environment();
  for (const auto& [name, value] : plugin.env) {
    environment[name] = value;
  }
  environment["KUBERNETES_EXEC_INFO"] = exec_info(plugin);
  std::vector<std::string> lines;
  for (const auto& [name, value] : environment) {
    lines.push_back(name + "=" + value);
  }
  return lines;
}

// A process that is killed and reaped unless it has been waited for.
class Child {
public:
  explicit Child(pid_t pid) : m_pid(pid) {}
  ~Child() {
    if (m_pid > 0) {
      ::kill(m_pid, SIGKILL);
      (void)wait();
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait() {
    int status = 0;
    while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {
    }
    m_pid = -1;
    return status;
  }

private:
  pid_t m_pid;
};

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() = default;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(std::size_t which) {
    if (ends.at(which) >= 0) {
      ::close(ends.at(which));
      ends.at(which) = -1;
    }
  }
};

// Start it with stdout in `pipe`. Returns an errno.
int spawn(const ExecPlugin& plugin, Pipe& pipe, pid_t& pid) {
  std::vector<std::string> argv = plugin.argv;
  std::vector<std::string> env = environment_of(plugin);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) {
      result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
  };
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, pipe.ends[1], STDOUT_FILENO);
  const int error = ::posix_spawnp(&pid, argv[0].c_str(), &actions, nullptr, pointers(argv).data(),
                                   pointers(env).data());
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

tl::expected<std::string, std::string>
run(const ExecPlugin& plugin, std::chrono::milliseconds limit, const std::stop_token& stop) {
  const std::string& name = plugin.argv.at(0);
  Pipe pipe;
  if (::pipe2(pipe.ends.data(), O_CLOEXEC) != 0) {
    return tl::unexpected("credential plugin \"" + name + "\": no pipe: " + std::strerror(errno));
  }
  pid_t pid = -1;
  if (const int error = spawn(plugin, pipe, pid); error != 0) {
    std::string message =
        "credential plugin \"" + name + "\" cannot be started: " + std::strerror(error);
    return tl::unexpected(plugin.install_hint.empty() ? message
                                                      : message + "\n" + plugin.install_hint);
  }
  Child child(pid);
  pipe.close_end(1);
  std::string output;
  const auto due = std::chrono::steady_clock::now() + limit;
  std::array<char, 4096> buffer{};
  while (true) {
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= due) {
      return tl::unexpected("credential plugin \"" + name + "\" "
                            + (stop.stop_requested() ? "was stopped" : "took too long"));
    }
    pollfd readable{.fd = pipe.ends[0], .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, static_cast<int>(poll_period.count())) <= 0) {
      continue;
    }
    const ssize_t count = ::read(pipe.ends[0], buffer.data(), buffer.size());
    if (count == 0) {
      break;
    }
    if (count > 0) {
      output.append(buffer.data(), static_cast<std::size_t>(count));
    }
    if (output.size() > max_output) {
      return tl::unexpected("credential plugin \"" + name + "\" prints more than 1 MiB");
    }
  }
  const int status = child.wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return tl::unexpected("credential plugin \"" + name + "\" failed, "
                          + (WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                               : "signal " + std::to_string(WTERMSIG(status))));
  }
  return output;
}

} // namespace

tl::expected<PluginCredential, std::string>
run_plugin(const ExecPlugin& plugin, std::chrono::milliseconds limit, const std::stop_token& stop) {
  const auto output = run(plugin, limit, stop);
  if (!output) {
    return tl::unexpected(output.error());
  }
  const json printed = json::parse(*output, nullptr, false);
  const auto refuse = [&](const std::string& what) {
    return tl::unexpected("credential plugin \"" + plugin.argv[0] + "\": " + what);
  };
  if (!printed.is_object() || !printed.contains("status") || !printed["status"].is_object()) {
    return refuse("what it prints is no ExecCredential with a status");
  }
  if (printed.value("apiVersion", json()) != plugin.api_version) {
    return refuse("it answers with apiVersion " + printed.value("apiVersion", json()).dump()
                  + " where the kubeconfig says " + plugin.api_version);
  }
  const json& status = printed["status"];
  const auto text = [&](const char* key) {
    return status.contains(key) && status[key].is_string() ? status[key].get<std::string>()
                                                           : std::string();
  };
  PluginCredential credential{.token = text("token"),
                              .certificate = text("clientCertificateData"),
                              .key = text("clientKeyData"),
                              .expires = std::nullopt};
  if (credential.token.empty() && credential.certificate.empty()) {
    return refuse("its status has neither token nor clientCertificateData");
  }
  if (credential.certificate.empty() != credential.key.empty()) {
    return refuse("clientCertificateData and clientKeyData belong together");
  }
  if (const std::string expires = text("expirationTimestamp"); !expires.empty()) {
    credential.expires = from_rfc3339(expires);
    if (!credential.expires) {
      return refuse("expirationTimestamp \"" + expires + "\" is no time");
    }
  }
  return credential;
}

} // namespace taskgroup::kube
