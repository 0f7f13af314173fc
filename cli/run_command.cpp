// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_program.h"
#include "cli/commands.h"
#include "cli/container_launcher.h"
#include "cli/containers/container_flags.h"
#include "cli/containers/images.h"
#include "cli/given_volumes.h"
#include "cli/host/temporary_folder.h"
#include "cli/host_launcher.h"
#include "cli/mask.h"
#include "cli/prepared_run.h"
#include "cli/run_folder.h"
#include "cli/runner.h"
#include "cli/runtime.h"
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

// Say once, before anything runs, what the documents ask for and the runtime cannot give.
void list_without_effect(const std::vector<NoEffect>& fields, const Runtime& runtime,
                         StatusSink& sink) {
  std::map<std::string, std::size_t> by_field;
  for (const NoEffect& field : fields) {
    if (runtime.engine && containers::is_honoured(field.path, *runtime.engine))
      continue;
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
  sink.notice(fmt::format("{}: {}without effect here: {}", runtime.name(),
                          runtime.engine ? "" : "steps run with this machine's tools; ", list));
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

// Find out what the images of steps with neither command nor script would run.
tl::expected<void, Failure> look_up_images(const CheckedGroup& checked,
                                           const containers::Dialect& engine,
                                           const PlanOptions& options, Facts& facts) {
  for (const std::string& name :
       images_to_look_up(checked.group, checked.request, facts, options)) {
    containers::ImageSearch search(engine, name, containers::PullPolicy::if_not_present);
    while (const auto& command = search.command()) {
      if (search.pulls())
        std::fprintf(stderr, "%s: pulling the image %s\n", engine.program().c_str(), name.c_str());
      const auto finished = containers::run_to_end(*command, std::chrono::milliseconds(-1));
      if (!finished)
        return tl::unexpected(
            Failure{ExitCode::prerequisite_missing, "error: " + finished.error()});
      search.take(*finished);
    }
    if (!search.result())
      return tl::unexpected(
          Failure{ExitCode::prerequisite_missing,
                  fmt::format("error: what a step without command and script runs is known to its "
                              "image only, and {}",
                              search.result().error())});
    facts.images[name] = {search.result()->entrypoint, search.result()->cmd};
  }
  return {};
}

} // namespace

ExitCode run_command(const RunFlags& flags) {
  Input input = read_input(flags.files);
  input.facts.images_come = flags.runtime != "host";
  const auto checked = check_group(input, flags.group, flags.request);
  if (!checked) {
    return fail(checked.error());
  }
  PlanOptions options;
  options.only_tasks = flags.tasks;
  options.launch_on_demand = true;
  options.report_task_results = true;
  auto temporary = host::TemporaryFolder::create();
  if (!temporary) {
    return fail({ExitCode::prerequisite_missing, "error: " + temporary.error()});
  }
  const auto runtime = choose_runtime(flags.runtime, temporary->path() + "/probe");
  if (!runtime) {
    return fail(runtime.error());
  }
  if (runtime->engine) {
    remove_dead_containers(*runtime->engine);
    const auto known = look_up_images(*checked, *runtime->engine, options, input.facts);
    if (!known) {
      return fail(known.error());
    }
  }
  auto plan = plan_group(*checked, input.facts, std::move(options));
  if (!plan) {
    return fail(plan.error());
  }

  const auto agent = find_agent_program();
  if (!agent) {
    return fail(agent.error());
  }

  InterruptSignals signals;
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
  const auto sink = flags.json ? make_json_sink(*plan) : make_text_sink(*plan, detect_terminal());
  const auto say = [&](std::string_view text) {
    sink->notice(fmt::format("{}: {}", runtime->name(), text));
  };
  const auto launcher =
      runtime->engine
          ? make_container_launcher(*runtime->engine, *plan, folder, {*agent, flags.keep, say})
          : make_host_launcher(*plan, folder, host_options(*agent, flags.keep));
  if (!launcher) {
    return fail(launcher.error());
  }
  for (const std::string& remark : runtime->remarks) {
    say(remark);
  }
  for (const std::string& notice : (*launcher)->notices()) {
    say(notice);
  }
  list_without_effect(checked->no_effect, *runtime, *sink);
  if (!given.claims.empty())
    say("each claim is an empty folder of this run; bind one of yours with -w");
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
