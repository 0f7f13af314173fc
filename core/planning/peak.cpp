// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/peak.h>
#include <taskgroup/quantity.h>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace taskgroup {
namespace {

using Parse = std::function<std::optional<std::int64_t>(std::string_view)>;

const Located* find_quantity(const Quantities& quantities, const std::string& resource) {
  const auto found = quantities.find(resource);
  return found != quantities.end() ? &found->second : nullptr;
}

// Return what a step asks for: its own word, else its Task's stepTemplate's, else the group's;
// where only a limit is set, the API server makes that the request.
const Located* find_request(const std::vector<const StepCommon*>& layers,
                            const std::string& resource) {
  for (const auto part : {&Resources::requests, &Resources::limits}) {
    for (const StepCommon* layer : layers) {
      if (const Located* quantity = find_quantity(layer->resources.*part, resource))
        return quantity;
    }
  }
  return nullptr;
}

// Counts one resource over the whole plan.
class Counter {
public:
  Counter(std::string resource, Parse parse, Diagnostics& diagnostics)
      : m_resource(std::move(resource)), m_parse(std::move(parse)), m_diagnostics(diagnostics) {}

  void add_task(const GroupSpec& group, const TaskSpec& spec) {
    std::int64_t largest = 0;
    for (const Step& step : spec.steps) {
      std::vector<const StepCommon*> layers{&step};
      if (spec.step_template)
        layers.push_back(&*spec.step_template);
      if (group.run.step_template)
        layers.push_back(&*group.run.step_template);
      const std::optional<std::int64_t> amount = request_of(layers);
      if (!amount)
        ++m_without;
      m_sum += amount.value_or(0);
      largest = std::max(largest, amount.value_or(0));
    }
    m_weights.push_back(largest);
  }

  std::int64_t sum() const { return m_sum; }
  std::size_t without() const { return m_without; }
  const std::vector<std::int64_t>& weights() const { return m_weights; }

private:
  std::optional<std::int64_t> request_of(const std::vector<const StepCommon*>& layers) {
    const Located* quantity = find_request(layers, m_resource);
    if (quantity == nullptr)
      return std::nullopt;
    const std::optional<std::int64_t> amount = m_parse(quantity->text);
    constexpr std::int64_t largest = std::int64_t{1} << 52; // thousands of them can be summed up
    if (!amount || *amount > largest) {
      m_diagnostics.add_error(quantity->where,
                              fmt::format("\"{}\" is no quantity of {} that a machine could have; "
                                          "write it as in {}",
                                          quantity->text, m_resource,
                                          m_resource == "cpu" ? "500m or 2" : "256Mi or 1Gi"));
      return std::nullopt;
    }
    return amount;
  }

  std::string m_resource;
  Parse m_parse;
  Diagnostics& m_diagnostics;
  std::vector<std::int64_t> m_weights; // parallel to Plan::tasks
  std::int64_t m_sum = 0;
  std::size_t m_without = 0;
};

// The peak of the tasks or of finally, whichever is higher: finally begins when all tasks have
// ended.
std::int64_t peak_of(const Plan& plan, const std::vector<std::int64_t>& weights) {
  const auto at_most = static_cast<std::size_t>(plan.max_parallel);
  std::int64_t result = 0;
  for (const bool is_finally : {false, true}) {
    std::vector<std::vector<std::size_t>> after;
    std::vector<std::int64_t> phase;
    for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
      if (plan.tasks[i].is_finally != is_finally)
        continue;
      after.push_back(
          predecessors_of(plan.tasks[i])); // finally tasks are last and have none: indices stay
      phase.push_back(weights[i]);
    }
    result = std::max(result, heaviest_antichain(after, phase, at_most));
  }
  return result;
}

} // namespace

Peak find_peak(const Plan& plan, const GroupSpec& group, const Facts& facts,
               Diagnostics& diagnostics) {
  const GroupSpec resolved = resolve_pipeline_ref(group, facts);
  std::map<std::string, const TaskSpec*> specs;
  for (const auto* tasks : {&resolved.tasks, &resolved.finally}) {
    for (const PipelineTask& task : *tasks) {
      if (task.task_spec)
        specs.emplace(task.name.text, &*task.task_spec);
      else if (const auto found = facts.tasks.find(task.task_ref ? task.task_ref->text : "");
               found != facts.tasks.end())
        specs.emplace(task.name.text, &found->second);
    }
  }

  Counter cpu("cpu", parse_cpu, diagnostics);
  Counter memory("memory", parse_amount, diagnostics);
  const TaskSpec nothing;
  for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
    const auto spec = specs.find(author_name(plan, i));
    for (Counter* counter : {&cpu, &memory})
      counter->add_task(resolved, spec != specs.end() ? *spec->second : nothing);
  }
  return {.peak = {.cpu = peak_of(plan, cpu.weights()), .memory = peak_of(plan, memory.weights())},
          .sum = {.cpu = cpu.sum(), .memory = memory.sum()},
          .steps_without_cpu = cpu.without(),
          .steps_without_memory = memory.without()};
}

} // namespace taskgroup
