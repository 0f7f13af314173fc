// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/coordinate.h"

#include <taskgroup/engine.h>

#include "core/run/base64.h"
#include "core/run/json_writer.h"
#include "entrypoint/agents.h"
#include "entrypoint/clock.h"
#include "entrypoint/control.h"
#include "entrypoint/files.h"
#include "entrypoint/gunzip.h"
#include "entrypoint/install.h"
#include "entrypoint/journal.h"
#include "entrypoint/process.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>

namespace taskgroup {

namespace {

constexpr Millis heartbeat_each{50'000};
constexpr Millis look_each{1000}; // at a control file that cannot be watched
constexpr std::size_t max_plan = std::size_t{64} << 20U;
constexpr std::size_t max_control = std::size_t{1} << 20U;
constexpr std::size_t max_termination_message = 190;

// What epoll tells that is no agent's.
enum Source : std::uint64_t {
  signals = std::uint64_t{1} << 40U,
  control_folder,
  journal_writable,
};

tl::expected<std::string, std::string> plan_bytes(const CoordinateOptions& options) {
  if (options.plan_env.empty()) {
    return read_file(options.plan, max_plan);
  }
  std::string pieces;
  for (std::size_t i = 0;; ++i) {
    const char* const piece = std::getenv((options.plan_env + std::to_string(i)).c_str());
    if (piece == nullptr) {
      break;
    }
    pieces += piece;
  }
  std::optional<std::string> text = from_base64(pieces);
  if (!text || text->empty()) {
    return tl::make_unexpected("the variables " + options.plan_env
                               + "0 … do not hold a plan as base64");
  }
  return std::move(*text);
}

tl::expected<Plan, std::string> read_plan(const CoordinateOptions& options) {
  auto text = plan_bytes(options);
  if (!text) {
    return tl::make_unexpected("no plan: " + text.error());
  }
  if (is_gzip(*text)) {
    text = gunzip(*text, max_plan);
    if (!text) {
      return tl::make_unexpected("cannot unpack the plan: " + text.error());
    }
  }
  auto plan = plan_from_json(*text);
  if (!plan) {
    return tl::make_unexpected("cannot read the plan: " + plan.error());
  }
  return plan;
}

// A thousand containers have a thousand sockets.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

class Coordinator {
public:
  Coordinator(const CoordinateOptions& options, const Plan& plan, Init init)
      : m_options(options),
        m_plan(plan),
        m_init(std::move(init)),
        m_epoll(epoll_create1(EPOLL_CLOEXEC)),
        m_engine(plan),
        m_agents(plan, options.sockets, m_epoll.get(), options.grace),
        m_journal(plan, STDOUT_FILENO) {}

  // Open what is needed before the first event.
  tl::expected<void, std::string> open();

  int run();

private:
  void feed(const Event& first);
  void apply(const action::Write& action) { m_journal.write(action.record); }
  void apply(const action::Finish& action);
  template <typename Action>
  void apply(const Action& action) {
    m_agents.apply(action);
  }

  void launch();
  void handle(const epoll_event& ready);
  tl::expected<void, std::string> watch_control();
  void read_control();
  std::optional<StepId> started_with_pod(const std::string& container) const;
  void watch_journal();
  int timeout() const;
  bool over() const;

  bool watch(int fd, Source source, std::uint32_t events, int operation = EPOLL_CTL_ADD) const {
    epoll_event wanted{events, {.u64 = source}};
    return epoll_ctl(m_epoll.get(), operation, fd, &wanted) == 0;
  }

  const CoordinateOptions& m_options;
  const Plan& m_plan;
  Init m_init;
  Fd m_epoll;
  Fd m_inotify;
  Engine m_engine;
  Agents m_agents;
  Journal m_journal;

  bool m_finished = false;
  bool m_told_to_end = false;
  bool m_journal_watched = false;
  std::optional<Millis> m_look_at_control; // where it cannot be watched
  std::int64_t m_control_seq = std::numeric_limits<std::int64_t>::min();
  Millis m_heartbeat_at = monotonic_now() + heartbeat_each;
};

tl::expected<void, std::string> Coordinator::open() {
  if (!m_epoll || !watch(m_init.signals(), Source::signals, EPOLLIN)) {
    return tl::make_unexpected(with_errno("cannot make an epoll instance", errno));
  }
  if (!m_options.control.empty()) {
    if (auto watched = watch_control(); !watched) {
      return watched;
    }
  }
  for (std::size_t i = 0; !m_plan.launch_on_demand && i < m_agents.size(); ++i) {
    if (auto opened = m_agents.open(i); !opened) {
      return opened;
    }
  }
  return {};
}

tl::expected<void, std::string> Coordinator::watch_control() {
  // The folder, not the file: kubelet replaces a link beside it, others rename a new file over it.
  const std::string folder = folder_of(m_options.control);
  constexpr unsigned changes = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR;
  Fd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (inotify && inotify_add_watch(inotify.get(), folder.c_str(), changes) >= 0
      && watch(inotify.get(), Source::control_folder, EPOLLIN)) {
    m_inotify = std::move(inotify);
    return {};
  }
  if (errno != EMFILE && errno != ENOSPC) {
    return tl::make_unexpected(
        with_errno("cannot watch the folder of the control file, \"" + folder + "\"", errno));
  }
  // A node has few inotify instances for each user, and others may have taken them all.
  m_look_at_control = monotonic_now() + look_each;
  return {};
}

int Coordinator::run() {
  feed(event::Begin{});
  read_control();
  for (;;) {
    watch_journal();
    if (over()) {
      break;
    }
    std::array<epoll_event, 64> ready{};
    const int count =
        epoll_wait(m_epoll.get(), ready.data(), static_cast<int>(ready.size()), timeout());
    if (count < 0 && errno != EINTR) {
      warn(with_errno("cannot wait", errno));
      return journal_missing;
    }
    for (int i = 0; i < count; ++i) {
      handle(ready[static_cast<std::size_t>(i)]);
    }
    const Millis now = monotonic_now();
    if (const auto deadline = m_engine.next_deadline(); deadline && *deadline <= now) {
      feed(event::Tick{});
    }
    if (m_look_at_control && now >= *m_look_at_control) {
      m_look_at_control = now + look_each;
      read_control();
    }
    if (now >= m_heartbeat_at && !m_finished) {
      m_heartbeat_at = now + heartbeat_each;
      m_journal.heartbeat();
    }
  }
  return m_finished && !m_journal.broken() ? journal_complete : journal_missing;
}

// Give the engine an event, do what it says, and so on with whatever that brings up at once.
void Coordinator::feed(const Event& first) {
  std::vector<Event> events{first};
  while (!events.empty()) {
    for (const Event& event : events) {
      for (const Action& action : m_engine.handle(event, monotonic_now())) {
        std::visit([this](const auto& content) { apply(content); }, action);
      }
    }
    launch();
    events = m_agents.take_events();
  }
}

void Coordinator::apply(const action::Finish& action) {
  m_finished = true;
  // Every task is over, so every agent may end, and so may those that are still to come.
  for (const StepId id : container_order(m_plan)) {
    m_agents.apply(action::ReleaseStep{id});
  }
  if (!m_options.termination_log.empty()) {
    const auto written =
        write_file(m_options.termination_log, termination_message(action.outcome, m_plan), 0644);
    if (!written) {
      warn(written.error());
    }
  }
}

// Ask for the containers that are wanted soon, their sockets open.
void Coordinator::launch() {
  if (!m_plan.launch_on_demand || m_finished) {
    return;
  }
  std::vector<std::size_t> containers;
  for (const StepId id : m_engine.wanted(m_options.ahead)) {
    const std::size_t index = m_agents.index_of(id);
    if (const auto opened = m_agents.open(index); !opened) {
      m_agents.lose(index, "SocketFailed", opened.error());
      continue;
    }
    containers.push_back(index);
  }
  if (!containers.empty()) {
    m_journal.launch(containers);
  }
}

void Coordinator::handle(const epoll_event& ready) {
  switch (ready.data.u64) {
  case Source::signals:
    if (m_init.drain()) {
      m_told_to_end = true;
      // Whoever sends this takes the pod away, or the program that runs it here: finally gets the
      // time that is left.
      feed(event::Cancel{.message = "the coordinator was told to end (SIGTERM)"});
    }
    m_init.reap();
    break;
  case Source::control_folder: {
    alignas(inotify_event) std::array<char, 4096> changes{};
    while (read(m_inotify.get(), changes.data(), changes.size()) > 0) {
    }
    read_control();
    break;
  }
  case Source::journal_writable:
    break; // watch_journal() flushes
  default:
    m_agents.handle(ready.data.u64, ready.events);
    for (const Event& event : m_agents.take_events()) {
      feed(event);
    }
  }
}

std::optional<StepId> Coordinator::started_with_pod(const std::string& container) const {
  for (std::size_t task = 0; task < m_plan.tasks.size(); ++task) {
    const PlanTask& planned = m_plan.tasks[task];
    for (std::size_t step = planned.steps.size(); step < container_count(planned); ++step) {
      if (is_from_start(planned, step) && container_at(planned, step).container == container) {
        return StepId{task, step};
      }
    }
  }
  return std::nullopt;
}

void Coordinator::read_control() {
  if (m_options.control.empty()) {
    return;
  }
  const auto text = read_file(m_options.control, max_control);
  if (!text || text->find_first_not_of(" \t\r\n") == std::string::npos) {
    return; // not there yet
  }
  const auto control = control_from_json(*text);
  if (!control) {
    warn("the control file \"" + m_options.control + "\" is ignored: " + control.error());
    return;
  }
  if (control->seq <= m_control_seq) {
    return;
  }
  m_control_seq = control->seq;
  if (control->cancel) {
    feed(event::Cancel{control->cancel->message, control->cancel->finally});
  }
  for (const auto& [container, lost] : control->lost) {
    if (const auto sidecar = started_with_pod(container)) {
      feed(event::ContainerLost{*sidecar, lost.reason, lost.message});
      continue;
    }
    const std::optional<std::size_t> index = m_agents.find(container);
    if (!index) {
      warn("the control file names the container \"" + container + "\", which is not in the plan");
      continue;
    }
    m_agents.lose(*index, lost.reason.empty() ? "ContainerLost" : lost.reason, lost.message);
  }
  // All that was ever said is there each time: the engine hears the same news once.
  for (const auto& [container, sidecar] : control->sidecars) {
    const auto id = started_with_pod(container);
    if (id && sidecar.ready) {
      feed(event::SidecarReady{*id, 0});
    }
    if (id && sidecar.exit_code) {
      feed(event::StepExited{
          .id = *id, .exit_code = *sidecar.exit_code, .out_of_memory = sidecar.out_of_memory});
    }
  }
  for (const Event& event : m_agents.take_events()) {
    feed(event);
  }
}

// Hand the journal over, and wait for its reader only while there is something for it.
void Coordinator::watch_journal() {
  m_journal.flush();
  const bool pending = m_journal.pending();
  if (pending != m_journal_watched) {
    watch(m_journal.fd(), Source::journal_writable, EPOLLOUT,
          pending ? EPOLL_CTL_ADD : EPOLL_CTL_DEL);
    m_journal_watched = pending;
  }
}

int Coordinator::timeout() const {
  if (m_finished) {
    return -1; // the journal has its last line; only agents can be waited for
  }
  Millis next = std::min(m_heartbeat_at, m_look_at_control.value_or(Millis::max()));
  if (const auto deadline = m_engine.next_deadline()) {
    next = std::min(next, *deadline);
  }
  const Millis left = std::max(Millis(0), next - monotonic_now());
  return static_cast<int>(std::min<Millis::rep>(left.count(), std::numeric_limits<int>::max()));
}

// A launcher that starts containers on demand knows which of them nobody waits for; a pod's
// containers all come, and hear from the coordinator that they may end.
bool Coordinator::over() const {
  return m_finished && !m_journal.pending()
         && (m_told_to_end || m_agents.all_told(!m_plan.launch_on_demand));
}

} // namespace

int coordinate(const CoordinateOptions& options) {
  auto init = Init::become();
  if (!init) {
    warn(init.error());
    return journal_missing;
  }
  raise_descriptor_limit();
  const auto refuse = [&options](const std::string& error) {
    warn(error);
    if (!options.termination_log.empty()) {
      static_cast<void>(write_file(options.termination_log, termination_message(error), 0644));
    }
    return journal_missing;
  };
  const auto plan = read_plan(options);
  if (!plan) {
    return refuse(plan.error());
  }
  Coordinator coordinator(options, *plan, std::move(*init));
  if (const auto opened = coordinator.open(); !opened) {
    return refuse(opened.error());
  }
  // Whoever waits for the program to be there may count on the sockets.
  if (!options.install.empty()) {
    if (const auto installed = install_to(options.install); !installed) {
      return refuse(installed.error());
    }
  }
  return coordinator.run();
}

std::string termination_message(const Outcome& outcome, const Plan& plan) {
  std::array<int, 6> counts{};
  std::string first;
  for (std::size_t i = 0; i < outcome.tasks.size(); ++i) {
    const TaskState state = outcome.tasks[i].state;
    if (outcome.tasks[i].reason == no_combination) {
      continue;
    }
    ++counts.at(static_cast<std::size_t>(state));
    if (state == TaskState::failed && first.empty()) {
      first = plan.tasks[i].name;
    }
  }
  const auto text = [&] {
    JsonWriter json;
    json.begin_object();
    json.key("state");
    json.text(to_string(outcome.state));
    json.key("reason");
    json.text(outcome.reason);
    for (const auto& [name, state] :
         {std::pair("succeeded", TaskState::succeeded), std::pair("failed", TaskState::failed),
          std::pair("cancelled", TaskState::cancelled), std::pair("skipped", TaskState::skipped)}) {
      json.key(name);
      json.number(counts.at(static_cast<std::size_t>(state)));
    }
    if (!first.empty()) {
      json.key("first");
      json.text(first);
    }
    json.end_object();
    return json.str();
  };
  while (text().size() > max_termination_message && !first.empty()) {
    first.pop_back();
  }
  return text();
}

std::string termination_message(std::string_view error) {
  for (;; error.remove_suffix(1)) {
    JsonWriter json;
    json.begin_object();
    json.key("error");
    json.text(error);
    json.end_object();
    if (json.str().size() <= max_termination_message || error.empty()) {
      return json.str();
    }
  }
}

} // namespace taskgroup
