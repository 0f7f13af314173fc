// SPDX-License-Identifier: Apache-2.0
#include "cli/host_launcher.h"

#include "cli/container_recipe.h"
#include "cli/run_folder.h"

#include <fmt/format.h>

#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace taskgroup {

namespace {

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

// Return the pid of a container's agent as this process sees it. What the supervisor knows is its
// number in a namespace of its own; the words that the agent was started with are unique.
std::string find_agent(const std::string& container, const std::string& nonce) {
  using namespace std::string_literals;
  const std::string words = "\0--container\0"s + container + "\0--nonce\0"s + nonce + "\0"s;
  std::error_code none;
  for (const auto& process : std::filesystem::directory_iterator("/proc", none)) {
    std::ifstream file(process.path() / "cmdline");
    const std::string line{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (line.find(words) != std::string::npos)
      return process.path().filename().string();
  }
  return {};
}

class HostLauncher : public Launcher {
public:
  HostLauncher(host::Sandbox sandbox, const Plan& plan, const RunFolder& folder,
               HostOptions options)
      : m_sandbox(std::move(sandbox)),
        m_plan(plan),
        m_folder(folder),
        m_options(std::move(options)),
        m_volumes(plan, folder, m_options.keep) {
    for (const Container& container : containers_of(plan)) {
      m_containers[name_of(container)] = container;
    }
    for (const PlanTask& task : plan.tasks) {
      m_left.push_back(container_count(task));
    }
  }

  tl::expected<void, std::string> make_shared_volumes() { return m_volumes.make_shared(); }

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
    if (const auto prepared = prepare_for(m_plan, m_folder, m_volumes, container); !prepared) {
      refuse(container, prepared.error());
      return;
    }
    host::ContainerSpec spec = host_container(m_plan, m_folder, m_volumes, m_options, container);
    spec.stdout_fd = stdout_fd;
    spec.stderr_fd = stderr_fd;
    const auto started = m_sandbox.start(spec);
    if (!started) {
      refuse(container, started.error());
    }
  }

  std::vector<std::string> enter(const Container& container, bool /*terminal*/) const override {
    const std::string agent = find_agent(name_of(container), m_plan.nonce);
    if (agent.empty())
      return {};
    std::vector<std::string> words = {"nsenter", "--target=" + agent, "--mount", "--pid"};
    if (m_options.one_user) {
      words.emplace_back("--user");
      words.emplace_back("--preserve-credentials");
    }
    return words;
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
        one.index = m_containers.at(exit.name).index;
        ended(m_containers.at(exit.name).task);
      }
      exits.push_back(std::move(one));
    }
    return exits;
  }

  void kill_all() override { m_sandbox.kill_all(); }

private:
  void refuse(const Container& container, const std::string& why) {
    m_failed.push_back({false, container.index, 0, why});
    ended(container.task);
  }

  // Each step of a task has one container; with the last one the task is over.
  void ended(std::size_t task) {
    if (--m_left[task] == 0)
      m_volumes.release(task);
  }

  std::string name_of(const Container& container) const {
    return container_at(m_plan.tasks[container.task], container.step).container;
  }

  host::Sandbox m_sandbox;
  const Plan& m_plan;
  const RunFolder& m_folder;
  HostOptions m_options;
  std::map<std::string, Container> m_containers; // by the container's name
  std::vector<std::size_t> m_left;               // by task: containers that have not ended
  VolumeFolders m_volumes;
  std::vector<ContainerExit> m_failed; // refused by the sandbox, not yet reported
};

} // namespace

host::ContainerSpec host_container(const Plan& plan, const RunFolder& folder,
                                   const VolumeFolders& volumes, const HostOptions& options,
                                   const Container& container) {
  ContainerRecipe recipe = recipe_of(plan, folder, volumes, options.agent, container);
  host::ContainerSpec spec;
  spec.name = std::move(recipe.name);
  spec.argv = std::move(recipe.argv);

  // What an image's configuration would give; the step's own env comes over it.
  std::map<std::string, std::string> environment = {
      {"PATH", options.path}, {"HOME", "/tekton/home"}, {"LANG", "C.UTF-8"}};
  if (options.one_user) {
    // Files of other users cannot be made here, and tar, run as root, would try to.
    environment["TAR_OPTIONS"] = "--no-same-owner";
  }
  for (auto& [name, value] : recipe.env) {
    environment[name] = std::move(value);
  }
  for (const auto& [name, value] : environment) {
    spec.env.push_back(name + "=" + value);
  }
  spec.mounts = std::move(recipe.mounts);
  if (is_hidden(options.directory)) {
    spec.mounts.push_back(
        {.source = options.directory, .target = options.directory, .scratch = true});
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
  auto launcher = std::make_unique<HostLauncher>(std::move(*sandbox), plan, folder, options);
  if (const auto made = launcher->make_shared_volumes(); !made)
    return tl::unexpected(Failure{ExitCode::internal, "error: " + made.error()});
  return launcher;
}

} // namespace taskgroup
