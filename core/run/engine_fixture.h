// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/engine.h>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup {

// Drives an engine by hand, with virtual time. Every call that hands the engine an event returns
// what is to be done, as text: `start b; release a`. A task of several steps names the step
// (`start a/1`), an attempt after the first its number (`start a#1`). Records are kept apart.
class EngineTest : public ::testing::Test {
protected:
  using Files = std::map<std::string, std::string>;

  // Make the plan: `a -> b -> c; a -> d; x; finally f g`. Each task has one step; a task's first
  // mention gives its place.
  void given(std::string_view graph);

  // Return a task of the plan, to be changed before begin().
  PlanTask& task(std::string_view name);

  // Give a task that many steps.
  void steps(std::string_view name, std::size_t count);

  // Give a task sidecars: c0, c1…; in actions and records they are `a+c0`.
  void sidecars(std::string_view name, std::size_t count = 1);
  StepId sidecar(std::string_view name, std::size_t number = 0) const;

  // Let a task declare results, all of one type, and another one need them.
  void declare(std::string_view name, const std::vector<std::string>& results,
               ValueType type = ValueType::string);
  void need(std::string_view name, const std::vector<std::string>& references);

  std::string begin();
  std::string started(std::string_view name);
  std::string paused(std::string_view name, bool before, int code = 0);
  std::string marked_failed(std::string_view name); // at a breakpoint
  std::string exit(std::string_view name, int code, const Files& results = {});
  std::string exit_ok(std::string_view name, const Files& results = {}) {
    return exit(name, 0, results);
  }
  std::string sidecar_ready(std::string_view name, std::size_t number = 0, int attempt = 0);
  std::string sidecar_exit(std::string_view name, int code, std::size_t number = 0,
                           int attempt = 0);
  std::string cannot_start(std::string_view name, const std::string& error);
  std::string reset(std::string_view name, const std::string& error = "");
  std::string lose(std::string_view name, std::size_t step = 0);
  std::string cancel(bool finally = true);
  std::string at(Millis time); // nothing but time has passed
  std::string send(const Event& event);

  // Return the records of the last call, e.g. `a Running; a/0 Completed`.
  const std::string& records() const { return m_records; }

  // Return a task's state and reason at the end, e.g. `Skipped: Parent Tasks were skipped`.
  std::string end_of(std::string_view name) const;

  // Return the group's, e.g. `Failed: PipelineRunTimeout`; `still running` before its end.
  std::string end() const;
  const Outcome& outcome() const;

  // Return the last StartStep of a task.
  const action::StartStep& last_start(std::string_view name) const;

  Engine& engine() { return *m_engine; }

  Plan plan;
  Millis now{1000}; // of the next event

private:
  std::size_t index(std::string_view name) const;
  std::size_t add(std::string_view name, bool is_finally);
  std::string step_name(const StepId& id, int attempt) const;
  std::string describe(const Action& action);
  std::string describe(const Record& record) const;

  std::unique_ptr<Engine> m_engine;
  std::map<std::string, action::StartStep, std::less<>> m_starts;
  std::string m_records;
  std::optional<Outcome> m_outcome;
};

// Return a text that is one reference.
Text late(std::string_view reference);

} // namespace taskgroup
