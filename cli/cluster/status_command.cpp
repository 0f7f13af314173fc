// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/actions.h"
#include "cli/cluster/interrupt.h"
#include "cli/cluster/run_source.h"
#include "cli/cluster/run_table.h"
#include "cli/cluster/yaml_text.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <optional>
#include <utility>

namespace taskgroup::cluster {

namespace {

using std::chrono::seconds;

constexpr seconds redraw_every{1};
constexpr seconds look_every{5}; // where nothing is redrawn: for what no event tells

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// One run that was asked for by its own name is one document; all else is {runs: […]}.
nlohmann::ordered_json document_of(const std::vector<RunView>& runs, bool single) {
  if (single && runs.size() == 1)
    return cluster::document_of(runs.front());
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const RunView& run : runs)
    list.push_back(cluster::document_of(run));
  return {{"runs", std::move(list)}};
}

std::string formatted(const nlohmann::ordered_json& document, const std::string& format) {
  if (format == "yaml")
    return yaml_text(document);
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string drawn(const Runs& runs, kube::WallTime now, bool colour) {
  if (runs.runs.empty())
    return fmt::format("PipelineRun \"{}\" has no run of a TaskGroup yet\n", runs.target.name);
  std::string text;
  for (const RunView& run : runs.runs)
    text += (text.empty() ? "" : "\n") + draw_run(run, now, colour);
  return text;
}

// Shows what has changed, until the end.
class Watch {
public:
  Watch(const Cluster& cluster, const StatusFlags& flags, const TerminalTraits& terminal)
      : m_cluster(cluster), m_flags(flags), m_terminal(terminal) {}

  ExitCode run(const Target& target) {
    RunSource source(m_cluster, target);
    const bool in_place = m_terminal.sticky && m_flags.format == "text";
    std::uint64_t version = 0;
    std::string trouble;
    while (true) {
      const RunSource::News news = source.wait(version, in_place ? redraw_every : look_every);
      if (news.refused)
        return fail(failure_of(*news.refused, {"watch", custom_runs, {}}, m_cluster));
      if (news.runs.gone)
        return fail({ExitCode::failed,
                     fmt::format("error: \"{}\" has been deleted", news.runs.target.name)});
      if (news.trouble != trouble && !news.trouble.empty())
        std::fprintf(stderr, "trying again: %s\n", news.trouble.c_str());
      trouble = news.trouble;
      if (news.version == 0)
        continue;
      if (in_place) {
        draw(news.runs);
      } else if (news.version != std::exchange(version, news.version)) {
        tell(news.runs);
      }
      version = news.version;
      if (news.runs.over) {
        if (!in_place && m_flags.format == "text")
          print("\n" + drawn(news.runs, m_cluster.clock->wall(), m_terminal.colour));
        return news.runs.succeeded ? ExitCode::success : ExitCode::failed;
      }
    }
  }

private:
  // Draw over what was drawn before; the first time on an empty screen.
  void draw(const Runs& runs) {
    const std::string text = drawn(runs, m_cluster.clock->wall(), m_terminal.colour);
    std::string screen = std::exchange(m_drawn, true) ? "\033[H" : "\033[H\033[2J";
    for (const char c : text) {
      if (c == '\n')
        screen += "\033[K";
      screen += c;
    }
    print(screen + "\033[J");
  }

  void tell(const Runs& runs) {
    if (m_flags.format != "text") {
      const auto document = document_of(runs.runs, !runs.target.is_pipeline_run);
      print(m_flags.format == "yaml"
                ? "---\n" + yaml_text(document)
                : document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                      + "\n");
      return;
    }
    for (const RunView& run : runs.runs) {
      tell(run, "", run.state, run.done() ? "" : run.message);
      for (const TaskView& task : run.tasks)
        tell(run, task.name, task.state, task.message);
    }
  }

  // Print one line if the state is not the one that was printed before.
  void tell(const RunView& run, const std::string& task, const std::string& state,
            const std::string& message) {
    std::string& told = m_told[{run.name, task}];
    const std::string line = fmt::format("{}{}{} {}{}{}", run.name, task.empty() ? "" : "/", task,
                                         state, message.empty() ? "" : ": ", message);
    if (line == told || (told.empty() && state == "Pending" && !task.empty()))
      return;
    told = line;
    print(line + "\n");
  }

  const Cluster& m_cluster;
  const StatusFlags& m_flags;
  const TerminalTraits& m_terminal;
  bool m_drawn = false;
  std::map<std::pair<std::string, std::string>, std::string> m_told;
};

ExitCode list(const Cluster& cluster, const StatusFlags& flags, const TerminalTraits& terminal) {
  if (flags.watch || !flags.group.empty())
    return fail({ExitCode::bad_input, "error: RUN: --watch and --group need the name of a run"});
  const auto runs = list_runs(cluster);
  if (!runs)
    return fail(runs.error());
  if (flags.format != "text") {
    print(formatted(document_of(*runs, false), flags.format));
  } else if (runs->empty()) {
    std::fprintf(stderr, "no runs of TaskGroups in namespace \"%s\"\n",
                 cluster.namespace_name.c_str());
  } else {
    print(draw_list(*runs, cluster.clock->wall(), terminal.colour));
  }
  return ExitCode::success;
}

} // namespace

ExitCode show_status(const Cluster& cluster, const StatusFlags& flags,
                     const TerminalTraits& terminal) {
  if (flags.run.empty())
    return list(cluster, flags, terminal);
  const auto runs = find_runs(cluster, flags.run, flags.group);
  if (!runs)
    return fail(runs.error());
  if (flags.watch)
    return Watch(cluster, flags, terminal).run(runs->target);
  if (flags.format == "text") {
    print(drawn(*runs, cluster.clock->wall(), terminal.colour));
  } else {
    print(formatted(document_of(runs->runs, !runs->target.is_pipeline_run), flags.format));
  }
  return ExitCode::success;
}

} // namespace taskgroup::cluster

namespace taskgroup {

ExitCode status_command(const StatusFlags& flags) {
  const auto cluster = cluster::connect(flags.cluster, kube::process_environment());
  if (!cluster)
    return fail(cluster.error());
  if (flags.watch)
    cluster::end_on_interrupt("(the run goes on)");
  return cluster::show_status(*cluster, flags, detect_terminal());
}

} // namespace taskgroup
