// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_program.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

namespace taskgroup {

tl::expected<std::string, Failure> find_agent_program() {
  namespace fs = std::filesystem;
  std::vector<fs::path> places;
  std::error_code error;
  if (const char* named = std::getenv("TASKGROUP_AGENT")) {
    places.push_back(fs::absolute(named, error));
  } else {
    const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    places = {folder / "taskgroup-agent", folder / "../libexec/taskgroup/taskgroup-agent"};
  }
  std::string tried;
  for (const fs::path& place : places) {
    const fs::path path = fs::canonical(place, error);
    if (!error && ::access(path.c_str(), X_OK) == 0) {
      return path.string();
    }
    tried += "\n  " + place.string();
  }
  return tl::unexpected(Failure{
      ExitCode::prerequisite_missing,
      fmt::format(
          "error: the program taskgroup-agent is missing; build it, or set TASKGROUP_AGENT to "
          "its path. Looked at:{}",
          tried)});
}

} // namespace taskgroup
