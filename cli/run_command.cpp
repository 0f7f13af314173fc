// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_program.h"
#include "cli/commands.h"
#include "cli/given_volumes.h"
#include "cli/host/temporary_folder.h"
#include "cli/host_launcher.h"
#include "cli/mask.h"
#include "cli/prepared_run.h"
#include "cli/run_folder.h"
#include "cli/runner.h"
#include "cli/status_sink.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>

namespace taskgroup {

namespace {

// Say once, before anything runs, what the documents ask for and a host cannot give.
void list_without_effect(const std::vector<NoEffect>& fields, StatusSink& sink) {
  std::map<std::string, std::size_t> by_field;
  for (const NoEffect& field : fields) {
    ++by_field[field.path.substr(field.path.rfind('.') + 1)];
  }
  if (by_field.empty()) {
    return;
  }
  std::string list;
  for (const auto& [field, count] : by_field) {
    list += fmt::format("{}{}", list.empty() ? "" : ", ", field);
    if (count > 1) {
      list += fmt::format(" ({}x)", count);
    }
  }
  sink.notice("host: steps run with this machine's tools; without effect here: " + list);
}

Mask secrets_of(const std::vector<std::string>& workspace_flags, const GivenObjects& given) {
  Mask mask;
  for (const auto& [name, data] : given.secrets) {
    for (const auto& [key, value] : data)
      mask.add(value);
  }
  constexpr std::string_view marker = "=secret:";
  for (const std::string& flag : workspace_flags) {
    if (const auto at = flag.find(marker); at != std::string::npos && at == flag.find('=')) {
      mask.add_path(flag.substr(at + marker.size()));
    }
  }
  return mask;
}

HostOptions host_options(std::string agent, bool keep) {
  HostOptions options;
  options.agent = std::move(agent);
  const char* path = std::getenv("PATH");
  options.path = path != nullptr && *path != '\0'
                     ? path
                     : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  std::error_code error;
  options.directory = std::filesystem::current_path(error).string();
  if (error) {
    options.directory = "/";
  }
  options.keep = keep;
  options.one_user = ::geteuid() != 0;
  return options;
}

} // namespace

ExitCode run_command(const RunFlags& flags) {
  const Input input = read_input(flags.files);
  const auto checked = check_group(input, flags.group, flags.request);
  if (!checked) {
    return fail(checked.error());
  }
  PlanOptions options;
  options.only_tasks = flags.tasks;
  options.launch_on_demand = true;
  options.report_task_results = true;
  auto plan = plan_group(*checked, input.facts, std::move(options));
  if (!plan) {
    return fail(plan.error());
  }
  const auto agent = find_agent_program();
  if (!agent) {
    return fail(agent.error());
  }

  InterruptSignals signals;
  auto temporary = host::TemporaryFolder::create();
  if (!temporary) {
    return fail({ExitCode::prerequisite_missing, "error: " + temporary.error()});
  }
  auto in_memory = host::TemporaryFolder::create_in_memory();
  const RunFolder folder{temporary->path(), in_memory ? in_memory->path() : temporary->path()};
  if (flags.keep) {
    temporary->release();
    if (in_memory)
      in_memory->release();
  }
  const GivenObjects& given = input.facts.given;
  const auto made = make_given(*plan, given, folder);
  if (const auto prepared = made ? prepare(folder, *plan) : made; !prepared) {
    return fail({ExitCode::internal, "error: " + prepared.error()});
  }
  const auto launcher = make_host_launcher(*plan, folder, host_options(*agent, flags.keep));
  if (!launcher) {
    return fail(launcher.error());
  }

  const auto sink = flags.json ? make_json_sink(*plan) : make_text_sink(*plan, detect_terminal());
  list_without_effect(checked->no_effect, *sink);
  for (const std::string& notice : (*launcher)->notices()) {
    sink->notice("host: " + notice);
  }
  if (!given.claims.empty())
    sink->notice("host: each claim is an empty folder of this run; bind one of yours with -w");
  if (flags.keep) {
    sink->notice("the run's files stay in " + folder.root
                 + (in_memory ? " and " + folder.memory : std::string()));
  }
  const Mask mask = secrets_of(flags.request.workspaces, given);
  const auto code = run_to_the_end(*plan, folder, **launcher, *sink, mask, signals);
  (*launcher)->kill_all();
  if (const auto removed = temporary->remove(); !removed) {
    std::fprintf(stderr, "warning: %s\n", removed.error().c_str());
  }
  return code ? *code : fail(code.error());
}

} // namespace taskgroup
