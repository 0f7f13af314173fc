// SPDX-License-Identifier: Apache-2.0
#include "cli/runtime.h"

#include "cli/run_folder.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace taskgroup {

namespace {

using namespace std::chrono_literals;

bool is_installed(const std::string& program) {
  const char* value = std::getenv("PATH");
  std::string_view path = value != nullptr ? value : "";
  for (;;) {
    const auto end = path.find(':');
    const std::string folder(path.substr(0, end));
    if (!folder.empty() && ::access((folder + "/" + program).c_str(), X_OK) == 0)
      return true;
    if (end == std::string_view::npos)
      return false;
    path.remove_prefix(end + 1);
  }
}

} // namespace

tl::expected<Runtime, Failure> choose_runtime(const std::string& wanted,
                                              const std::string& folder) {
  Runtime runtime;
  const bool any = wanted == "auto";
  for (auto make : {containers::make_podman, containers::make_docker}) {
    auto engine = make();
    if (!any && wanted != engine->program())
      continue;
    if (any && !is_installed(engine->program()))
      continue;
    if (const auto made = make_folder(folder, 0755); !made)
      return tl::unexpected(Failure{ExitCode::internal, "error: " + made.error()});
    const auto works = engine->probe(folder, any ? 2s : 30s);
    if (works) {
      runtime.engine = std::move(engine);
      return runtime;
    }
    if (!any)
      return tl::unexpected(
          Failure{ExitCode::prerequisite_missing,
                  fmt::format("error: --runtime {}: {}; `--runtime host` runs the steps with this "
                              "machine's own programs",
                              wanted, works.error())});
    runtime.remarks.push_back(fmt::format("{} is not used: {}", engine->program(), works.error()));
  }
  return runtime;
}

} // namespace taskgroup
