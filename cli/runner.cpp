// SPDX-License-Identifier: Apache-2.0
#include "cli/runner.h"

#include "cli/line_splitter.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup {

namespace {

using nlohmann::json;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

std::optional<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return std::nullopt;
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pipe{ends[0], ends[1]};
}

// The read end of a pipe, cut into lines.
struct Stream {
  int fd = -1;
  LineSplitter splitter;
  std::function<void(std::string_view)> line;
};

class Run {
public:
  Run(const Plan& plan, const RunFolder& folder, Launcher& launcher, StatusSink& sink,
      const Mask& mask, InterruptSignals& signals)
      : m_plan(plan),
        m_folder(folder),
        m_launcher(launcher),
        m_sink(sink),
        m_mask(mask),
        m_signals(signals),
        m_containers(containers_of(plan)) {}

  ~Run() {
    for (const auto& stream : m_streams) {
      ::close(stream->fd);
    }
  }

  tl::expected<ExitCode, Failure> follow() {
    const auto journal = make_pipe();
    if (!journal) {
      return tl::unexpected(
          Failure{ExitCode::internal, fmt::format("error: no pipe: {}", std::strerror(errno))});
    }
    add_stream(journal->read_end, LineSplitter(journal_line_limit),
               [this](std::string_view line) { on_journal_line(line); });
    const auto started = m_launcher.start_coordinator(journal->write_end);
    ::close(journal->write_end);
    if (!started) {
      return tl::unexpected(started.error());
    }
    while (!over()) {
      wait_for_events();
    }
    return finish();
  }

private:
  // A group's results may be 4 MiB of text; more than the agent sends is no journal line of ours.
  static constexpr std::size_t journal_line_limit = 64U * 1024 * 1024;

  bool over() const { return m_killed || (m_swept && m_streams.empty()); }

  void add_stream(int fd, LineSplitter splitter, std::function<void(std::string_view)> line) {
    m_streams.push_back(std::make_unique<Stream>(Stream{fd, std::move(splitter), std::move(line)}));
  }

  void wait_for_events() {
    std::vector<pollfd> fds = {{m_signals.fd(), POLLIN, 0}, {m_launcher.exits_fd(), POLLIN, 0}};
    std::vector<Stream*> order;
    for (const auto& stream : m_streams) {
      fds.push_back({stream->fd, POLLIN, 0});
      order.push_back(stream.get());
    }
    const int ready = ::poll(fds.data(), fds.size(), m_sink.wants_ticks() ? 1000 : -1);
    if (ready < 0 && errno != EINTR) {
      throw std::runtime_error(fmt::format("poll: {}", std::strerror(errno)));
    }
    if (m_sink.wants_ticks()) {
      m_sink.tick();
    }
    if (fds[0].revents != 0) {
      on_signal(m_signals.take());
    }
    // Output before ends: what a step wrote comes before the news that it is over.
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (fds[i + 2].revents != 0) {
        read_stream(*order[i]);
      }
    }
    if (fds[1].revents != 0) {
      on_exits();
    }
    report_lost();
  }

  void read_stream(Stream& stream) {
    char buffer[64 * 1024];
    for (;;) {
      const ssize_t size = ::read(stream.fd, buffer, sizeof buffer);
      if (size > 0) {
        stream.splitter.feed({buffer, static_cast<std::size_t>(size)}, stream.line);
        continue;
      }
      if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
      }
      break;
    }
    stream.splitter.finish(stream.line);
    ::close(stream.fd);
    std::erase_if(m_streams, [&](const auto& one) { return one.get() == &stream; });
  }

  void on_journal_line(std::string_view line) {
    json event = json::parse(line, nullptr, false);
    if (!event.is_object()) {
      m_sink.notice(fmt::format("the coordinator wrote what is no journal line: {}", line));
      return;
    }
    const std::string kind = event.value("event", "");
    if (kind == "launch") {
      for (const json& index : event.value("containers", json::array())) {
        if (index.is_number_unsigned() && index.get<std::size_t>() < m_containers.size()) {
          start(m_containers[index.get<std::size_t>()]);
        }
      }
    }
    if (event.value("state", "") == "Running") {
      note_running(event, kind);
    }
    if (kind == "end") {
      m_end = std::move(event);
      m_end_line = line;
      return;
    }
    m_sink.event(event, line);
    if (kind == "paused") {
      tell_held(event);
    }
  }

  // Whoever is to decide must get into the step's container, which the launcher knows.
  void tell_held(const json& paused) {
    const std::string task = paused.value("task", "");
    const std::string step = paused.value("step", "");
    const auto container =
        std::find_if(m_containers.begin(), m_containers.end(), [&](const Container& candidate) {
          const PlanTask& planned = m_plan.tasks[candidate.task];
          return planned.name == task && candidate.step < planned.steps.size()
                 && planned.steps[candidate.step].name == step;
        });
    if (container == m_containers.end()) {
      return;
    }
    const bool before = paused.value("reason", "") == "BeforeStep";
    HeldStep held{
        .task = task, .step = step, .before = before, .exit_code = paused.value("exitCode", 0)};
    held.look = m_launcher.enter(*container, true);
    held.look.emplace_back("sh");
    held.go_on = m_launcher.enter(*container, false);
    held.fail = held.go_on;
    const std::string scripts =
        std::string("/tekton/debug/scripts/debug-") + (before ? "beforestep-" : "");
    held.go_on.push_back(scripts + "continue");
    held.fail.push_back(scripts + "fail-continue");
    m_sink.held(held);
  }

  // Remember that a step or sidecar runs, or its container has something to say.
  void note_running(const json& event, const std::string& kind) {
    const std::string task = event.value("task", "");
    const std::string name = event.value(kind, "");
    for (const Container& container : m_containers) {
      const PlanTask& planned = m_plan.tasks[container.task];
      if (planned.name == task && container_at(planned, container.step).name == name
          && (container.step < planned.steps.size()) == (kind == "step")) {
        m_ran.insert({container.task, container.step});
      }
    }
  }

  void start(const Container& container) {
    const auto out = make_pipe();
    const auto err = make_pipe();
    if (!out || !err) {
      lose(container.index, fmt::format("no pipe for its output: {}", std::strerror(errno)));
      return;
    }
    for (const bool is_stderr : {false, true}) {
      add_stream((is_stderr ? *err : *out).read_end, LineSplitter(),
                 [=, this](std::string_view line) {
                   if (m_end && !m_ran.contains({container.task, container.step})) {
                     return; // its agent came when all was over, and says so
                   }
                   if (m_mask.empty()) {
                     m_sink.output(container.task, container.step, is_stderr, line);
                   } else {
                     m_sink.output(container.task, container.step, is_stderr, m_mask.apply(line));
                   }
                 });
    }
    m_launcher.start(container, out->write_end, err->write_end);
    ::close(out->write_end);
    ::close(err->write_end);
    on_exits(); // a refused start is known at once
  }

  void on_exits() {
    for (const ContainerExit& exit : m_launcher.read_exits()) {
      if (exit.coordinator) {
        m_coordinator_gone = true;
        m_coordinator_exit = exit;
      } else if (!exit.start_error.empty()) {
        lose(exit.index, exit.start_error);
      }
    }
    if (m_coordinator_gone && !m_swept) {
      m_swept = true;
      // No step runs any more: either the run is over, or agents end with their coordinator. Their
      // output is in the pipes, whose ends close with the last process.
      m_launcher.kill_all();
    }
  }

  void lose(std::size_t index, std::string message) {
    const Container& container = m_containers[index];
    m_ran.insert({container.task, container.step}); // its output says why
    m_lost[container_at(m_plan.tasks[container.task], container.step).container] =
        std::move(message);
    m_control_changed = true;
  }

  // Tell the coordinator what only the launcher knows (design.md 4, Control).
  void report_lost() {
    if (m_control_changed) {
      m_control_changed = false;
      write_control();
    }
  }

  void write_control() {
    json control = {{"seq", ++m_control_number}};
    if (m_cancelled_by != 0) {
      control["cancel"] = {{"message", fmt::format("cancelled by SIG{}", name_of(m_cancelled_by))}};
    }
    for (const auto& [container, message] : m_lost) {
      control["lost"][container] = {{"reason", "StartError"}, {"message", message}};
    }
    const auto written = replace_file(m_folder.control_file(),
                                      control.dump(-1, ' ', false, json::error_handler_t::replace));
    if (!written) {
      m_sink.notice(written.error());
    }
  }

  static const char* name_of(int signal) { return signal == SIGTERM ? "TERM" : "INT"; }

  void on_signal(int signal) {
    if (signal == 0) {
      return;
    }
    if (m_cancelled_by != 0) {
      m_sink.notice("killed");
      m_launcher.kill_all();
      m_killed = true;
      return;
    }
    m_cancelled_by = signal;
    m_sink.notice(
        fmt::format("cancelling: running steps are stopped, finally runs; {} kills at once",
                    signal == SIGINT ? "Ctrl-C again" : "a second signal"));
    write_control();
  }

  tl::expected<ExitCode, Failure> finish() {
    if (m_cancelled_by != 0 && (m_killed || m_end)) {
      if (m_end) {
        m_sink.event(*m_end, m_end_line);
      }
      return m_cancelled_by == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
    }
    if (!m_end) {
      return tl::unexpected(Failure{
          ExitCode::internal,
          fmt::format("error: the coordinator ended without closing the journal ({}); please "
                      "report this",
                      m_coordinator_exit.start_error.empty()
                          ? fmt::format("exit code {}", m_coordinator_exit.exit_code)
                          : m_coordinator_exit.start_error)});
    }
    m_sink.event(*m_end, m_end_line);
    return m_end->value("state", "") == "Succeeded" ? ExitCode::success : ExitCode::failed;
  }

  const Plan& m_plan;
  const RunFolder& m_folder;
  Launcher& m_launcher;
  StatusSink& m_sink;
  const Mask& m_mask;
  InterruptSignals& m_signals;
  std::vector<Container> m_containers;

  std::vector<std::unique_ptr<Stream>> m_streams;
  bool m_coordinator_gone = false;
  bool m_swept = false; // everything the coordinator left has been killed
  ContainerExit m_coordinator_exit;

  std::set<std::pair<std::size_t, std::size_t>> m_ran; // tasks and steps
  std::map<std::string, std::string> m_lost;
  bool m_control_changed = false;
  int m_control_number = 0;
  int m_cancelled_by = 0; // a signal, or 0
  bool m_killed = false;

  std::optional<json> m_end;
  std::string m_end_line;
};

} // namespace

InterruptSignals::InterruptSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  m_fd = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

InterruptSignals::~InterruptSignals() { ::close(m_fd); }

int InterruptSignals::take() const {
  signalfd_siginfo info = {};
  return ::read(m_fd, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

tl::expected<ExitCode, Failure> run_to_the_end(const Plan& plan, const RunFolder& folder,
                                               Launcher& launcher, StatusSink& sink,
                                               const Mask& mask, InterruptSignals& signals) {
  return Run(plan, folder, launcher, sink, mask, signals).follow();
}

} // namespace taskgroup
