// SPDX-License-Identifier: Apache-2.0
#include "cli/host_launcher.h"

#include "cli/expand.h"
#include "cli/run_folder.h"

#include <fmt/format.h>

#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup {

namespace {

// Where a container finds what belongs to us; users cannot mount below /tekton (fields.h).
constexpr const char* agent_path = "/tekton/bin/taskgroup-agent";
constexpr const char* socket_path = "/tekton/coordinator";

constexpr const char* coordinator_name = "coordinator";

// Folders that are empty in every container; what lies below them on the host is not seen.
bool is_hidden(const std::string& directory) {
  for (const char* hidden : {"/tmp", "/var/tmp", "/run", "/dev", "/proc"}) {
    if (directory == hidden || directory.rfind(std::string(hidden) + "/", 0) == 0) {
      return true;
    }
  }
  return false;
}

std::vector<host::Mount> mounts_of(const Plan& plan, const RunFolder& folder,
                                   const PlanStep& step) {
  std::vector<host::Mount> mounts;
  for (const PlanMount& mount : step.mounts) {
    const auto volume =
        std::find_if(plan.volumes.begin(), plan.volumes.end(),
                     [&](const PlanVolume& one) { return one.name == mount.volume; });
    if (volume == plan.volumes.end()) {
      continue; // plan_from_json and the planner exclude it
    }
    const bool read_only = mount.read_only || volume->read_only;
    std::string source = folder.volume(volume->name);
    if (volume->kind == PlanVolume::Kind::bound) {
      std::error_code error;
      if (std::filesystem::is_directory(volume->source, error)) {
        source = volume->source;
      } else {
        // A workspace is a folder: the file appears in it under its own name.
        mounts.push_back({source, mount.path, true});
        const std::string name = std::filesystem::path(volume->source).filename().string();
        mounts.push_back({volume->source, mount.path + "/" + name, true});
        continue;
      }
    }
    if (!mount.sub_path.empty()) {
      source += "/" + mount.sub_path;
    }
    mounts.push_back({source, mount.path, read_only});
  }
  return mounts;
}

class HostLauncher : public Launcher {
public:
  HostLauncher(host::Sandbox sandbox, const Plan& plan, const RunFolder& folder,
               HostOptions options)
      : m_sandbox(std::move(sandbox)),
        m_plan(plan),
        m_folder(folder),
        m_options(std::move(options)) {
    for (const Container& container : containers_of(plan)) {
      m_index[name_of(container)] = container.index;
    }
  }

  std::vector<std::string> notices() const override { return m_sandbox.notices(); }

  tl::expected<void, Failure> start_coordinator(int journal_fd) override {
    host::ContainerSpec spec;
    spec.name = coordinator_name;
    spec.argv = {m_options.agent, "coordinate",       "--plan",    m_folder.plan_file(),
                 "--sockets",     m_folder.sockets(), "--control", m_folder.control_file()};
    spec.env = {"PATH=" + m_options.path};
    spec.stdout_fd = journal_fd;
    spec.stderr_fd = 2;
    spec.isolated = false;
    const auto started = m_sandbox.start(spec);
    if (!started) {
      return tl::unexpected(
          Failure{ExitCode::internal, "error: cannot start the coordinator: " + started.error()});
    }
    return {};
  }

  void start(const Container& container, int stdout_fd, int stderr_fd) override {
    const PlanStep& step = m_plan.tasks[container.task].steps[container.step];
    const auto prepared = make_sub_paths(m_plan, m_folder, step);
    if (!prepared) {
      m_failed.push_back({false, container.index, 0, prepared.error()});
      return;
    }
    host::ContainerSpec spec = host_container(m_plan, m_folder, m_options, container);
    spec.stdout_fd = stdout_fd;
    spec.stderr_fd = stderr_fd;
    const auto started = m_sandbox.start(spec);
    if (!started) {
      m_failed.push_back({false, container.index, 0, started.error()});
    }
  }

  int exits_fd() const override { return m_sandbox.event_fd(); }

  std::vector<ContainerExit> read_exits() override {
    std::vector<ContainerExit> exits = std::exchange(m_failed, {});
    for (const host::Exit& exit : m_sandbox.read_exits()) {
      ContainerExit one;
      one.exit_code =
          WIFSIGNALED(exit.status) ? 128 + WTERMSIG(exit.status) : WEXITSTATUS(exit.status);
      one.start_error = exit.start_error;
      one.coordinator = exit.name == coordinator_name;
      if (!one.coordinator) {
        one.index = m_index.at(exit.name);
      }
      exits.push_back(std::move(one));
    }
    return exits;
  }

  void kill_all() override { m_sandbox.kill_all(); }

private:
  std::string name_of(const Container& container) const {
    return m_plan.tasks[container.task].steps[container.step].container;
  }

  host::Sandbox m_sandbox;
  const Plan& m_plan;
  const RunFolder& m_folder;
  HostOptions m_options;
  std::map<std::string, std::size_t> m_index;
  std::vector<ContainerExit> m_failed; // refused by the sandbox, not yet reported
};

} // namespace

host::ContainerSpec host_container(const Plan& plan, const RunFolder& folder,
                                   const HostOptions& options, const Container& container) {
  const PlanStep& step = plan.tasks[container.task].steps[container.step];
  host::ContainerSpec spec;
  spec.name = step.container;
  spec.argv = {agent_path,    "step",         "--socket", std::string(socket_path) + "/s",
               "--container", step.container, "--nonce",  plan.nonce};
  if (step.script) {
    spec.argv.emplace_back("--script");
  }
  spec.argv.emplace_back("--");

  // What an image's configuration would give; the step's own env comes after it.
  std::map<std::string, std::string> environment = {
      {"PATH", options.path}, {"HOME", "/tekton/home"}, {"LANG", "C.UTF-8"}};
  std::map<std::string, std::string> declared; // what kubelet expands: only the container's own env
  for (const PlanEnv& env : step.env) {
    const std::string value = expand_variables(env.value.to_marked(plan.nonce), declared);
    declared[env.name] = value;
    environment[env.name] = value;
  }
  for (const auto& [name, value] : environment) {
    spec.env.push_back(name + "=" + value);
  }
  if (!step.script) {
    for (const Text& word : step.command) {
      spec.argv.push_back(expand_variables(word.to_marked(plan.nonce), declared));
    }
  }
  for (const Text& word : step.args) {
    spec.argv.push_back(expand_variables(word.to_marked(plan.nonce), declared));
  }

  spec.mounts = mounts_of(plan, folder, step);
  spec.mounts.push_back({options.agent, agent_path, true});
  spec.mounts.push_back({folder.socket_folder(container.index), socket_path, false});
  if (is_hidden(options.directory)) {
    spec.mounts.push_back({options.directory, options.directory, true});
  }
  spec.cwd = options.directory;
  return spec;
}

tl::expected<std::unique_ptr<Launcher>, Failure>
make_host_launcher(const Plan& plan, const RunFolder& folder, const HostOptions& options) {
  host::SandboxOptions sandbox_options;
  sandbox_options.temporary_folder = folder.sandbox();
  sandbox_options.keep = options.keep;
  auto sandbox = host::Sandbox::create(sandbox_options);
  if (!sandbox) {
    const bool forbidden = sandbox.error().kind == host::StartError::Kind::prerequisite;
    return tl::unexpected(
        Failure{forbidden ? ExitCode::prerequisite_missing : ExitCode::internal,
                "error: the host launcher cannot work here: " + sandbox.error().message});
  }
  return std::make_unique<HostLauncher>(std::move(*sandbox), plan, folder, options);
}

} // namespace taskgroup
