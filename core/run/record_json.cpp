// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/record.h>

#include "core/run/json_writer.h"

#include <array>

namespace taskgroup {
namespace {

constexpr std::array<std::string_view, 6> task_states = {"Pending", "Running", "Succeeded",
                                                         "Failed",  "Skipped", "Cancelled"};
constexpr std::array<std::string_view, 4> group_states = {"Running", "Succeeded", "Failed",
                                                          "Cancelled"};

// Writes the fields that follow `n`, `time` and `event`. Empty texts are left out.
class RecordWriter {
public:
  RecordWriter(const Plan& plan, JsonWriter& json) : m_plan(plan), m_json(json) {}

  void operator()(const record::GroupBegan& /*record*/) {
    event("begin");
    number("version", plan_version);
    text("group", m_plan.group);
    names("tasks", false);
    names("finally", true);
  }

  void operator()(const record::TaskChanged& record) {
    event("task");
    task(record.task, record.attempt);
    text("state", to_string(record.state));
    text("reason", record.reason);
    text("message", record.message);
  }

  void operator()(const record::TaskRetried& record) {
    event("retry");
    task(record.task, record.attempt);
    text("reason", record.reason);
    text("message", record.message);
  }

  void operator()(const record::StepChanged& record) {
    event("step");
    task(record.task, record.attempt);
    text("step", m_plan.tasks[record.task].steps[record.step].name);
    container_state(record);
  }

  void operator()(const record::StepPaused& record) {
    event("paused");
    task(record.task, record.attempt);
    text("step", m_plan.tasks[record.task].steps[record.step].name);
    text("reason", to_string(record));
    if (!record.before) {
      number("exitCode", record.exit_code);
    }
    text("message", record.message);
  }

  void operator()(const record::SidecarChanged& record) {
    event("sidecar");
    task(record.task, record.attempt);
    text("sidecar", m_plan.tasks[record.task].sidecars[record.sidecar].name);
    container_state(record);
  }

  void operator()(const record::FinallyBegan& /*record*/) { event("finally"); }

  void operator()(const record::GroupStopping& record) {
    event("stopping");
    text("reason", record.reason);
    text("message", record.message);
  }

  void operator()(const record::GroupEnded& record) {
    const Outcome& outcome = record.outcome;
    event("end");
    text("state", to_string(outcome.state));
    text("reason", outcome.reason);
    text("message", outcome.message);
    m_json.key("tasks");
    m_json.begin_object();
    for (std::size_t i = 0; i < outcome.tasks.size(); ++i) {
      if (outcome.tasks[i].reason == no_combination) {
        continue;
      }
      m_json.key(m_plan.tasks[i].name);
      task_outcome(outcome.tasks[i]);
    }
    m_json.end_object();
    values("results", outcome.group_results);
    if (!record.omitted.empty()) {
      m_json.key("omitted");
      m_json.begin_object();
      for (const auto& [name, bytes] : record.omitted) {
        m_json.key(name);
        m_json.number(static_cast<std::int64_t>(bytes));
      }
      m_json.end_object();
    }
  }

private:
  void event(std::string_view name) { text("event", name); }

  void text(std::string_view name, std::string_view text) {
    if (!text.empty()) {
      m_json.key(name);
      m_json.text(text);
    }
  }

  // What a StepChanged and a SidecarChanged have in common.
  void container_state(const auto& record) {
    text("state", record.ended ? "Terminated" : "Running");
    if (record.ended && record.exit_code >= 0) {
      number("exitCode", record.exit_code);
    }
    text("reason", record.termination_reason);
    text("message", record.message);
  }

  void number(std::string_view name, int number) {
    m_json.key(name);
    m_json.number(number);
  }

  void task(std::size_t index, int attempt) {
    text("task", m_plan.tasks[index].name);
    number("attempt", attempt);
  }

  void names(std::string_view name, bool is_finally) {
    m_json.key(name);
    m_json.begin_array();
    for (std::size_t i = 0; i < m_plan.tasks.size(); ++i) {
      if (m_plan.tasks[i].is_finally == is_finally && !is_provisional(m_plan, i)) {
        m_json.text(m_plan.tasks[i].name);
      }
    }
    m_json.end_array();
  }

  void values(std::string_view name, const std::map<std::string, Value>& values) {
    m_json.key(name);
    m_json.begin_object();
    for (const auto& [key, value] : values) {
      m_json.key(key);
      m_json.value(value);
    }
    m_json.end_object();
  }

  void task_outcome(const TaskOutcome& outcome) {
    m_json.begin_object();
    text("state", to_string(outcome.state));
    text("reason", outcome.reason);
    text("message", outcome.message);
    number("attempts", outcome.attempts);
    if (m_plan.report_task_results) {
      values("results", outcome.results);
    }
    m_json.end_object();
  }

  const Plan& m_plan;
  JsonWriter& m_json;
};

} // namespace

std::string_view to_string(TaskState state) { return task_states[static_cast<std::size_t>(state)]; }

std::string_view to_string(GroupState state) {
  return group_states[static_cast<std::size_t>(state)];
}

std::string_view to_string(const record::StepPaused& paused) {
  return paused.before ? "BeforeStep" : "OnFailure";
}

std::string to_json(const Record& record, const Plan& plan, std::uint64_t number,
                    std::int64_t time) {
  JsonWriter json;
  json.begin_object();
  json.key("n");
  json.number(static_cast<std::int64_t>(number));
  json.key("time");
  json.number(time);
  std::visit(RecordWriter(plan, json), record);
  json.end_object();
  return json.str();
}

} // namespace taskgroup
