// SPDX-License-Identifier: Apache-2.0
#include "cli/containers/child.h"
#include "cli/containers/dialect.h"

#include <nlohmann/json.hpp>

#include <cstdlib>

namespace taskgroup::containers {

namespace {

using nlohmann::json;

class Docker : public Dialect {
public:
  std::string program() const override { return "docker"; }

  // The daemon answers, and it is this machine's own: it binds folders that we make. A container of
  // nothing cannot be tried, for docker makes them of images only.
  tl::expected<void, std::string> probe(const std::string& /*folder*/,
                                        std::chrono::milliseconds limit) const override {
    const auto refuse = [](std::string why) { return tl::make_unexpected(std::move(why)); };
    const auto info = run_to_end({"docker", "info", "--format", "{{json .}}"}, limit);
    if (!info) {
      return refuse(info.error());
    }
    m_info = json::parse(info->output, nullptr, false);
    if (!m_info.is_object()) {
      return refuse("docker: " + last_line(info->errors));
    }
    if (const json errors = m_info.value("ServerErrors", json::array());
        errors.is_array() && !errors.empty() && errors[0].is_string()) {
      return refuse("docker: " + last_line(errors[0].get<std::string>()));
    }
    if (info->code != 0) {
      return refuse("docker: " + last_line(info->errors));
    }
    if (m_info.value("OSType", "linux") != "linux") {
      return refuse("docker's daemon does not run Linux containers");
    }
    if (m_info.value("OperatingSystem", "") == "Docker Desktop") {
      return refuse("Docker Desktop runs containers in a machine of its own, which cannot reach "
                    "the sockets of this one; install Docker's engine or podman");
    }
    const std::string host = daemon_of(limit);
    if (!host.empty() && !host.starts_with("unix://")) {
      return refuse("docker's daemon is on another machine (" + host
                    + "), which cannot see this one's folders; unset DOCKER_HOST or choose "
                      "another context");
    }
    return {};
  }

  bool limits(std::string_view resource) const override {
    if (resource == "memory") {
      return m_info.value("MemoryLimit", false);
    }
    return m_info.value("CpuCfsQuota", m_info.value("CPUCfsQuota", false));
  }

  std::string pulled_name(const std::string& image) const override { return image; }

  Command run_flags() const override { return {}; }

  Command list(const std::string& label) const override {
    return {"docker",   "ps",
            "--all",    "--filter=label=" + label,
            "--format", "{{.ID}} {{.Label \"" + label + "\"}}"};
  }

  // The daemon runs containers as root, whoever calls; only another container can remove their
  // files.
  Command remove_tree(const std::string& folder, const std::string& agent,
                      const std::string& image) const override {
    return {"docker",
            "run",
            "--rm",
            "--pull=never",
            "--network=none",
            "--user=0:0",
            "--security-opt=label=disable",
            "--volume=" + agent + ":/taskgroup/agent:ro",
            "--volume=" + folder + ":/taskgroup/folder",
            "--entrypoint=/taskgroup/agent",
            image,
            "empty",
            "/taskgroup/folder"};
  }

private:
  static std::string daemon_of(std::chrono::milliseconds limit) {
    if (const char* named = std::getenv("DOCKER_HOST"); named != nullptr && *named != '\0') {
      return named;
    }
    const auto context = run_to_end(
        {"docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"}, limit);
    return context && context->code == 0 ? context->output : std::string();
  }

  mutable json m_info = json::object(); // of the probe
};

} // namespace

std::unique_ptr<Dialect> make_docker() { return std::make_unique<Docker>(); }

} // namespace taskgroup::containers
