// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/actions.h"
#include "cli/cluster/run_source.h"

#include <fmt/format.h>

#include <cstdio>

namespace taskgroup::cluster {

namespace {

using Kind = kube::ApiError::Kind;

void say(const std::string& text) {
  std::fputs((text + "\n").c_str(), stdout);
  std::fflush(stdout);
}

// Leave out what has ended, unless nothing else is there.
void keep_unfinished(Runs& runs) {
  std::vector<RunView> unfinished;
  for (const RunView& run : runs.runs) {
    if (!run.done())
      unfinished.push_back(run);
  }
  if (!unfinished.empty())
    runs.runs = std::move(unfinished);
}

} // namespace

ExitCode cancel(const Cluster& cluster, const CancelFlags& flags) {
  auto runs = find_runs(cluster, flags.run, flags.group);
  if (!runs)
    return fail(runs.error());
  keep_unfinished(*runs);
  const auto run = only_run(*runs, "cancel");
  if (!run)
    return fail(run.error());
  if (run->done()) {
    say(fmt::format("{} has ended already: {}", run->name, run->state));
    return ExitCode::success;
  }
  if (run->state == "Cancelling") {
    say(fmt::format("{} is being cancelled already", run->name));
    return ExitCode::success;
  }
  // The UID: a run made anew under the same name is another one.
  const Json patch = {
      {"metadata", {{"uid", run->uid}}},
      {"spec", {{"status", "RunCancelled"}, {"statusMessage", "Cancelled by taskgroup cancel"}}}};
  const auto patched = cluster.api->patch(custom_runs, {run->namespace_name, run->name},
                                          kube::PatchType::merge, patch, {});
  if (!patched
      && (patched.error().kind == Kind::not_found || patched.error().kind == Kind::conflict
          || patched.error().kind == Kind::invalid))
    return fail({ExitCode::failed, fmt::format("error: CustomRun \"{}\" has changed meanwhile: {}",
                                               run->name, patched.error().message)});
  if (!patched)
    return fail(failure_of(patched.error(), {"patch", custom_runs, {}}, cluster));
  say(fmt::format("{} is asked to end: its steps are stopped, then its finally tasks run\n"
                  "taskgroup status {} -n {} --watch",
                  run->name, run->name, run->namespace_name));
  if (!run->pipeline_run.empty())
    say(fmt::format(
        "PipelineRun \"{0}\" starts no more tasks and ends as Cancelled; what else of it "
        "runs is stopped by: tkn pipelinerun cancel {0} -n {1}",
        run->pipeline_run, run->namespace_name));
  return ExitCode::success;
}

} // namespace taskgroup::cluster

namespace taskgroup {

ExitCode cancel_command(const CancelFlags& flags) {
  const auto cluster = cluster::connect(flags.cluster, kube::process_environment());
  return cluster ? cluster::cancel(*cluster, flags) : fail(cluster.error());
}

} // namespace taskgroup
