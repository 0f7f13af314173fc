// SPDX-License-Identifier: Apache-2.0
// Random runs: whatever the plan and whatever happens, these hold. Each run is made by its seed
// alone; a failure prints it, and TASKGROUP_SEED=<seed> runs that one only.
#include <taskgroup/engine.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace taskgroup {
namespace {

constexpr std::uint64_t number_of_runs = 2000;
constexpr int max_events = 20'000;

class Dice {
public:
  explicit Dice(std::uint64_t seed) : m_engine(seed) {}
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(m_engine() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  Millis millis(std::size_t n) { return Millis(static_cast<std::int64_t>(below(n))); }

private:
  std::mt19937_64 m_engine;
};

// --- A random plan ---

std::string random_result_reference(Dice& dice, std::size_t task) {
  static const std::vector<std::string> parts = {"s", "l", "l[*]", "l[0]", "l[1]", "o.k", "none"};
  return "tasks.t" + std::to_string(task) + ".results." + parts[dice.below(parts.size())];
}

PlanTask random_task(Dice& dice, const Plan& plan, bool is_finally) {
  const std::size_t index = plan.tasks.size();
  PlanTask task{.name = "t" + std::to_string(index), .is_finally = is_finally};
  std::vector<std::size_t> producers;
  for (std::size_t i = 0; i < index; ++i) {
    if (!plan.tasks[i].is_finally && dice.one_in(is_finally ? 2 : 3)) {
      producers.push_back(i);
    }
  }
  if (!is_finally) {
    task.after = producers;
  }
  for (const std::size_t producer : producers) {
    if (dice.one_in(4)) {
      task.needs.push_back(Reference::parse(random_result_reference(dice, producer)).value());
    }
  }
  if (dice.one_in(4)) {
    Text input("x");
    if (!task.needs.empty()) {
      input = Text(task.needs.front());
    }
    task.when.push_back({.input = input, .negated = dice.one_in(2), .values = {"x", "y"}});
  }
  if (dice.one_in(8) && !task.needs.empty()) {
    task.checks.push_back({.param = "p", .value = Text(task.needs.front()), .allowed = {"x"}});
  }
  task.retries = dice.one_in(3) ? static_cast<int>(dice.below(3)) : 0;
  if (dice.one_in(3)) {
    task.timeout = dice.millis(2000);
  }
  if (dice.one_in(4)) {
    task.on_error = PlanTask::OnError::carry_on;
  }
  for (std::size_t i = 0, count = 1 + dice.below(3); i < count; ++i) {
    PlanStep step{.name = "s" + std::to_string(i)};
    step.container = task.name + "-" + step.name;
    step.script = Text(Reference{.kind = Reference::Kind::retry_count});
    if (dice.one_in(5)) {
      step.on_error = PlanStep::OnError::carry_on;
    }
    if (dice.one_in(5)) {
      step.timeout = dice.millis(1000);
    }
    task.steps.push_back(step);
  }
  task.results = {{.name = "s"},
                  {.name = "l", .type = ValueType::array},
                  {.name = "o", .type = ValueType::object}};
  return task;
}

Plan random_plan(Dice& dice) {
  Plan plan{.group = "g", .nonce = "1"};
  for (std::size_t i = 0, count = dice.below(8); i < count; ++i) {
    plan.tasks.push_back(random_task(dice, plan, false));
  }
  for (std::size_t i = 0, count = dice.below(4); i < count; ++i) {
    plan.tasks.push_back(random_task(dice, plan, true));
  }
  if (!plan.tasks.empty() && dice.one_in(2)) {
    const std::string reference = random_result_reference(dice, dice.below(plan.tasks.size()));
    plan.results.push_back({.name = "out", .values = {Text(Reference::parse(reference).value())}});
  }
  const auto sometimes = [&dice](std::size_t n) {
    return dice.one_in(4) ? std::optional(dice.millis(n)) : std::nullopt;
  };
  plan.whole = sometimes(10'000);
  plan.tasks_timeout = sometimes(6'000);
  plan.finally_timeout = sometimes(4'000);
  plan.max_parallel = dice.one_in(2) ? static_cast<int>(1 + dice.below(3)) : 0;
  plan.fail_fast = dice.one_in(3);
  return plan;
}

// --- The rules, watched from outside ---

class Watcher {
public:
  explicit Watcher(const Plan& plan) : m_plan(plan), m_tasks(plan.tasks.size()) {
    for (std::size_t i = 0; i < m_tasks.size(); ++i) {
      m_tasks[i].released.resize(plan.tasks[i].steps.size());
      m_tasks[i].lost.resize(plan.tasks[i].steps.size());
    }
  }

  void see(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      EXPECT_FALSE(m_finished) << "nothing follows Finish";
      std::visit([this](const auto& it) { see(it); }, action);
    }
  }

  void see_cancel(bool finally) {
    m_cancelled = true;
    m_finally_cancelled = m_finally_cancelled || !finally;
  }
  void see_lost(const StepId& id) {
    Task& task = m_tasks[id.task];
    task.lost[id.step] = task.lost[id.step] || !task.released[id.step];
  }
  bool is_lost(const StepId& id) const { return m_tasks[id.task].lost[id.step]; }
  bool finished() const { return m_finished; }

private:
  struct Task {
    TaskState state = TaskState::pending;
    std::size_t step = 0;
    int attempt = -1;
    bool step_runs = false;
    bool stopped = false;
    std::size_t resets = 0;
    std::vector<bool> released;
    std::vector<bool> lost;
    bool done() const { return state != TaskState::pending && state != TaskState::running; }
  };

  void see(const action::StartStep& start) {
    Task& task = m_tasks[start.id.task];
    const PlanTask& plan = m_plan.tasks[start.id.task];
    EXPECT_EQ(task.state, TaskState::running);
    EXPECT_FALSE(task.step_runs) << "one step at a time";
    EXPECT_FALSE(m_cancelled && !plan.is_finally) << "no step of the DAG starts after cancel";
    EXPECT_FALSE(m_finally_cancelled) << "no step at all starts after one without finally";
    if (start.id.step == 0) {
      EXPECT_EQ(start.attempt, task.attempt + 1);
      EXPECT_LE(start.attempt, plan.retries);
      EXPECT_EQ(task.resets, start.attempt == 0 ? 0 : plan.steps.size());
    } else {
      EXPECT_EQ(start.id.step, task.step + 1) << "steps run in order";
      EXPECT_EQ(start.attempt, task.attempt);
    }
    EXPECT_EQ(start.script, std::to_string(start.attempt));
    for (const std::size_t before : plan.after) {
      EXPECT_TRUE(m_tasks[before].done()) << "predecessors are done";
    }
    for (std::size_t i = 0; plan.is_finally && i < m_tasks.size(); ++i) {
      EXPECT_TRUE(m_plan.tasks[i].is_finally || m_tasks[i].done()) << "the DAG is done";
    }
    task.step = start.id.step;
    task.attempt = start.attempt;
    task.step_runs = true;
    task.stopped = false;
    task.resets = 0;
  }

  void see(const action::StopStep& stop) {
    Task& task = m_tasks[stop.id.task];
    EXPECT_TRUE(task.step_runs && task.step == stop.id.step && task.attempt == stop.attempt);
    EXPECT_FALSE(task.stopped) << "stopped once";
    task.stopped = true;
  }

  void see(const action::ResetStep& reset) {
    Task& task = m_tasks[reset.id.task];
    EXPECT_EQ(task.state, TaskState::running);
    EXPECT_FALSE(task.step_runs);
    EXPECT_EQ(reset.attempt, task.attempt + 1);
    ++task.resets;
  }

  void see(const action::ReleaseStep& release) {
    Task& task = m_tasks[release.id.task];
    EXPECT_TRUE(task.done());
    EXPECT_FALSE(task.released[release.id.step]) << "released once";
    EXPECT_FALSE(task.lost[release.id.step]) << "a lost container is not spoken to";
    task.released[release.id.step] = true;
  }

  void see(const action::Write& write) {
    if (const auto* changed = std::get_if<record::TaskChanged>(&write.record)) {
      see(*changed);
    } else if (const auto* step = std::get_if<record::StepChanged>(&write.record)) {
      Task& task = m_tasks[step->task];
      EXPECT_FALSE(task.done());
      EXPECT_EQ(step->attempt, task.attempt);
      task.step_runs = task.step_runs && !(step->ended && step->step == task.step);
    } else if (std::holds_alternative<record::FinallyBegan>(write.record)) {
      EXPECT_FALSE(m_finally) << "finally begins once";
      m_finally = true;
    }
  }

  void see(const record::TaskChanged& changed) {
    Task& task = m_tasks[changed.task];
    EXPECT_FALSE(task.done()) << "a task ends once";
    EXPECT_NE(changed.state, TaskState::pending);
    EXPECT_TRUE(!m_plan.tasks[changed.task].is_finally || m_finally || m_finally_cancelled);
    task.state = changed.state;
    EXPECT_FALSE(task.done() && task.step_runs) << "no step outlives its task";
    EXPECT_FALSE(task.done() && changed.reason.empty());
    int running = 0;
    for (const Task& other : m_tasks) {
      running += other.state == TaskState::running ? 1 : 0;
    }
    EXPECT_TRUE(m_plan.max_parallel == 0 || running <= m_plan.max_parallel) << "maxParallel";
  }

  void see(const action::Finish& finish) {
    m_finished = true;
    bool has_finally = false;
    bool failed = false;
    ASSERT_EQ(finish.outcome.tasks.size(), m_tasks.size());
    for (std::size_t i = 0; i < m_tasks.size(); ++i) {
      const Task& task = m_tasks[i];
      const TaskOutcome& outcome = finish.outcome.tasks[i];
      EXPECT_TRUE(task.done()) << "every task ends";
      EXPECT_EQ(outcome.state, task.state);
      EXPECT_EQ(outcome.attempts, task.attempt + 1);
      for (std::size_t step = 0; step < task.released.size(); ++step) {
        EXPECT_NE(task.released[step], task.lost[step]) << "released, unless lost";
      }
      has_finally = has_finally || m_plan.tasks[i].is_finally;
      failed = failed
               || (outcome.state == TaskState::failed
                   && m_plan.tasks[i].on_error == PlanTask::OnError::stop_and_fail);
    }
    EXPECT_TRUE(m_finally == has_finally || m_finally_cancelled);
    EXPECT_NE(finish.outcome.state, GroupState::running);
    EXPECT_EQ(finish.outcome.state == GroupState::cancelled, m_cancelled);
    EXPECT_FALSE(failed && finish.outcome.state == GroupState::succeeded);
  }

  const Plan& m_plan;
  std::vector<Task> m_tasks;
  bool m_finally = false;
  bool m_cancelled = false;
  bool m_finally_cancelled = false;
  bool m_finished = false;
};

// --- The world: agents that do as they are told, or nearly ---

class World {
public:
  World(const Plan& plan, std::uint64_t seed)
      : m_plan(plan), m_dice(seed), m_engine(plan), m_watcher(plan) {}

  using History = std::vector<std::pair<Event, Millis>>;

  // Run to the end; return the events and, as text, the actions.
  std::pair<History, std::string> run() {
    m_dangerous = m_dice.one_in(2);
    hand_over(event::Begin{});
    for (int i = 0; i < max_events && !m_watcher.finished(); ++i) {
      next();
      if (testing::Test::HasFailure()) {
        break;
      }
    }
    EXPECT_TRUE(m_watcher.finished()) << "a run always ends";
    EXPECT_TRUE(m_engine.finished());
    for (const Event& late : m_promised) {
      EXPECT_TRUE(m_engine.handle(late, m_now).empty()) << "nothing happens after the end";
    }
    return {std::move(m_history), std::move(m_text)};
  }

private:
  void next() {
    m_now += m_dice.millis(m_dice.one_in(10) ? 1500 : 40);
    if (m_dangerous && m_dice.one_in(60)) {
      hand_over(event::Tick{}); // first what was due before
      if (!m_watcher.finished()) {
        const bool finally = !m_dice.one_in(3);
        m_watcher.see_cancel(finally);
        hand_over(event::Cancel{"m", finally});
      }
    } else if (m_dangerous && m_dice.one_in(40) && !m_plan.tasks.empty()) {
      const std::size_t task = m_dice.below(m_plan.tasks.size());
      const StepId id{task, m_dice.below(m_plan.tasks[task].steps.size())};
      hand_over(event::Tick{});
      m_watcher.see_lost(id);
      hand_over(event::ContainerLost{id, "Lost", "m"});
    } else if (m_dice.one_in(6) && !m_history.empty()) {
      const Event again = m_history[m_dice.below(m_history.size())].first;
      if (!std::holds_alternative<event::Cancel>(again)
          && !std::holds_alternative<event::ContainerLost>(again)) {
        hand_over(again);
      }
    } else if (!m_promised.empty()) {
      const std::size_t which = m_dice.below(m_promised.size());
      const Event event = m_promised[which];
      m_promised.erase(m_promised.begin() + static_cast<std::ptrdiff_t>(which));
      hand_over(event);
    } else if (const auto deadline = m_engine.next_deadline()) {
      m_now = std::max(m_now, *deadline);
      hand_over(event::Tick{});
    } else {
      EXPECT_TRUE(m_engine.finished()) << "the engine waits for nothing";
    }
  }

  void hand_over(const Event& event) {
    // A lost container says nothing more.
    if (const auto* exited = std::get_if<event::StepExited>(&event)) {
      if (m_watcher.is_lost(exited->id)) {
        return;
      }
    }
    m_history.emplace_back(event, m_now);
    const std::vector<Action> actions = m_engine.handle(event, m_now);
    m_watcher.see(actions);
    for (const Action& action : actions) {
      std::visit([this](const auto& it) { obey(it); }, action);
    }
    m_text += to_text(actions, m_plan);
    for (const StepId& id : m_engine.wanted(m_dice.below(3))) {
      EXPECT_TRUE(m_wanted.insert(id).second) << "wanted once";
    }
    for (const StepId& id : m_started) {
      EXPECT_TRUE(m_wanted.contains(id) || m_engine.finished()) << "started, so wanted";
    }
    m_started.clear();
  }

  void obey(const action::StartStep& start) {
    m_started.push_back(start.id);
    if (!m_dice.one_in(10)) {
      m_promised.emplace_back(event::StepStarted{start.id, start.attempt});
    }
    event::StepExited exited{.id = start.id, .attempt = start.attempt};
    exited.exit_code = m_dice.one_in(4) ? static_cast<int>(m_dice.below(256)) : 0;
    if (m_dice.one_in(20)) {
      exited.start_error = "no such file";
    }
    static const std::vector<std::string> strings = {"x", "y", "z"};
    static const std::vector<std::string> arrays = {"[]", "[\"x\"]", "[\"x\",\"y\"]", "no array"};
    if (!m_dice.one_in(3)) {
      exited.results["s"] = strings[m_dice.below(strings.size())];
      exited.results["l"] = arrays[m_dice.below(m_dice.one_in(4) ? 4 : 3)];
      exited.results["o"] = R"({"k":"x"})";
    }
    m_promised.emplace_back(std::move(exited));
  }
  void obey(const action::StopStep& /*stop*/) {} // the exit is promised already
  void obey(const action::ResetStep& reset) {
    m_promised.emplace_back(
        event::StepReset{reset.id, reset.attempt, m_dice.one_in(30) ? "busy" : ""});
  }
  void obey(const action::ReleaseStep& /*release*/) {}
  void obey(const action::Write& /*write*/) {}
  void obey(const action::Finish& /*finish*/) {}

public:
  // Return actions in every detail.
  static std::string to_text(const std::vector<Action>& actions, const Plan& plan) {
    std::string text;
    for (const Action& action : actions) {
      text += std::to_string(action.index()) + " ";
      if (const auto* start = std::get_if<action::StartStep>(&action)) {
        text += plan.tasks[start->id.task].steps[start->id.step].container + " "
                + start->script.value_or("-");
        for (const auto& [name, value] : start->values) {
          text += " " + name + "=" + value.to_text();
        }
      } else if (const auto* release = std::get_if<action::ReleaseStep>(&action)) {
        text += plan.tasks[release->id.task].steps[release->id.step].container;
      } else if (const auto* stop = std::get_if<action::StopStep>(&action)) {
        text += plan.tasks[stop->id.task].steps[stop->id.step].container;
      } else if (const auto* reset = std::get_if<action::ResetStep>(&action)) {
        text += plan.tasks[reset->id.task].steps[reset->id.step].container;
      } else if (const auto* write = std::get_if<action::Write>(&action)) {
        text += to_json(write->record, plan, 0, 0);
      }
      text += '\n';
    }
    return text;
  }

private:
  const Plan& m_plan;
  Dice m_dice;
  Engine m_engine;
  Watcher m_watcher;
  Millis m_now{0};
  bool m_dangerous = false;
  std::vector<Event> m_promised;
  std::set<StepId> m_wanted;
  std::vector<StepId> m_started;
  History m_history;
  std::string m_text;
};

void check_run(std::uint64_t seed) {
  SCOPED_TRACE("TASKGROUP_SEED=" + std::to_string(seed));
  Dice dice(seed);
  const Plan plan = random_plan(dice);
  const auto [history, actions] = World(plan, seed + 1).run();
  if (testing::Test::HasFailure()) {
    return;
  }
  // The same events give the same actions, also by way of the plan's JSON.
  const auto copy = plan_from_json(to_json(plan));
  ASSERT_TRUE(copy) << copy.error();
  Engine again(*copy);
  std::string repeated;
  for (const auto& [event, now] : history) {
    repeated += World::to_text(again.handle(event, now), *copy);
  }
  EXPECT_EQ(repeated, actions);
}

TEST(EngineProperty, HoldsInRandomRuns) {
  if (const char* seed = std::getenv("TASKGROUP_SEED")) {
    check_run(std::strtoull(seed, nullptr, 10));
    return;
  }
  for (std::uint64_t seed = 1; seed <= number_of_runs; ++seed) {
    check_run(seed);
    if (HasFailure()) {
      return;
    }
  }
}

} // namespace
} // namespace taskgroup
