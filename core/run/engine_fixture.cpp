// SPDX-License-Identifier: Apache-2.0
#include "core/run/engine_fixture.h"

#include <sstream>
#include <stdexcept>

namespace taskgroup {
namespace {

void add_to(std::string& list, const std::string& item) {
  list += (list.empty() ? "" : "; ") + item;
}

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

} // namespace

void EngineTest::given(std::string_view graph) {
  plan = Plan{.group = "group", .nonce = "5f2c"};
  std::istringstream words{std::string(graph)};
  std::optional<std::size_t> before;
  bool is_finally = false;
  bool arrow = false;
  for (std::string word; words >> word;) {
    const bool ends = word.ends_with(';');
    word = word.substr(0, word.size() - (ends ? 1 : 0));
    if (word == "finally") {
      is_finally = true;
    } else if (word == "->") {
      arrow = true;
    } else {
      const std::size_t task = add(word, is_finally);
      if (arrow) {
        plan.tasks[task].after.push_back(before.value());
      }
      before = task;
      arrow = false;
    }
    if (ends) {
      before.reset();
    }
  }
}

PlanTask& EngineTest::task(std::string_view name) { return plan.tasks[index(name)]; }

void EngineTest::steps(std::string_view name, std::size_t count) {
  PlanTask& it = task(name);
  it.steps.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string step = "s" + std::to_string(i);
    it.steps.push_back({.name = step, .container = "step-" + it.name + "-" + step});
  }
}

void EngineTest::sidecars(std::string_view name, std::size_t count) {
  PlanTask& it = task(name);
  for (std::size_t i = 0; i < count; ++i) {
    PlanSidecar& sidecar = it.sidecars.emplace_back();
    sidecar.name = "c" + std::to_string(i);
    sidecar.container = "sidecar-" + it.name + "-" + sidecar.name;
  }
}

StepId EngineTest::sidecar(std::string_view name, std::size_t number) const {
  const std::size_t it = index(name);
  return {it, plan.tasks[it].steps.size() + number};
}

std::string EngineTest::sidecar_ready(std::string_view name, std::size_t number, int attempt) {
  return send(event::SidecarReady{sidecar(name, number), attempt});
}

std::string EngineTest::sidecar_exit(std::string_view name, int code, std::size_t number,
                                     int attempt) {
  return send(
      event::StepExited{.id = sidecar(name, number), .attempt = attempt, .exit_code = code});
}

void EngineTest::declare(std::string_view name, const std::vector<std::string>& results,
                         ValueType type) {
  for (const std::string& result : results) {
    task(name).results.push_back({.name = result, .type = type});
  }
}

void EngineTest::need(std::string_view name, const std::vector<std::string>& references) {
  for (const std::string& reference : references) {
    task(name).needs.push_back(Reference::parse(reference).value());
  }
}

std::string EngineTest::begin() {
  m_engine = std::make_unique<Engine>(plan);
  m_outcome.reset();
  return send(event::Begin{});
}

std::string EngineTest::started(std::string_view name) {
  const action::StartStep& start = last_start(name);
  return send(event::StepStarted{start.id, start.attempt});
}

std::string EngineTest::paused(std::string_view name, bool before, int code) {
  const action::StartStep& start = last_start(name);
  return send(event::StepPaused{start.id, start.attempt, before, code, {}});
}

std::string EngineTest::marked_failed(std::string_view name) {
  const action::StartStep& start = last_start(name);
  return send(event::StepExited{
      .id = start.id, .attempt = start.attempt, .exit_code = 1, .marked_failed = true});
}

std::string EngineTest::exit(std::string_view name, int code, const Files& results) {
  const action::StartStep& start = last_start(name);
  return send(event::StepExited{
      .id = start.id, .attempt = start.attempt, .exit_code = code, .results = results});
}

std::string EngineTest::cannot_start(std::string_view name, const std::string& error) {
  const action::StartStep& start = last_start(name);
  return send(event::StepExited{
      .id = start.id, .attempt = start.attempt, .exit_code = 127, .start_error = error});
}

std::string EngineTest::reset(std::string_view name, const std::string& error) {
  const std::size_t it = index(name);
  const int attempt = last_start(name).attempt + 1;
  std::string actions;
  for (std::size_t step = 0; step < container_count(plan.tasks[it]); ++step) {
    if (const std::string more = send(event::StepReset{{it, step}, attempt, error});
        !more.empty()) {
      add_to(actions, more);
    }
  }
  return actions;
}

std::string EngineTest::lose(std::string_view name, std::size_t step) {
  return send(event::ContainerLost{{index(name), step}, "ImagePullBackOff", "no such image"});
}

std::string EngineTest::cancel(bool finally) { return send(event::Cancel{"by a test", finally}); }

std::string EngineTest::at(Millis time) {
  now = time;
  return send(event::Tick{});
}

std::string EngineTest::send(const Event& event) {
  m_records.clear();
  std::string text;
  for (const Action& action : m_engine->handle(event, now)) {
    if (const std::string one = describe(action); !one.empty()) {
      add_to(text, one);
    }
  }
  return text;
}

std::string EngineTest::end_of(std::string_view name) const {
  const TaskOutcome& it = outcome().tasks.at(index(name));
  return std::string(to_string(it.state)) + ": " + it.reason;
}

std::string EngineTest::end() const {
  return m_outcome ? std::string(to_string(m_outcome->state)) + ": " + m_outcome->reason
                   : "still running";
}

const Outcome& EngineTest::outcome() const {
  if (!m_outcome) {
    throw std::logic_error("the run is not over");
  }
  return *m_outcome;
}

const action::StartStep& EngineTest::last_start(std::string_view name) const {
  const auto start = m_starts.find(name);
  if (start == m_starts.end()) {
    throw std::logic_error(std::string(name) + " has not been started");
  }
  return start->second;
}

std::size_t EngineTest::index(std::string_view name) const {
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    if (plan.tasks[i].name == name) {
      return i;
    }
  }
  throw std::logic_error(std::string(name) + " is not a task");
}

std::size_t EngineTest::add(std::string_view name, bool is_finally) {
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    if (plan.tasks[i].name == name) {
      return i;
    }
  }
  plan.tasks.push_back({.name = std::string(name), .is_finally = is_finally});
  steps(name, 1);
  return plan.tasks.size() - 1;
}

std::string EngineTest::step_name(const StepId& id, int attempt) const {
  const PlanTask& it = plan.tasks.at(id.task);
  if (id.step >= it.steps.size()) {
    return it.name + "+" + it.sidecars.at(id.step - it.steps.size()).name
           + (attempt > 0 ? "#" + std::to_string(attempt) : "");
  }
  return it.name + (it.steps.size() > 1 ? "/" + std::to_string(id.step) : "")
         + (attempt > 0 ? "#" + std::to_string(attempt) : "");
}

std::string EngineTest::describe(const Action& action) {
  return std::visit(
      Overloaded{
          [this](const action::StartStep& it) {
            if (it.id.step < plan.tasks.at(it.id.task).steps.size()) {
              m_starts.insert_or_assign(plan.tasks.at(it.id.task).name, it);
            }
            return "start " + step_name(it.id, it.attempt);
          },
          [this](const action::StopStep& it) { return "stop " + step_name(it.id, it.attempt); },
          [this](const action::ResetStep& it) { return "reset " + step_name(it.id, it.attempt); },
          [this](const action::ReleaseStep& it) { return "release " + step_name(it.id, 0); },
          [this](const action::Write& it) {
            add_to(m_records, describe(it.record));
            return std::string();
          },
          [this](const action::Finish& it) {
            m_outcome = it.outcome;
            return std::string("finish");
          },
      },
      action);
}

std::string EngineTest::describe(const Record& record) const {
  const auto number = [](int attempt) {
    return attempt > 0 ? "#" + std::to_string(attempt) : std::string();
  };
  return std::visit(
      Overloaded{
          [](const record::GroupBegan& /*record*/) { return std::string("begin"); },
          [&](const record::TaskChanged& it) {
            return plan.tasks.at(it.task).name + number(it.attempt) + " "
                   + std::string(to_string(it.state));
          },
          [&](const record::TaskRetried& it) {
            return plan.tasks.at(it.task).name + number(it.attempt) + " retry " + it.reason;
          },
          [&](const record::StepChanged& it) {
            return plan.tasks.at(it.task).name + "/" + std::to_string(it.step) + number(it.attempt)
                   + " "
                   + (it.ended ? it.termination_reason + " " + std::to_string(it.exit_code)
                               : std::string("Running"));
          },
          [&](const record::StepPaused& it) {
            return plan.tasks.at(it.task).name + "/" + std::to_string(it.step) + number(it.attempt)
                   + " " + std::string(to_string(it)) + " " + std::to_string(it.exit_code);
          },
          [&](const record::SidecarChanged& it) {
            const PlanTask& of = plan.tasks.at(it.task);
            return of.name + "+" + of.sidecars.at(it.sidecar).name + number(it.attempt) + " "
                   + (it.ended ? it.termination_reason + " " + std::to_string(it.exit_code)
                               : std::string("Running"));
          },
          [](const record::FinallyBegan& /*record*/) { return std::string("finally"); },
          [](const record::GroupStopping& it) { return "stopping " + it.reason; },
          [](const record::GroupEnded& /*record*/) { return std::string("end"); },
      },
      record);
}

Text late(std::string_view reference) { return Text(Reference::parse(reference).value()); }

} // namespace taskgroup
