// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/journal.h"

#include "core/run/json_writer.h"
#include "entrypoint/clock.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <variant>

namespace taskgroup {

namespace {

// What a pipe that poll() calls writable takes without blocking (pipe(7), PIPE_BUF). The flag
// O_NONBLOCK would be seen by everybody who shares the pipe.
constexpr std::size_t chunk = 4096;

// A flush hands over at most so much, so that a reader in a hurry does not hold up the steps.
constexpr std::size_t most_at_once = 64 * chunk;

} // namespace

Journal::Journal(const Plan& plan, int fd) : m_plan(plan), m_fd(fd), m_tasks(plan.tasks.size()) {
  struct stat status{};
  m_pipe = fstat(fd, &status) != 0 || !S_ISREG(status.st_mode);
}

void Journal::write(const Record& record) {
  remember(record);
  const bool end = std::holds_alternative<record::GroupEnded>(record);
  std::string line = to_json(record, m_plan, m_number + 1, wall_clock_now());
  m_full = m_full || m_size + line.size() > limit;
  if (!end && m_full) {
    m_left_out = true;
    return;
  }
  append(line);
  if (!end && m_since_snapshot >= snapshot_each) {
    snapshot();
  }
}

void Journal::launch(const std::vector<std::size_t>& containers) {
  JsonWriter json;
  begin(json, "launch");
  json.key("containers");
  json.begin_array();
  for (const std::size_t index : containers) {
    json.number(static_cast<std::int64_t>(index));
  }
  json.end_array();
  json.end_object();
  append(json.str());
}

void Journal::heartbeat() {
  if (m_left_out) {
    snapshot();
    return;
  }
  JsonWriter json;
  begin(json, "heartbeat");
  json.end_object();
  append(json.str());
}

void Journal::flush() {
  for (std::size_t budget = most_at_once; pending() && budget > 0;) {
    pollfd ready{m_fd, POLLOUT, 0};
    if (m_pipe && poll(&ready, 1, 0) == 0) {
      return;
    }
    const std::size_t size = std::min(m_waiting.size() - m_sent, m_pipe ? chunk : budget);
    const ssize_t count = ::write(m_fd, m_waiting.data() + m_sent, size);
    if (count >= 0) {
      m_sent += static_cast<std::size_t>(count);
      budget -= std::min(budget, static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      m_broken = true;
    }
  }
  if (!pending()) {
    m_waiting.clear();
    m_sent = 0;
  }
}

void Journal::remember(const Record& record) {
  if (const auto* const changed = std::get_if<record::TaskChanged>(&record)) {
    Task& task = m_tasks[changed->task];
    task.state = changed->state;
    task.reason = changed->reason;
    task.message = changed->message;
    if (changed->state == TaskState::running) {
      task.attempts = changed->attempt + 1;
    }
  } else if (const auto* const stopping = std::get_if<record::GroupStopping>(&record)) {
    m_stopping = stopping->reason;
  } else if (std::holds_alternative<record::FinallyBegan>(record)) {
    m_finally = true;
  }
}

void Journal::begin(JsonWriter& json, std::string_view event) const {
  json.begin_object();
  json.key("n");
  json.number(static_cast<std::int64_t>(m_number + 1));
  json.key("time");
  json.number(wall_clock_now());
  json.key("event");
  json.text(event);
}

void Journal::append(const std::string& line) {
  ++m_number;
  m_waiting += line;
  m_waiting += '\n';
  m_size += line.size() + 1;
  m_since_snapshot += line.size() + 1;
}

void Journal::snapshot() {
  JsonWriter json;
  begin(json, "snapshot");
  json.key("version");
  json.number(plan_version);
  json.key("group");
  json.text(m_plan.group);
  json.key("finally");
  json.boolean(m_finally);
  if (!m_stopping.empty()) {
    json.key("stopping");
    json.text(m_stopping);
  }
  json.key("tasks");
  json.begin_object();
  for (std::size_t i = 0; i < m_tasks.size(); ++i) {
    const Task& task = m_tasks[i];
    json.key(m_plan.tasks[i].name);
    json.begin_object();
    json.key("state");
    json.text(to_string(task.state));
    if (!task.reason.empty()) {
      json.key("reason");
      json.text(task.reason);
    }
    if (!task.message.empty()) {
      json.key("message");
      json.text(task.message);
    }
    json.key("attempts");
    json.number(task.attempts);
    json.end_object();
  }
  json.end_object();
  json.end_object();
  append(json.str());
  m_since_snapshot = 0;
  m_left_out = false;
}

} // namespace taskgroup
