// SPDX-License-Identifier: Apache-2.0
#include "cli/containers/child.h"
#include "cli/containers/dialect.h"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <optional>

namespace taskgroup::containers {

namespace {

using namespace std::chrono_literals;

// The registries of /etc/containers are not asked: they would make a name mean something else than
// in a pod.
std::string in_docker_hub(const std::string& image) {
  const auto slash = image.find('/');
  const std::string first = image.substr(0, slash);
  if (slash != std::string::npos
      && (first == "localhost" || first.find_first_of(".:") != std::string::npos)) {
    return image;
  }
  return "docker.io/" + (slash == std::string::npos ? "library/" + image : image);
}

class Podman : public Dialect {
public:
  std::string program() const override { return "podman"; }

  // A program in an empty root is what can be tried without an image. That it is not there is the
  // last thing that the OCI runtime finds out: everything else has worked then.
  tl::expected<void, std::string> probe(const std::string& folder,
                                        std::chrono::milliseconds limit) const override {
    constexpr int command_not_found = 127;
    const auto tried = run_to_end({"podman", "run", "--rm", "--network=host", "--log-driver=none",
                                   "--security-opt=label=disable", "--rootfs", folder, "/nothing"},
                                  limit);
    if (!tried) {
      return tl::make_unexpected(tried.error());
    }
    if (tried->code != command_not_found) {
      return tl::make_unexpected("podman cannot run a container here: " + last_line(tried->errors));
    }
    return {};
  }

  // As root everything can be limited; without, only what systemd has delegated to the user.
  bool limits(std::string_view resource) const override {
    if (geteuid() == 0) {
      return true;
    }
    if (!m_info) {
      const auto info = run_to_end({"podman", "info", "--format", "json"}, 10s);
      m_info = nlohmann::json::parse(info ? info->output : "", nullptr, false);
    }
    const auto controllers = "/host/cgroupControllers"_json_pointer;
    if (!m_info->is_object() || m_info->value("/host/cgroupVersion"_json_pointer, "") != "v2"
        || !m_info->contains(controllers)) {
      return false;
    }
    const nlohmann::json& list = m_info->at(controllers);
    return std::find(list.begin(), list.end(), resource) != list.end();
  }

  std::string pulled_name(const std::string& image) const override { return in_docker_hub(image); }

  // Of --read-only: a pod's container has no tmpfs beside it.
  Command run_flags() const override { return {"--read-only-tmpfs=false"}; }

  Command list(const std::string& label) const override {
    return {"podman",   "ps",
            "--all",    "--filter=label=" + label,
            "--format", "{{.ID}} {{index .Labels \"" + label + "\"}}"};
  }

  Command remove_tree(const std::string& folder, const std::string& /*agent*/,
                      const std::string& /*image*/) const override {
    return {"podman", "unshare", "rm", "-rf", "--", folder};
  }

private:
  mutable std::optional<nlohmann::json> m_info;
};

} // namespace

std::unique_ptr<Dialect> make_podman() { return std::make_unique<Podman>(); }

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  const auto line = text.rfind('\n');
  text.remove_prefix(line == std::string_view::npos ? 0 : line + 1);
  for (const std::string_view prefix : {"Error: ", "docker: ", "Error response from daemon: "}) {
    if (text.starts_with(prefix)) {
      text.remove_prefix(prefix.size());
    }
  }
  return text.empty() ? "it does not say why" : std::string(text);
}

} // namespace taskgroup::containers
