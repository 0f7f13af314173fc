// SPDX-License-Identifier: Apache-2.0
#include "service/metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>

namespace taskgroup::metrics {

namespace {

std::string contents(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What proc(5) says of this process; index counts from 1 as there, from the third field on.
std::optional<double> stat_field(int index) {
  const std::string stat = contents("/proc/self/stat");
  std::size_t at = stat.rfind(") "); // the program's name may hold anything
  if (at == std::string::npos)
    return std::nullopt;
  at += 2;
  for (int field = 3; field < index; ++field) {
    at = stat.find(' ', at);
    if (at == std::string::npos)
      return std::nullopt;
    ++at;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(stat.data() + at, stat.data() + stat.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

double ticks_per_second() { return static_cast<double>(sysconf(_SC_CLK_TCK)); }

std::optional<double> cpu_seconds() {
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) != 0)
    return std::nullopt;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::optional<double> open_files() {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr)
    return std::nullopt;
  int count = -1;                                 // the folder itself is open, too
  while (const dirent* entry = readdir(folder)) { // NOLINT(concurrency-mt-unsafe): own stream
    if (entry->d_name[0] != '.')
      ++count;
  }
  closedir(folder);
  return count;
}

std::optional<double> most_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return std::nullopt;
  return static_cast<double>(limit.rlim_cur);
}

std::optional<double> resident_bytes() {
  const auto pages = stat_field(24);
  return pages ? std::optional(*pages * static_cast<double>(sysconf(_SC_PAGESIZE))) : std::nullopt;
}

std::optional<double> start_time() {
  constexpr std::string_view name = "\nbtime ";
  const std::string stat = contents("/proc/stat");
  const std::size_t at = stat.find(name);
  const auto since_boot = stat_field(22);
  double boot = 0;
  if (at == std::string::npos || !since_boot
      || std::from_chars(stat.data() + at + name.size(), stat.data() + stat.size(), boot).ec
             != std::errc())
    return std::nullopt;
  return boot + *since_boot / ticks_per_second();
}

void add(Registry& registry, const char* name, Type type, const char* help,
         std::function<std::optional<double>()> read) {
  registry.sample({name, help, {}}, type, [read = std::move(read)] {
    const auto value = read();
    return value ? std::vector<Sample>{{{}, *value}} : std::vector<Sample>{};
  });
}

} // namespace

void add_process_metrics(Registry& registry) {
  add(registry, "process_cpu_seconds_total", Type::counter, "User and system CPU time spent.",
      cpu_seconds);
  add(registry, "process_open_fds", Type::gauge, "Open file descriptors.", open_files);
  add(registry, "process_max_fds", Type::gauge, "Most file descriptors that may be open.",
      most_files);
  add(registry, "process_resident_memory_bytes", Type::gauge, "Resident memory.", resident_bytes);
  add(registry, "process_virtual_memory_bytes", Type::gauge, "Virtual memory.",
      [] { return stat_field(23); });
  add(registry, "process_start_time_seconds", Type::gauge,
      "When the process was started, in seconds since the Unix epoch.", start_time);
}

void add_build_info(Registry& registry) {
  registry
      .gauge({"taskgroup_build_info", "Always 1; the label says which version runs.", {"version"}})
      .set({TASKGROUP_VERSION}, 1);
}

} // namespace taskgroup::metrics
