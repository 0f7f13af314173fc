// SPDX-License-Identifier: Apache-2.0
// What a task costs from end to end on the host launcher, beside bare fork+exec of the same
// program: the whole program `taskgroup run` over a group of 1,000 tasks, set-up and clean-up
// included.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int tasks = 1000;
constexpr int runs = 3;

// Run a program with its output thrown away; return its exit code.
int run(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (error != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
    return -1;
  return WEXITSTATUS(status);
}

double milliseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

// A group of tasks that may run in any order, at most `at_once` together.
std::string write_group(int at_once) {
  char path[] = "/tmp/bench_tasks-XXXXXX.yaml";
  const int fd = mkstemps(path, 5);
  std::FILE* file = fd < 0 ? nullptr : fdopen(fd, "w");
  if (file == nullptr)
    return {};
  std::fputs(
      "apiVersion: taskgroup.dev/v1alpha1\nkind: TaskGroup\nmetadata: {name: bench}\nspec:\n",
      file);
  std::fprintf(file, "  run: {maxParallel: %d}\n  tasks:\n", at_once);
  for (int i = 0; i < tasks; ++i)
    std::fprintf(file, "  - name: t%d\n    taskSpec: {steps: [{image: busybox, command: [%s]}]}\n",
                 i, TASKGROUP_STAMP);
  std::fclose(file);
  return path;
}

} // namespace

int main() {
  std::string json = "{\"bench\":\"tasks\",\"tasks\":" + std::to_string(tasks);
  double bare = 1e9;
  for (int i = 0; i < runs; ++i) {
    const auto began = Clock::now();
    for (int task = 0; task < tasks; ++task) {
      if (run({TASKGROUP_STAMP}) != 0)
        return 1;
    }
    bare = std::min(bare, milliseconds(began) / tasks);
  }
  std::printf("tasks: fork+exec alone            %7.2f ms a task\n", bare);
  json += ",\"bare_ms\":" + std::to_string(bare);
  for (const int at_once : {1, 2, 8}) {
    const std::string group = write_group(at_once);
    if (group.empty())
      return 1;
    double best = 1e9;
    for (int i = 0; i < runs; ++i) {
      const auto began = Clock::now();
      if (run({TASKGROUP_PROGRAM, "run", group, "-o", "json", "--runtime", "host"}) != 0) {
        std::fprintf(stderr, "tasks: the run of %s failed\n", group.c_str());
        return 1;
      }
      best = std::min(best, milliseconds(began) / tasks);
    }
    unlink(group.c_str());
    std::printf("tasks: taskgroup run, %d at once   %7.2f ms a task (best of %d)\n", at_once, best,
                runs);
    json += ",\"at_once_" + std::to_string(at_once) + "_ms\":" + std::to_string(best);
  }
  std::printf("%s}\n", json.c_str());
  return 0;
}
