// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/step.h"

#include <taskgroup/text.h>

#include "entrypoint/breakpoint.h"
#include "entrypoint/caretaker.h"
#include "entrypoint/clock.h"
#include "entrypoint/empty.h"
#include "entrypoint/files.h"
#include "entrypoint/memory.h"
#include "entrypoint/output_copy.h"
#include "entrypoint/process.h"
#include "entrypoint/wire.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

namespace taskgroup {

namespace {

constexpr int failed_to_start = 1; // as stock's entrypoint exits where it cannot run a step

// Why there is no connection to the coordinator.
struct NoConnection {
  std::string message;
  bool too_late = false; // it was there, and is gone
};

// Connect to the coordinator's socket. All sockets are open before the first agent starts; where
// containers share no such order it may come later. Once it is there, somebody listens as long as
// the coordinator lives.
tl::expected<Fd, NoConnection> connect_to(const std::string& path) {
  constexpr Millis longest_wait{20'000};
  constexpr Millis longest_without_listener{500}; // between bind() and listen()
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return tl::make_unexpected(
        NoConnection{"the socket's path \"" + path + "\" is longer than 107 bytes"});
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) {
    return tl::make_unexpected(NoConnection{with_errno("cannot make a socket", errno)});
  }
  const Millis begin = monotonic_now();
  Millis refused{0}; // since when
  for (int pause_ms = 1;; pause_ms = std::min(2 * pause_ms, 100)) {
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return socket;
    }
    const int error = errno;
    const Millis now = monotonic_now();
    refused = error != ECONNREFUSED ? Millis(0) : refused == Millis(0) ? now : refused;
    const bool gone = refused != Millis(0) && now - refused > longest_without_listener;
    if ((error != ENOENT && error != ECONNREFUSED && error != EAGAIN) || gone
        || now - begin > longest_wait) {
      return tl::make_unexpected(
          NoConnection{with_errno("cannot connect to \"" + path + "\"", error), gone});
    }
    poll(nullptr, 0, pause_ms);
  }
}

class StepAgent {
public:
  StepAgent(const StepOptions& options, Init init, Fd socket)
      : m_options(options), m_init(std::move(init)), m_socket(std::move(socket)) {}

  int run();

private:
  void receive();
  void take(wire::Start& message);
  void take(const wire::Stop& message);
  void take(const wire::Reset& message);
  void take(const wire::Done& message);

  // Say why the coordinator is not obeyed any longer, and end.
  void give_up(std::string_view why);
  void send(const wire::FromAgent& message);

  // Tell whether this is the agent's own image, put into the place of one that could not be had
  // (design.md 4): nothing of the step is here, unless the step is the agent itself.
  bool stands_in() const;

  // Run the step that Start spoke of, or skip it.
  void begin();
  tl::expected<void, SpawnError> start(const wire::Start& start);
  tl::expected<Command, SpawnError> command_of(const wire::Start& start) const;
  tl::expected<void, SpawnError> open_copies(const wire::Start& start);
  void make_step_folder();
  void skip();
  void write_exit_code(int code);
  void step_ended(int code);
  void report(wire::Exited exited);

  // Wait at a breakpoint; false if that cannot be, which has then been reported.
  bool pause(Hold hold, int code, const std::string& error);
  void decide(Verdict verdict);

  // Of a sidecar: begin its care, do what is due in it, and begin to end it.
  void begin_care(const std::string& text);
  void see_to_care();
  void begin_stop(Millis grace);
  void remove_script();
  std::optional<int> kill_all();

  std::string tekton(std::string_view path) const {
    return m_options.root + "/tekton/" + std::string(path);
  }
  std::string cgroups() const { return m_options.root + "/sys/fs/cgroup"; }
  std::string step_folder() const { return tekton("steps/step-" + m_start.step); }
  std::string folder_of_step(const wire::Start& start) const { // its working folder, if any
    return start.working_dir.starts_with('/') ? start.working_dir
                                              : m_options.root + "/workspace/" + start.working_dir;
  }

  const StepOptions& m_options;
  Init m_init;
  Fd m_socket;
  wire::Lines m_lines;
  std::optional<int> m_exit;

  // Of the step that runs or ran last.
  wire::Start m_start;
  Script m_script;
  std::vector<OutputCopy> m_copies; // of its output
  bool m_stopped = false;
  std::uint64_t m_kills = 0;       // of the container for want of memory, before it began
  std::optional<Millis> m_kill_at; // of a step that was told to stop
  std::optional<Breakpoint> m_breakpoint;
  wire::Exited m_held; // how it ended, while a breakpoint holds it after that

  // Of a sidecar.
  CareSurroundings m_surroundings;
  std::optional<Caretaker> m_care;
  std::optional<Millis> m_terminate_at; // at the latest, while its preStop hook runs
  std::string m_failure;                // why we ended it
};

int StepAgent::run() {
  send(wire::Hello{wire::version, m_options.container});
  while (!m_exit) {
    constexpr Millis longest_wait{3'600'000};
    Millis next =
        std::min(m_kill_at.value_or(Millis::max()), m_terminate_at.value_or(Millis::max()));
    if (m_care) {
      next = std::min(next, m_care->due().value_or(Millis::max()));
    }
    const int timeout =
        next == Millis::max()
            ? -1
            : static_cast<int>(std::clamp(next - monotonic_now(), Millis(0), longest_wait).count());
    // A descriptor of -1 is passed over.
    pollfd waits[5] = {{m_init.signals(), POLLIN, 0},
                       {m_socket.get(), POLLIN, 0},
                       {m_breakpoint ? m_breakpoint->readable() : -1, POLLIN, 0}};
    nfds_t count = 3;
    for (const OutputCopy& copy : m_copies) {
      waits[count++] = {copy.readable(), POLLIN, 0}; // one that is at its end is passed over
    }
    if (poll(waits, count, timeout) < 0 && errno != EINTR) {
      give_up(with_errno("cannot wait", errno));
      break;
    }
    for (OutputCopy& copy : m_copies) {
      copy.forward();
    }
    if (waits[0].revents != 0) {
      m_init.drain();
      if (const std::optional<int> code = m_init.reap()) {
        step_ended(*code);
      }
    }
    see_to_care();
    if (m_kill_at && monotonic_now() >= *m_kill_at) {
      if (const std::optional<int> code = kill_all()) {
        step_ended(*code);
      }
    }
    if (waits[2].revents != 0 && m_breakpoint) {
      if (const std::optional<Verdict> verdict = m_breakpoint->verdict()) {
        decide(*verdict);
      }
    }
    if (waits[1].revents != 0) {
      receive();
    }
  }
  kill_all();
  remove_script();
  return *m_exit;
}

void StepAgent::receive() {
  static char buffer[65536]; // its pages cost nothing before the first message
  const ssize_t size = recv(m_socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (size <= 0) {
    give_up("the coordinator is gone");
    return;
  }
  m_lines.append({buffer, static_cast<std::size_t>(size)});
  while (const std::optional<std::string_view> line = m_lines.next()) {
    auto message = wire::decode_to_agent(*line);
    if (!message) {
      give_up("cannot read the coordinator's message: " + message.error());
      return;
    }
    std::visit([this](auto& content) { take(content); }, *message);
    if (m_exit) {
      return;
    }
  }
  if (m_lines.overflow()) {
    give_up("the coordinator's message is too long");
  }
}

bool StepAgent::stands_in() const {
  constexpr const char* own = "/taskgroup-agent";
  const bool wanted = !m_options.command.empty() && m_options.command.front() == own;
  return !wanted && access((m_options.root + own).c_str(), F_OK) == 0;
}

void StepAgent::take(wire::Start& message) {
  if (m_init.running() || m_breakpoint) {
    give_up("the coordinator starts a step that runs");
    return;
  }
  m_start = std::move(message);
  m_stopped = false;
  if (stands_in()) {
    return; // the coordinator is about to hear that this container is lost
  }
  if (!m_start.pause_before || !pause(Hold::before_step, 0, {})) {
    begin();
  }
}

void StepAgent::begin() {
  if (m_start.skipped) {
    skip();
    return;
  }
  if (const auto started = start(m_start); !started) {
    m_copies.clear();
    const auto& [code, message] = started.error();
    if (!m_start.pause_on_failure || !pause(Hold::on_failure, code, message)) {
      send(wire::Exited{m_start.attempt, code, message, {}});
    }
    return;
  }
  send(wire::Started{m_start.attempt});
  if (m_start.care) {
    begin_care(*m_start.care);
  }
}

void StepAgent::begin_care(const std::string& text) {
  auto care = care_from_json(text);
  if (!care) {
    give_up("cannot read how to look after the sidecar: " + care.error());
    return;
  }
  m_failure.clear();
  m_care.emplace(std::move(*care), std::move(m_surroundings));
  m_care->started(monotonic_now());
  see_to_care();
}

void StepAgent::see_to_care() {
  const std::vector<std::pair<pid_t, int>> ended = m_init.take_others();
  if (!m_care) {
    return;
  }
  const Millis now = monotonic_now();
  for (const auto& [pid, code] : ended) {
    m_care->child_ended(pid, code, now);
  }
  m_care->tick(now);
  if (m_care->take_ready()) {
    send(wire::Ready{m_start.attempt});
  }
  Millis grace{0};
  if (std::optional<std::string> why = m_care->take_failure(grace)) {
    m_failure = std::move(*why);
    begin_stop(grace);
  }
  if (m_terminate_at && (now >= *m_terminate_at || !m_care->pre_stop_runs())) {
    m_terminate_at.reset();
    Init::signal_all(SIGTERM);
  }
}

void StepAgent::begin_stop(Millis grace) {
  constexpr Millis least_after_hook{2000}; // as kubelet gives after a preStop hook
  if (m_kill_at) {
    return; // it is being stopped
  }
  const Millis now = monotonic_now();
  m_kill_at = now + grace;
  if (m_care && m_care->begin_stop()) {
    m_terminate_at = now + std::max(grace - least_after_hook, Millis(0));
  } else {
    Init::signal_all(SIGTERM);
  }
}

bool StepAgent::pause(Hold hold, int code, const std::string& error) {
  const bool before = hold == Hold::before_step;
  auto breakpoint = Breakpoint::open(tekton("debug"), m_start.index, hold);
  if (!breakpoint) {
    warn("the breakpoint cannot hold this step: " + breakpoint.error());
    return false;
  }
  const std::string scripts = tekton("debug/scripts/debug-") + (before ? "beforestep-" : "");
  warn("a breakpoint holds this step "
       + (before ? "before it runs: " + scripts + "continue runs it, "
                 : "after its failure (exit code " + std::to_string(code) + "): " + scripts
                       + "continue lets it pass, ")
       + scripts + "fail-continue fails it");
  m_breakpoint.emplace(std::move(*breakpoint));
  m_held = {.attempt = m_start.attempt, .code = code, .error = error};
  send(wire::Paused{m_start.attempt, before, code, error});
  return true;
}

void StepAgent::decide(Verdict verdict) {
  const bool before = m_breakpoint->hold() == Hold::before_step;
  m_breakpoint.reset();
  if (verdict == Verdict::fail) {
    // Stock's exit code; of one that could not be started the reason is worth more.
    report({.attempt = m_start.attempt,
            .code = failed_to_start,
            .error = m_held.error,
            .marked_failed = true});
  } else if (before) {
    begin();
  } else {
    report({.attempt = m_start.attempt});
  }
}

void StepAgent::take(const wire::Stop& message) {
  if (m_breakpoint && message.attempt == m_start.attempt) {
    const bool before = m_breakpoint->hold() == Hold::before_step;
    m_breakpoint.reset();
    m_stopped = true;
    if (before) {
      m_held.code = 128 + SIGTERM;
    }
    report(std::move(m_held));
    return;
  }
  if (!m_init.running() || message.attempt != m_start.attempt) {
    return; // it has just ended by itself
  }
  m_stopped = true;
  begin_stop(message.grace);
}

void StepAgent::take(const wire::Reset& message) {
  kill_all();
  m_kill_at.reset();
  m_terminate_at.reset();
  m_care.reset();
  std::string error;
  for (const std::string& path : message.paths) {
    if (const auto emptied = empty_folder(path); !emptied && error.empty()) {
      error = emptied.error();
    }
  }
  send(wire::ResetDone{message.attempt, error});
}

void StepAgent::take(const wire::Done& /*message*/) { m_exit = 0; }

void StepAgent::give_up(std::string_view why) {
  warn(why);
  m_exit = 1;
}

void StepAgent::send(const wire::FromAgent& message) {
  const std::string line = wire::encode(message);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t sent = ::send(m_socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) {
      give_up("the coordinator is gone");
      return;
    }
    rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  }
}

tl::expected<Command, SpawnError> StepAgent::command_of(const wire::Start& start) const {
  // The value of a reference is the whole result, under the name of the reference or of the result.
  const Lookup lookup = [&](const Reference& reference) -> const Value* {
    auto found = start.values.find(reference.name());
    if (found == start.values.end()) {
      Reference whole = reference;
      whole.part = Reference::Part::whole;
      found = start.values.find(whole.name());
    }
    return found == start.values.end() ? nullptr : &found->second;
  };
  const auto refuse = [](std::string message) {
    return tl::make_unexpected(SpawnError{failed_to_start, std::move(message)});
  };

  Command command;
  for (const std::string& word : m_options.command) {
    auto words = Text::from_marked(word, m_options.nonce).resolve_items(lookup);
    if (!words) {
      return refuse(words.error().message);
    }
    std::move(words->begin(), words->end(), std::back_inserter(command.argv));
  }
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::strstr(*variable, m_options.nonce.c_str()) == nullptr) {
      command.env.emplace_back(*variable);
      continue;
    }
    auto resolved = Text::from_marked(*variable, m_options.nonce).resolve(lookup);
    if (!resolved) {
      return refuse(resolved.error().message);
    }
    command.env.push_back(std::move(*resolved));
  }
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  for (const auto* const list : {&command.argv, &command.env}) {
    if (std::ranges::any_of(*list, has_nul)) {
      return refuse(
          "a result holds a NUL byte: it cannot be in an argument or environment variable");
    }
  }
  return command;
}

void StepAgent::make_step_folder() {
  if (make_folders(tekton("steps"), 0777) && make_folders(step_folder(), 0755)) {
    static_cast<void>(make_folders(step_folder() + "/results", 0755));
    [[maybe_unused]] const int linked = symlink(
        ("step-" + m_start.step).c_str(), tekton("steps/" + std::to_string(m_start.index)).c_str());
  }
}

// Later steps may read the exit code of one that was skipped (taskrun-semantics.md 2.1).
void StepAgent::skip() {
  make_step_folder();
  write_exit_code(0);
  send(wire::Exited{.attempt = m_start.attempt});
}

void StepAgent::write_exit_code(int code) {
  const auto written = write_file(step_folder() + "/exitCode", std::to_string(code), 0644);
  if (!written) {
    warn(written.error());
  }
}

tl::expected<void, SpawnError> StepAgent::open_copies(const wire::Start& start) {
  const auto open_copy = [&](std::string path, int own) -> tl::expected<void, SpawnError> {
    if (path.empty()) {
      return {};
    }
    if (path.front() != '/' && !start.working_dir.empty()) {
      path.insert(0, folder_of_step(start) + "/");
    }
    auto copy = OutputCopy::open(path, own);
    if (!copy) {
      return tl::make_unexpected(
          SpawnError{failed_to_start, "the copy of the step's output: " + copy.error()});
    }
    m_copies.push_back(std::move(*copy));
    return {};
  };
  return open_copy(start.stdout_path, STDOUT_FILENO).and_then([&] {
    return open_copy(start.stderr_path, STDERR_FILENO);
  });
}

tl::expected<void, SpawnError> StepAgent::start(const wire::Start& start) {
  const auto refuse = [](std::string message) {
    return tl::make_unexpected(SpawnError{failed_to_start, std::move(message)});
  };
  // Where these cannot be made a step that uses them says so itself.
  for (const char* const folder : {"results", "home"}) {
    static_cast<void>(make_folders(tekton(folder), 0777));
  }
  make_step_folder();
  static_cast<void>(make_folders(m_options.root + "/workspace", 0777));

  Fd directory;
  if (!start.working_dir.empty()) {
    const std::string path = folder_of_step(start);
    if (const auto made = make_folders(path, 0755); !made) {
      return refuse("workingDir: " + made.error());
    }
    directory = Fd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
      return refuse(with_errno("cannot open the workingDir \"" + path + "\"", errno));
    }
  }

  auto command = command_of(start);
  if (!command) {
    return tl::make_unexpected(std::move(command.error()));
  }
  if (start.script.has_value() != m_options.script) {
    return refuse(
        "the coordinator's plan and this container do not agree on whether there is a script");
  }
  if (start.script) {
    auto script =
        place_script(tekton("scripts"), m_options.container + "-" + std::to_string(start.attempt),
                     *start.script);
    if (!script) {
      return refuse(script.error());
    }
    m_script = std::move(*script);
    command->argv.insert(command->argv.begin(), m_script.path);
    command->kept = m_script.memory.get();
  }
  if (command->argv.empty()) {
    return refuse("there is neither a command nor a script");
  }
  command->directory = directory.get();
  if (start.care) {
    m_surroundings.env = command->env;
    m_surroundings.directory = Fd(directory ? fcntl(directory.get(), F_DUPFD_CLOEXEC, 3) : -1);
  }
  if (auto opened = open_copies(start); !opened) {
    return opened;
  }
  for (const OutputCopy& copy : m_copies) {
    (copy.own() == STDOUT_FILENO ? command->out : command->err) = copy.process_end();
  }
  m_kills = kills_for_memory(cgroups());
  auto started = m_init.start(*command);
  for (OutputCopy& copy : m_copies) {
    copy.close_process_end();
  }
  return started;
}

void StepAgent::remove_script() {
  if (!m_script.path.empty() && !m_script.memory) {
    unlink(m_script.path.c_str());
  }
  m_script = Script();
}

void StepAgent::step_ended(int code) {
  m_kill_at.reset();
  m_terminate_at.reset();
  m_care.reset();
  kill_all();
  remove_script();
  for (OutputCopy& copy : m_copies) {
    copy.forward(); // whoever could write is dead
  }
  m_copies.clear();
  wire::Exited exited{.attempt = m_start.attempt, .code = code};
  exited.out_of_memory = kills_for_memory(cgroups()) > m_kills;
  if (m_start.care) {
    // As for kubelet the exit code decides, also of one that a probe has ended.
    exited.error = code != 0 ? std::exchange(m_failure, {}) : std::string();
    send(exited);
    return;
  }
  if (!m_start.pause_on_failure || code == 0 || m_stopped
      || !pause(Hold::on_failure, code, exited.error)) {
    report(std::move(exited));
  }
}

void StepAgent::report(wire::Exited exited) {
  const int code = exited.code;
  auto results = read_results(tekton("results"), m_start.results, wire::max_results);
  auto of_step = read_results(step_folder() + "/results", m_start.step_results, wire::max_results);
  if (results && of_step) {
    exited.results = std::move(*results);
    exited.step_results = std::move(*of_step);
  } else {
    exited.error = results ? of_step.error() : results.error();
  }
  // Where stock writes it: not for a step that was stopped, nor one that ends its task (2.1).
  if (!m_stopped && (code == 0 || (m_start.carry_on && !exited.marked_failed))) {
    write_exit_code(code);
  }
  send(exited);
}

std::optional<int> StepAgent::kill_all() {
  bool left = false;
  const std::optional<int> code = m_init.kill_all(left);
  if (left) {
    warn("some processes of the step cannot be killed");
  }
  return code;
}

} // namespace

int run_step(const StepOptions& options) {
  auto init = Init::become();
  if (!init) {
    warn(init.error());
    return 1;
  }
  // A container's stdin is empty unless its pod asks for one, which no Task can.
  const Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (nothing) {
    dup2(nothing.get(), STDIN_FILENO);
  }
  auto socket = connect_to(options.socket);
  if (!socket) {
    warn(socket.error().message);
    return socket.error().too_late ? 0 : 1;
  }
  return StepAgent(options, std::move(*init), std::move(*socket)).run();
}

} // namespace taskgroup
