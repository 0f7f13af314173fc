// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/journal.h"

#include "core/run/json_writer.h"
#include "entrypoint/clock.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
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
  if (const auto* const end = std::get_if<record::GroupEnded>(&record)) {
    write_end(*end);
    return;
  }
  const std::int64_t time = wall_clock_now();
  remember(record, time);
  std::string line = to_json(record, m_plan, m_number + 1, time);
  m_full = m_full || m_size + line.size() > limit;
  if (m_full) {
    m_left_out = true;
    return;
  }
  append(line);
  if (m_since_snapshot >= snapshot_each) {
    snapshot();
  }
}

// The last two lines tell all that is to be known, whatever has become of those before.
void Journal::write_end(const record::GroupEnded& record) {
  snapshot();
  record::GroupEnded end = record;
  if (!m_plan.report_task_results) {
    std::vector<std::pair<std::size_t, std::string>> sizes;
    std::size_t total = 0;
    for (const auto& [name, value] : end.outcome.group_results) {
      sizes.emplace_back(value.to_text().size(), name);
      total += sizes.back().first;
    }
    for (std::sort(sizes.begin(), sizes.end()); total > max_results; sizes.pop_back()) {
      const auto& [bytes, name] = sizes.back();
      end.outcome.group_results.erase(name);
      end.omitted.emplace(name, bytes);
      total -= bytes;
    }
  }
  append(to_json(end, m_plan, m_number + 1, wall_clock_now()));
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

void Journal::remember(const Record& record, std::int64_t time) {
  if (const auto* const task = std::get_if<record::TaskChanged>(&record)) {
    remember_task(*task, time);
  } else if (const auto* const step = std::get_if<record::StepChanged>(&record)) {
    remember_container(m_tasks[step->task].steps, step->step, *step, time);
  } else if (const auto* const paused = std::get_if<record::StepPaused>(&record)) {
    remember_pause(*paused);
  } else if (const auto* const sidecar = std::get_if<record::SidecarChanged>(&record)) {
    remember_container(m_tasks[sidecar->task].sidecars, sidecar->sidecar, *sidecar, time);
  } else if (const auto* const stopping = std::get_if<record::GroupStopping>(&record)) {
    m_stopping = stopping->reason;
  } else if (std::holds_alternative<record::FinallyBegan>(record)) {
    m_finally = true;
  }
}

void Journal::remember_task(const record::TaskChanged& changed, std::int64_t time) {
  Task& task = m_tasks[changed.task];
  task.state = changed.state;
  task.reason = changed.reason;
  task.message = changed.message;
  if (changed.state != TaskState::running) {
    task.finished = time;
    return;
  }
  if (task.started == 0) {
    task.started = time;
  }
  task.attempts = changed.attempt + 1;
  task.steps.assign(m_plan.tasks[changed.task].steps.size(), {});
  task.sidecars.assign(m_plan.tasks[changed.task].sidecars.size(), {});
}

void Journal::remember_pause(const record::StepPaused& paused) {
  std::vector<Step>& steps = m_tasks[paused.task].steps;
  if (paused.step < steps.size()) {
    steps[paused.step].paused = to_string(paused);
  }
}

template <typename Changed>
void Journal::remember_container(std::vector<Step>& containers, std::size_t index,
                                 const Changed& changed, std::int64_t time) {
  if (index >= containers.size()) {
    return;
  }
  Step& step = containers[index];
  step.paused.clear();
  if (!changed.ended) {
    step.started = time;
    return;
  }
  step.finished = time;
  step.exit_code = changed.exit_code;
  step.reason = changed.termination_reason;
  step.message = changed.message;
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

void Journal::write_task(JsonWriter& json, std::size_t index) const {
  const auto text = [&json](std::string_view name, std::string_view content) {
    if (!content.empty()) {
      json.key(name);
      json.text(content);
    }
  };
  const auto time = [&json](std::string_view name, std::int64_t millis) {
    if (millis != 0) {
      json.key(name);
      json.number(millis);
    }
  };
  const PlanTask& plan = m_plan.tasks[index];
  const Task& task = m_tasks[index];
  json.begin_object();
  text("state", to_string(task.state));
  text("reason", task.reason);
  text("message", task.message);
  json.key("attempts");
  json.number(task.attempts);
  if (plan.is_finally) {
    json.key("finally");
    json.boolean(true);
  }
  time("started", task.started);
  time("finished", task.finished);
  const auto containers = [&](std::string_view key, const std::vector<Step>& told,
                              const auto& planned) {
    json.key(key);
    json.begin_object();
    for (std::size_t i = 0; i < told.size(); ++i) {
      const Step& step = told[i];
      if (step.started == 0 && step.finished == 0 && step.paused.empty()) {
        continue;
      }
      json.key(planned[i].name);
      json.begin_object();
      text("state", step.finished != 0 ? "Terminated" : step.started != 0 ? "Running" : "");
      text("paused", step.paused);
      if (step.finished != 0 && step.exit_code >= 0) {
        json.key("exitCode");
        json.number(step.exit_code);
      }
      text("reason", step.reason);
      text("message", step.message);
      time("started", step.started);
      time("finished", step.finished);
      json.end_object();
    }
    json.end_object();
  };
  containers("steps", task.steps, plan.steps);
  if (!plan.sidecars.empty()) {
    containers("sidecars", task.sidecars, plan.sidecars);
  }
  json.end_object();
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
    if (m_tasks[i].state == TaskState::pending && is_provisional(m_plan, i)) {
      continue;
    }
    json.key(m_plan.tasks[i].name);
    write_task(json, i);
  }
  json.end_object();
  json.end_object();
  append(json.str());
  m_since_snapshot = 0;
  m_left_out = false;
}

} // namespace taskgroup
