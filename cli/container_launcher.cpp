// SPDX-License-Identifier: Apache-2.0
#include "cli/container_launcher.h"

#include "cli/container_recipe.h"
#include "cli/containers/child.h"
#include "cli/containers/container_flags.h"
#include "cli/containers/images.h"
#include "cli/host/files.h"
#include "cli/host/temporary_folder.h"
#include "cli/volume_folders.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

namespace taskgroup {

namespace {

using containers::Child;
using containers::ChildOptions;
using containers::Command;
using containers::ImageSearch;
using namespace std::chrono_literals;

// On each container of ours: the folder of its run.
constexpr const char* label = "dev.taskgroup.folder";

// The engines' exit codes for what they, not the container, failed of.
constexpr int engine_failed = 125;
constexpr int command_not_found = 127;

// Unique among the containers of all runs: the run's folder is.
std::string container_name(const RunFolder& folder, const ContainerRecipe& recipe) {
  return folder.root.substr(folder.root.rfind('/') + 1) + "-" + recipe.name;
}

// A descriptor of ours for somebody who comes later.
class Stream {
public:
  explicit Stream(int fd) : m_fd(fcntl(fd, F_DUPFD_CLOEXEC, 0)) {}
  Stream(Stream&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(m_fd, other.m_fd);
    return *this;
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (m_fd >= 0)
      ::close(m_fd);
  }
  int get() const { return m_fd; }

private:
  int m_fd;
};

class ContainerLauncher final : public Launcher {
public:
  ContainerLauncher(const containers::Dialect& dialect, const Plan& plan, const RunFolder& folder,
                    ContainerOptions options)
      : m_dialect(dialect),
        m_plan(plan),
        m_folder(folder),
        m_options(std::move(options)),
        m_volumes(plan, folder, m_options.keep),
        m_events(epoll_create1(EPOLL_CLOEXEC)) {
    for (const Container& container : containers_of(plan)) {
      if (m_left.size() <= container.task)
        m_left.resize(container.task + 1);
      ++m_left[container.task];
    }
    const nlohmann::json pod = nlohmann::json::parse(plan.pod_template, nullptr, false);
    if (pod.is_object() && pod.contains("securityContext"))
      m_pod_security = pod["securityContext"].dump();
  }

  ~ContainerLauncher() override {
    kill_all();
    ::close(m_events);
  }
  ContainerLauncher(const ContainerLauncher&) = delete;
  ContainerLauncher& operator=(const ContainerLauncher&) = delete;

  tl::expected<void, std::string> make_shared_volumes() { return m_volumes.make_shared(); }

  std::vector<std::string> notices() const override {
    return {"steps run in their own images, with this machine's network; their user is the "
            "image's or runAsUser"};
  }

  tl::expected<void, Failure> start_coordinator(int journal_fd) override {
    ChildOptions child;
    child.argv = {m_options.agent, "coordinate",       "--plan",    m_folder.plan_file(),
                  "--sockets",     m_folder.sockets(), "--control", m_folder.control_file()};
    child.stdout_fd = journal_fd;
    child.stderr_fd = STDERR_FILENO;
    child.ends_with_caller = true;
    auto started = Child::start(child);
    if (!started) {
      return tl::unexpected(
          Failure{ExitCode::internal, "error: cannot start the coordinator: " + started.error()});
    }
    watch(started->event_fd(), coordinator_key);
    m_coordinator.emplace(std::move(*started));
    return {};
  }

  void start(const Container& container, int stdout_fd, int stderr_fd) override {
    if (const auto prepared = prepare_for(m_plan, m_folder, m_volumes, container); !prepared) {
      refuse(container, prepared.error());
      return;
    }
    Waiting waiting{container, recipe_of(m_plan, m_folder, m_volumes, m_options.agent, container),
                    Stream(stdout_fd), Stream(stderr_fd)};
    const auto policy = policy_of(waiting.recipe);
    const auto [search, is_new] = m_searches.try_emplace({waiting.recipe.image, policy}, m_dialect,
                                                         waiting.recipe.image, policy);
    search->second.waiting.push_back(std::move(waiting));
    if (is_new) {
      search->second.key = m_next_key++;
      go_on(search->second);
    } else if (!search->second.search.command()) {
      start_waiting(search->second);
    }
  }

  std::vector<std::string> enter(const Container& container, bool terminal) const override {
    const ContainerRecipe recipe =
        recipe_of(m_plan, m_folder, m_volumes, m_options.agent, container);
    std::vector<std::string> words = {m_dialect.program(), "exec"};
    if (terminal)
      words.emplace_back("-it");
    words.push_back(container_name(m_folder, recipe));
    return words;
  }

  int exits_fd() const override { return m_events; }

  std::vector<ContainerExit> read_exits() override {
    std::array<epoll_event, 16> events{};
    int count = 0;
    while ((count = epoll_wait(m_events, events.data(), events.size(), 0)) > 0) {
      for (int i = 0; i < count; ++i) {
        ended(events[static_cast<std::size_t>(i)].data.u64);
      }
    }
    return std::exchange(m_exits, {});
  }

  // Agents end with their coordinator, and what runs in their containers with them.
  void kill_all() override {
    m_over = true;
    if (m_coordinator) {
      m_coordinator->kill(SIGKILL);
      m_coordinator->wait(-1ms);
    }
    for (auto& [key, search] : m_searches) {
      search.child.reset();
      search.waiting.clear();
    }
    end_containers();
    if (!m_options.keep && !m_cleaned)
      remove_volumes();
    m_cleaned = true;
  }

private:
  static constexpr std::uint64_t coordinator_key = 0;

  struct Waiting {
    Container container;
    ContainerRecipe recipe;
    Stream out;
    Stream err;
  };

  // One image that is looked for, and those who wait for it.
  struct Search {
    Search(const containers::Dialect& dialect, const std::string& image,
           containers::PullPolicy policy)
        : name(image), search(dialect, image, policy) {}
    std::string name;
    ImageSearch search;
    std::uint64_t key = 0;
    std::optional<Child> child;
    std::vector<Waiting> waiting;
  };

  struct Running {
    Container container;
    std::string name;
    Child child;
  };

  static containers::PullPolicy policy_of(const ContainerRecipe& recipe) {
    const nlohmann::json fields = nlohmann::json::parse(recipe.fields, nullptr, false);
    return containers::pull_policy(fields.is_object() ? fields.value("imagePullPolicy", "") : "");
  }

  void watch(int fd, std::uint64_t key) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    epoll_ctl(m_events, EPOLL_CTL_ADD, fd, &event);
  }

  // Run the next command of a search; one that is over starts who waits for it.
  void go_on(Search& search) {
    while (search.search.command()) {
      if (search.search.pulls() && m_options.notice)
        m_options.notice(fmt::format("pulling the image {}", search.name));
      auto child = Child::start({*search.search.command()});
      if (child) {
        watch(child->event_fd(), search.key);
        search.child.emplace(std::move(*child));
        return;
      }
      search.search.take({engine_failed, {}, child.error()});
    }
    start_waiting(search);
  }

  void start_waiting(Search& search) {
    for (Waiting& waiting : std::exchange(search.waiting, {})) {
      const auto& image = search.search.result();
      if (image) {
        m_image = image->id;
        run(waiting, *image);
      } else {
        refuse(waiting.container, image.error());
      }
    }
  }

  void run(const Waiting& waiting, const containers::Image& image) {
    const auto flags =
        containers::container_flags(waiting.recipe.fields, m_pod_security, image, m_dialect);
    if (!flags) {
      refuse(waiting.container, flags.error());
      return;
    }
    const std::string name = container_name(m_folder, waiting.recipe);
    ChildOptions child;
    child.argv = container_command(m_dialect, m_folder, waiting.recipe, image.id, *flags);
    child.stdout_fd = waiting.out.get();
    child.stderr_fd = waiting.err.get();
    auto started = Child::start(child);
    if (!started) {
      refuse(waiting.container, started.error());
      return;
    }
    const std::uint64_t key = m_next_key++;
    watch(started->event_fd(), key);
    m_running.emplace(key, Running{waiting.container, name, std::move(*started)});
  }

  // A program has ended: the coordinator, a container's, or one that looks for an image.
  void ended(std::uint64_t key) {
    if (key == coordinator_key) {
      if (const auto code = m_coordinator->exit_code(); code && !m_coordinator_told) {
        m_coordinator_told = true;
        m_exits.push_back({true, 0, *code, {}});
        epoll_ctl(m_events, EPOLL_CTL_DEL, m_coordinator->event_fd(), nullptr);
      }
      return;
    }
    if (const auto running = m_running.find(key); running != m_running.end()) {
      if (const auto code = running->second.child.exit_code()) {
        const Container container = running->second.container;
        m_running.erase(running);
        container_ended(container, *code);
      }
      return;
    }
    for (auto& [image, search] : m_searches) {
      if (search.key != key || !search.child)
        continue;
      if (const auto code = search.child->exit_code()) {
        search.search.take({*code, search.child->output(), search.child->errors()});
        search.child.reset();
        go_on(search);
      }
      return;
    }
  }

  void container_ended(const Container& container, int code) {
    ContainerExit exit{false, container.index, code, {}};
    if (code >= engine_failed && code <= command_not_found) { // never of our agent
      exit.start_error = fmt::format("{} could not start the container; the step's output says why",
                                     m_dialect.program());
    }
    m_exits.push_back(std::move(exit));
    release(container.task);
  }

  void refuse(const Container& container, const std::string& why) {
    m_exits.push_back({false, container.index, 0, why});
    release(container.task);
  }

  void release(std::size_t task) {
    if (--m_left[task] == 0 && !m_over)
      m_volumes.release(task);
  }

  // Wait for the containers whose agents have just lost their coordinator, and remove those that
  // stay all the same: one that hangs in the engine, or is about to be made.
  void end_containers() {
    constexpr auto patience = 5s;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    Command remove = {m_dialect.program(), "rm", "--force"};
    for (auto& [key, running] : m_running) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (!running.child.wait(std::max(left, 0ms)))
        remove.push_back(running.name);
    }
    if (remove.size() > 3)
      containers::run_to_end(remove, 30s);
    std::map<std::uint64_t, Running> over;
    std::swap(over, m_running);
    for (auto& [key, running] : over) {
      const int code = running.child.wait(patience).value_or(128 + SIGKILL);
      container_ended(running.container, code);
    }
  }

  // What users other than the caller wrote is removed by those who can.
  void remove_volumes() {
    for (const std::string& path : {m_folder.volumes(), m_folder.small_volumes()}) {
      if (!host::remove_tree(path).empty() && !m_image.empty())
        containers::run_to_end(m_dialect.remove_tree(path, m_options.agent, m_image), 60s);
    }
  }

  const containers::Dialect& m_dialect;
  const Plan& m_plan;
  const RunFolder& m_folder;
  ContainerOptions m_options;
  VolumeFolders m_volumes;
  std::string m_pod_security;
  int m_events; // epoll: a key for each program that runs

  std::optional<Child> m_coordinator;
  bool m_coordinator_told = false;
  std::uint64_t m_next_key = coordinator_key + 1;
  std::map<std::pair<std::string, containers::PullPolicy>, Search> m_searches;
  std::map<std::uint64_t, Running> m_running;
  std::vector<std::size_t> m_left; // by task: containers that have not ended
  std::vector<ContainerExit> m_exits;
  std::string m_image; // the id of one that is there
  bool m_over = false;
  bool m_cleaned = false;
};

} // namespace

containers::Command container_command(const containers::Dialect& dialect, const RunFolder& folder,
                                      const ContainerRecipe& recipe, const std::string& image,
                                      const containers::Command& flags) {
  Command command = {dialect.program(), "run", "--rm", "--name=" + container_name(folder, recipe),
                     fmt::format("--label={}={}", label, folder.root),
                     // Tasks of a pod share its network: what listens on localhost is found.
                     "--network=host",
                     // The image is there; what steps write comes through our pipes.
                     "--pull=never", "--log-driver=none",
                     // Or the user's own folders would have to be relabelled for SELinux.
                     "--security-opt=label=disable"};
  for (const Command& more : {dialect.run_flags(), flags}) {
    command.insert(command.end(), more.begin(), more.end());
  }
  for (const auto& [name, value] : recipe.env) {
    command.push_back(fmt::format("--env={}={}", name, value));
  }
  for (const host::Mount& mount : recipe.mounts) {
    command.push_back(containers::mount_flag(mount.source, mount.target, mount.read_only));
  }
  command.push_back("--entrypoint=" + recipe.argv.front());
  command.push_back(image);
  command.insert(command.end(), recipe.argv.begin() + 1, recipe.argv.end());
  return command;
}

tl::expected<std::unique_ptr<Launcher>, Failure>
make_container_launcher(const containers::Dialect& dialect, const Plan& plan,
                        const RunFolder& folder, ContainerOptions options) {
  struct stat facts{};
  constexpr mode_t for_everybody = S_IROTH | S_IXOTH;
  if (::stat(options.agent.c_str(), &facts) != 0
      || (facts.st_mode & for_everybody) != for_everybody)
    return tl::unexpected(
        Failure{ExitCode::prerequisite_missing,
                fmt::format("error: steps run as their image's user, who may not run {}; `chmod "
                            "a+rx` it",
                            options.agent)});
  auto launcher = std::make_unique<ContainerLauncher>(dialect, plan, folder, std::move(options));
  if (const auto made = launcher->make_shared_volumes(); !made)
    return tl::unexpected(Failure{ExitCode::internal, "error: " + made.error()});
  return launcher;
}

void remove_dead_containers(const containers::Dialect& dialect) {
  const auto list = containers::run_to_end(dialect.list(label), 10s);
  if (!list || list->code != 0)
    return;
  Command remove = {dialect.program(), "rm", "--force"};
  std::istringstream lines(list->output);
  std::string line;
  while (std::getline(lines, line)) {
    const auto blank = line.find(' ');
    if (blank != std::string::npos && host::is_dead_folder(line.substr(blank + 1)))
      remove.push_back(line.substr(0, blank));
  }
  if (remove.size() > 3)
    containers::run_to_end(remove, 60s);
}

} // namespace taskgroup
