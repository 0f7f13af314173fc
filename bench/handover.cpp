// SPDX-License-Identifier: Apache-2.0
// Measures what a step costs beyond itself: the time from the end of one step's program to the
// begin of the next one's, with 30 agents waiting, beside bare fork and exec of the same program;
// and what a waiting agent costs. Both stamps are the programs' own. Prints lines for people, then
// JSON.
#include <taskgroup/plan.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using Words = std::vector<std::string>;
namespace fs = std::filesystem;

constexpr std::size_t agents = 30;
constexpr int rounds = 40;

[[noreturn]] void fail(const std::string& what) {
  std::perror(("bench_handover: " + what).c_str());
  std::exit(EXIT_FAILURE);
}

// Start a program with its stdout in a file (appended).
pid_t start(Words argv, const std::string& output) {
  std::vector<char*> pointers;
  for (std::string& word : argv) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  pid_t pid = -1;
  if (posix_spawn(&pid, pointers[0], &actions, nullptr, pointers.data(), environ) != 0) {
    fail(argv[0]);
  }
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

void finish(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0) {
    fail("a program failed");
  }
}

// Return the times in ms between the end of each program and the begin of the next, from its
// stamps.
std::vector<double> gaps(const std::string& output) {
  std::ifstream file(output, std::ios::binary);
  std::vector<double> result;
  std::array<std::int64_t, 2> stamps{};
  std::int64_t last_end = 0;
  while (file.read(reinterpret_cast<char*>(stamps.data()), sizeof stamps)) {
    if (last_end != 0) {
      result.push_back(static_cast<double>(stamps[0] - last_end) / 1e6);
    }
    last_end = stamps[1];
  }
  return result;
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  return values.empty() ? 0 : values[std::min(rank, values.size() - 1)];
}

std::string container(std::size_t index) { return "step-t" + std::to_string(index) + "-stamp"; }

std::string chain() {
  taskgroup::Plan plan;
  plan.group = "chain";
  plan.nonce = "5f2c";
  for (std::size_t i = 0; i < agents; ++i) {
    taskgroup::PlanTask& task = plan.tasks.emplace_back();
    task.name = "t" + std::to_string(i);
    if (i > 0) {
      task.after = {i - 1};
    }
    taskgroup::PlanStep& step = task.steps.emplace_back();
    step.name = "stamp";
    step.container = container(i);
  }
  return taskgroup::to_json(plan, taskgroup::PlanParts::run);
}

pid_t start_agent(const std::string& folder, std::size_t index, const std::string& output) {
  const std::string number = std::to_string(index);
  return start({TASKGROUP_AGENT, "step", "--socket", folder + "/sockets/" + number + "/s",
                "--container", container(index), "--nonce", "5f2c", "--root", folder + "/" + number,
                "--", TASKGROUP_STAMP},
               output);
}

// Run a chain of tasks once. The first agent comes when all others wait.
void run_chain(const std::string& folder, const std::string& output) {
  std::ofstream(folder + "/plan.json") << chain();
  std::vector<pid_t> pids = {start({TASKGROUP_AGENT, "coordinate", "--plan", folder + "/plan.json",
                                    "--sockets", folder + "/sockets"},
                                   folder + "/journal")};
  for (std::size_t i = agents - 1; i > 0; --i) {
    pids.push_back(start_agent(folder, i, output));
  }
  const auto listens = [&](std::size_t i) {
    return fs::exists(folder + "/sockets/" + std::to_string(i) + "/s");
  };
  while (!listens(0)) {
    usleep(1000);
  }
  for (std::size_t i = 1; i < agents; ++i) {
    while (listens(i)) {
      usleep(1000); // its socket goes when it has come
    }
  }
  pids.push_back(start_agent(folder, 0, output));
  for (const pid_t pid : pids) {
    finish(pid);
  }
  fs::remove_all(folder + "/sockets");
}

// Start 30 agents that wait; return their VmRSS in KiB, sorted.
std::vector<long> waiting_memory(const std::string& folder) {
  std::vector<pid_t> pids;
  std::vector<int> connections;
  std::vector<long> result;
  for (std::size_t i = 0; i < agents; ++i) {
    const std::string place = folder + "/sockets/" + std::to_string(i);
    fs::create_directories(place);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (place + "/s").c_str(), sizeof address.sun_path - 1);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0
        || bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0
        || listen(listener, 1) != 0) {
      fail(place);
    }
    pids.push_back(start_agent(folder, i, "/dev/null"));
    connections.push_back(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    close(listener);
    char byte = 0;
    while (byte != '\n' && read(connections.back(), &byte, 1) == 1) {
    }
  }
  for (const pid_t pid : pids) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) {
        result.push_back(std::strtol(line.c_str() + 6, nullptr, 10));
      }
    }
  }
  for (std::size_t i = 0; i < agents; ++i) {
    constexpr std::string_view done = "{\"type\":\"done\"}\n";
    if (write(connections[i], done.data(), done.size()) != static_cast<ssize_t>(done.size())) {
      fail("an agent is gone");
    }
    finish(pids[i]);
    close(connections[i]);
  }
  std::sort(result.begin(), result.end());
  return result;
}

} // namespace

int main() {
  std::string folder = "/tmp/taskgroup-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    fail(folder);
  }
  const std::vector<long> memory = waiting_memory(folder);
  fs::remove_all(folder + "/sockets");

  std::vector<double> handovers;
  std::vector<double> bare;
  for (int round = 0; round < rounds; ++round) {
    const std::string stamps = folder + "/stamps-" + std::to_string(round);
    run_chain(folder, stamps);
    const std::vector<double> chain_gaps = gaps(stamps);
    if (chain_gaps.size() != agents - 1) {
      fail("steps are missing");
    }
    handovers.insert(handovers.end(), chain_gaps.begin(), chain_gaps.end());

    const std::string bare_stamps = folder + "/bare-" + std::to_string(round);
    for (std::size_t i = 0; i < agents; ++i) {
      finish(start({TASKGROUP_STAMP}, bare_stamps));
    }
    const std::vector<double> bare_gaps = gaps(bare_stamps);
    bare.insert(bare.end(), bare_gaps.begin(), bare_gaps.end());
  }
  fs::remove_all(folder);

  struct stat agent{};
  stat(TASKGROUP_AGENT, &agent);
  const long rss = memory.empty() ? 0 : memory[memory.size() / 2];
  std::printf(
      "hand-over, %zu agents waiting:  median %.3f ms, p99 %.3f ms (%zu samples; goal 2 / 10 ms)\n"
      "bare fork and exec:            median %.3f ms, p99 %.3f ms\n"
      "agent program:                 %lld bytes (goal 1048576)\n"
      "waiting agent, VmRSS:          median %ld KiB of %zu (goal 1536)\n",
      agents, percentile(handovers, 0.5), percentile(handovers, 0.99), handovers.size(),
      percentile(bare, 0.5), percentile(bare, 0.99), static_cast<long long>(agent.st_size), rss,
      memory.size());
  std::printf(
      "{\"bench\":\"handover\",\"agents\":%zu,\"samples\":%zu,\"medianMs\":%.3f,\"p99Ms\":%.3f,"
      "\"forkExecMedianMs\":%.3f,\"forkExecP99Ms\":%.3f,\"agentBytes\":%lld,"
      "\"waitingRssKiB\":%ld}\n",
      agents, handovers.size(), percentile(handovers, 0.5), percentile(handovers, 0.99),
      percentile(bare, 0.5), percentile(bare, 0.99), static_cast<long long>(agent.st_size), rss);
}
