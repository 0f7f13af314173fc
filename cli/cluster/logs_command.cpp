// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/actions.h"
#include "cli/cluster/interrupt.h"
#include "cli/cluster/pod_follower.h"
#include "cli/cluster/pod_shape.h"
#include "cli/cluster/run_source.h"
#include "cli/line_splitter.h"
#include "kube/json_fields.h"
#include "kube/resources.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace taskgroup::cluster {

namespace {

using Kind = kube::ApiError::Kind;

constexpr std::chrono::seconds look_every{5};

Failure no_log(std::string message) { return {ExitCode::failed, "error: " + std::move(message)}; }

// Shows the logs of one run after the other.
class Logs {
public:
  Logs(const Cluster& cluster, const LogsFlags& flags, const TerminalTraits& terminal)
      : m_cluster(cluster), m_flags(flags), m_terminal(terminal) {}

  // Print what there is.
  ExitCode print(const Runs& runs) {
    if (runs.runs.empty())
      return fail(no_log(fmt::format("PipelineRun \"{}\" has no run of a TaskGroup yet; -f waits "
                                     "for it",
                                     runs.target.name)));
    for (const RunView& run : runs.runs) {
      begin(run, runs.runs.size() > 1);
      if (const auto printed = print(run); !printed)
        return fail(printed.error());
    }
    return ExitCode::success;
  }

  // Show everything until the end.
  ExitCode follow(const Target& target) {
    RunSource source(m_cluster, target);
    std::uint64_t version = 0;
    while (true) {
      const RunSource::News news = source.wait(version, look_every);
      if (news.refused)
        return fail(failure_of(*news.refused, {"watch", custom_runs, {}}, m_cluster));
      if (news.runs.gone)
        return fail(no_log(fmt::format("\"{}\" has been deleted", news.runs.target.name)));
      if (!news.trouble.empty() && news.trouble != std::exchange(m_trouble, news.trouble))
        std::fprintf(stderr, "trying again: %s\n", news.trouble.c_str());
      version = news.version;
      if (version == 0)
        continue;
      const RunView* const next = next_of(news.runs);
      if (next != nullptr) {
        if (const auto shown = show(*next, target.is_pipeline_run && target.group.empty()); !shown)
          return fail(shown.error());
        version = 0; // something may have happened meanwhile
      } else if (news.runs.over) {
        return news.runs.succeeded ? ExitCode::success : ExitCode::failed;
      }
    }
  }

private:
  using Attempt = std::pair<std::string, std::size_t>; // UID of the run, number

  static Attempt attempt_of(const RunView& run) { return {run.uid, run.attempts.size()}; }

  // The first run of which there is something to show that was not shown before.
  const RunView* next_of(const Runs& runs) {
    for (const RunView& run : runs.runs) {
      if (m_ended.contains(run.uid))
        continue;
      const bool new_pod = !run.attempt().pod.empty() && !m_shown.contains(attempt_of(run));
      if (new_pod || run.done())
        return &run;
      if (run.attempt().pod.empty() && run.message != std::exchange(m_waits[run.uid], run.message))
        std::fprintf(stderr, "%s waits: %s\n", run.name.c_str(), run.message.c_str());
    }
    return nullptr;
  }

  // Show the attempt at hand, to its end; then how a run has ended, if its journal has not told.
  tl::expected<void, Failure> show(const RunView& run, bool heading) {
    const Attempt attempt = attempt_of(run);
    if (!run.attempt().pod.empty() && m_shown.insert(attempt).second) {
      begin(run, heading || run.attempts.size() > 1);
      if (run.done()) {
        if (const auto printed = print(run); !printed)
          std::fprintf(stderr, "%s\n", printed.error().message.c_str()); // its end is told below
      } else {
        const auto outcome = follow_pod(run);
        if (!outcome)
          return tl::unexpected(outcome.error());
        if (outcome->saw_end) {
          m_told.insert(attempt);
        } else {
          std::fprintf(stderr, "%s\n", outcome->why.c_str());
        }
        return {}; // the run's own state is from before
      }
    }
    m_ended.insert(run.uid);
    if (!m_told.contains(attempt))
      std::fprintf(stderr, "%s: %s%s%s\n", run.name.c_str(), run.state.c_str(),
                   run.message.empty() ? "" : ": ", run.message.c_str());
    return {};
  }

  // What comes is of this run.
  void begin(const RunView& run, bool heading) const {
    if (m_flags.json) {
      std::printf("%s\n",
                  nlohmann::ordered_json(
                      {{"event", "run"}, {"run", run.name}, {"attempt", run.attempts.size()}})
                      .dump()
                      .c_str());
    } else if (heading) {
      std::printf(
          "%s== %s%s%s\n", m_terminal.colour ? "\033[1m" : "", run.name.c_str(),
          run.attempts.size() > 1
              ? fmt::format(", attempt {} of {}", run.attempts.size(), run.attempts_allowed).c_str()
              : "",
          m_terminal.colour ? "\033[0m" : "");
    }
    std::fflush(stdout);
  }

  std::unique_ptr<StatusSink> sink_of(const Plan& shape) const {
    TerminalTraits terminal = m_terminal;
    terminal.sticky = terminal.sticky && m_flags.follow;
    return m_flags.json ? make_json_sink(shape) : make_text_sink(shape, terminal);
  }

  // Read the pod of the attempt that the flags ask for.
  tl::expected<Json, Failure> pod_of(const RunView& run, const AttemptView& attempt) const {
    if (attempt.pod.empty())
      return tl::unexpected(
          no_log(fmt::format("{} has no pod, and so no log: {}", run.name,
                             attempt.message.empty() ? run.state : attempt.message)));
    auto pod = m_cluster.api->get(kube::pods, {run.namespace_name, attempt.pod}, {});
    if (!pod && pod.error().kind != Kind::not_found)
      return tl::unexpected(failure_of(pod.error(), {"get", kube::pods, {}}, m_cluster));
    if (!pod || text_at(object_at(*pod, "metadata"), "uid") != attempt.pod_uid)
      return tl::unexpected(no_log(
          fmt::format("pod \"{}\" of {} is gone, and its log with it", attempt.pod, run.name)));
    return std::move(*pod);
  }

  // Read from a pod what it runs, without the tasks that the flags leave out.
  tl::expected<Plan, Failure> shape_to_show(const Json& pod, const RunView& run) const {
    const auto whole = shape_of(pod, run.name);
    if (!whole)
      return tl::unexpected(whole.error());
    return only_tasks(*whole, m_flags.tasks);
  }

  tl::expected<const AttemptView*, Failure> attempt_of_flags(const RunView& run) const {
    if (m_flags.attempt == 0)
      return &run.attempt();
    const auto number = static_cast<std::size_t>(m_flags.attempt);
    if (number > run.attempts.size())
      return tl::unexpected(
          Failure{ExitCode::bad_input, fmt::format("error: --attempt: {} has had {}, not {}",
                                                   run.name, run.attempts.size(), number)});
    return &run.attempts[number - 1];
  }

  tl::expected<void, Failure> print(const RunView& run) const {
    const auto attempt = attempt_of_flags(run);
    if (!attempt)
      return tl::unexpected(attempt.error());
    const auto pod = pod_of(run, **attempt);
    if (!pod)
      return tl::unexpected(pod.error());
    const auto shape = shape_to_show(*pod, run);
    if (!shape)
      return tl::unexpected(shape.error());
    const auto sink = sink_of(*shape);
    const kube::ObjectKey key{run.namespace_name, (*attempt)->pod};
    for (std::size_t task = 0; task < shape->tasks.size(); ++task) {
      for (std::size_t step = 0; step < container_count(shape->tasks[task]); ++step) {
        const std::string& container = container_at(shape->tasks[task], step).container;
        if (container_state(*pod, container) == ContainerState::waiting)
          continue;
        LineSplitter lines;
        const auto on_line = [&](std::string_view line) { sink->output(task, step, false, line); };
        const auto read = m_cluster.api->pod_log(key, container, false,
                                                 [&](std::string_view bytes) {
                                                   lines.feed(bytes, on_line);
                                                   return true;
                                                 },
                                                 {});
        lines.finish(on_line);
        if (!read && read.error().kind != Kind::bad_request) // it has not begun, after all
          return tl::unexpected(failure_of(read.error(), {"get", kube::pods, "log"}, m_cluster));
      }
    }
    return {};
  }

  tl::expected<PodFollower::Outcome, Failure> follow_pod(const RunView& run) const {
    const auto pod = pod_of(run, run.attempt());
    if (!pod)
      return PodFollower::Outcome{false, pod.error().message};
    const auto shape = shape_to_show(*pod, run);
    if (!shape)
      return tl::unexpected(shape.error());
    const auto sink = sink_of(*shape);
    PodFollower follower(m_cluster, {run.namespace_name, run.attempt().pod}, run.attempt().pod_uid,
                         *shape, *sink);
    return follower.run();
  }

  const Cluster& m_cluster;
  const LogsFlags& m_flags;
  const TerminalTraits& m_terminal;
  std::set<Attempt> m_shown;     // whose logs were
  std::set<Attempt> m_told;      // whose journal has told how they ended
  std::set<std::string> m_ended; // UIDs of runs of which nothing is left to show
  std::map<std::string, std::string> m_waits;
  std::string m_trouble;
};

} // namespace

ExitCode show_logs(const Cluster& cluster, const LogsFlags& flags, const TerminalTraits& terminal) {
  if (flags.attempt < 0 || (flags.attempt > 0 && flags.follow))
    return fail({ExitCode::bad_input,
                 "error: --attempt counts from 1, and with --follow it is always the last one"});
  const auto runs = find_runs(cluster, flags.run, flags.group);
  if (!runs)
    return fail(runs.error());
  Logs logs(cluster, flags, terminal);
  return flags.follow ? logs.follow(runs->target) : logs.print(*runs);
}

} // namespace taskgroup::cluster

namespace taskgroup {

ExitCode logs_command(const LogsFlags& flags) {
  const auto cluster = cluster::connect(flags.cluster, kube::process_environment());
  if (!cluster)
    return fail(cluster.error());
  if (flags.follow)
    cluster::end_on_interrupt("\n(the run goes on; `taskgroup cancel " + flags.run
                              + "` would end it)");
  return cluster::show_logs(*cluster, flags, detect_terminal());
}

} // namespace taskgroup
