// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/quantity.h>
#include <taskgroup/requests.h>

#include "core/planning/antichain.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;

constexpr Amount largest = Amount{1} << 52; // thousands of them can be summed up

// The `resources` of one container of the plan.
struct Container {
  std::size_t task = 0;
  std::string name;
  json resources;
  bool beside = false;     // a sidecar: it runs as long as its task does; of steps, one at a time
  bool from_start = false; // a sidecar that runs from the pod's start
};

json resources_of(const std::string& container_fields) {
  const json fields = json::parse(container_fields, nullptr, /*allow_exceptions=*/false);
  return fields.is_object() ? fields.value("resources", json::object()) : json::object();
}

// All containers of a plan, in the order of their numbers.
std::vector<Container> containers_of(const Plan& plan) {
  std::vector<Container> containers;
  for (const StepId& id : sized_order(plan)) {
    const PlanTask& task = plan.tasks[id.task];
    const PlanStep& step = container_at(task, id.step);
    const bool beside = id.step >= task.steps.size();
    containers.push_back({id.task, step.container, resources_of(step.container_fields), beside,
                          beside && task.sidecars[id.step - task.steps.size()].from_start});
  }
  return containers;
}

// The most that tasks of these weights need at one time: of the tasks or of finally, whichever is
// higher, for finally begins when all tasks have ended.
Antichain peak_of(const Plan& plan, const std::vector<Amount>& weights) {
  const auto at_most = static_cast<std::size_t>(plan.max_parallel);
  Antichain result;
  for (const bool is_finally : {false, true}) {
    std::vector<std::vector<std::size_t>> after;
    std::vector<Amount> phase;
    std::vector<std::size_t> tasks;
    for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
      if (plan.tasks[i].is_finally != is_finally)
        continue;
      after.push_back(predecessors_of(plan.tasks[i])); // finally tasks, the last, have none
      phase.push_back(weights[i]);
      tasks.push_back(i);
    }
    Antichain found = heaviest_antichain(after, phase, at_most);
    for (std::size_t& task : found.tasks)
      task = tasks[task];
    if (found.weight > result.weight)
      result = std::move(found);
  }
  return result;
}

// amount × peak ÷ sum, rounded up; the product may not fit in 64 bits.
Amount scale(Amount amount, Amount peak, Amount sum) {
  const auto exact = static_cast<long double>(amount) * static_cast<long double>(peak)
                     / static_cast<long double>(sum);
  auto result = static_cast<Amount>(exact);
  result += static_cast<long double>(result) < exact ? 1 : 0;
  return std::min(result, amount);
}

// Shares out one resource.
class Sizing {
public:
  using Parse = std::optional<Amount> (*)(std::string_view);

  Sizing(const Plan& plan, const std::vector<Container>& containers, std::string name, Parse parse)
      : m_plan(plan), m_containers(containers), m_name(std::move(name)), m_parse(parse) {}

  SizedResource size(bool plain_sum, const RequestRange& range) {
    SizedResource result;
    for (const Container& container : m_containers) {
      SizedContainer sized;
      sized.limit = read(container, "limits");
      sized.asked = read(container, "requests");
      if (!sized.asked) // as the API server fills it in
        sized.asked = sized.limit ? sized.limit : range.default_request;
      result.without_request += sized.asked ? 0U : 1U;
      result.without_limit += sized.limit ? 0U : 1U;
      result.sum += sized.asked.value_or(0);
      result.limits_sum += sized.limit.value_or(0);
      result.containers.push_back(sized);
    }
    Antichain peak = peak_of(m_plan, weights(result, &SizedContainer::asked));
    result.peak = peak.weight + from_start(result, &SizedContainer::asked);
    result.busiest = std::move(peak.tasks);
    result.limits_peak = peak_of(m_plan, weights(result, &SizedContainer::limit)).weight
                         + from_start(result, &SizedContainer::limit);
    if (plain_sum)
      result.sharing = Sharing::sum;
    else if (range.has_ratio)
      result.sharing = Sharing::ratio;
    else if (result.peak < range.pod_min.value_or(0))
      result.sharing = Sharing::pod_minimum;
    for (SizedContainer& container : result.containers) {
      if (!container.asked)
        continue;
      const bool scaled = result.sharing == Sharing::peak && result.sum > 0;
      container.given =
          std::max(scaled ? scale(*container.asked, result.peak, result.sum) : *container.asked,
                   range.min.value_or(0));
      result.given += *container.given;
    }
    return result;
  }

  const std::string& error() const { return m_error; }

private:
  // What a container says; an unreadable quantity is remembered as the error.
  std::optional<Amount> read(const Container& container, const char* part) {
    const auto quantities = container.resources.find(part);
    if (quantities == container.resources.end() || !quantities->is_object())
      return std::nullopt;
    const auto value = quantities->find(m_name);
    if (value == quantities->end() || value->is_null())
      return std::nullopt;
    const std::string text = value->is_string() ? value->get<std::string>() : value->dump();
    const std::optional<Amount> amount = m_parse(text);
    if (amount && *amount <= largest)
      return amount;
    if (m_error.empty())
      m_error = fmt::format("container \"{}\", resources.{}.{}: \"{}\" is no quantity of {} that a "
                            "machine could have; write it as in {}",
                            container.name, part, m_name, text, m_name,
                            m_name == "cpu" ? "500m or 2" : "256Mi or 1Gi");
    return std::nullopt;
  }

  // What each task needs while it runs: its largest step, and all that runs beside its steps.
  std::vector<Amount> weights(const SizedResource& resource,
                              std::optional<Amount> SizedContainer::* amount) const {
    std::vector<Amount> steps(m_plan.tasks.size());
    std::vector<Amount> beside(m_plan.tasks.size());
    for (std::size_t i = 0; i < m_containers.size(); ++i) {
      const Container& container = m_containers[i];
      const Amount own = (resource.containers[i].*amount).value_or(0);
      if (container.from_start)
        continue;
      if (container.beside)
        beside[container.task] += own;
      else
        steps[container.task] = std::max(steps[container.task], own);
    }
    for (std::size_t i = 0; i < steps.size(); ++i)
      steps[i] += beside[i];
    return steps;
  }

  // What those need that run all the time.
  Amount from_start(const SizedResource& resource,
                    std::optional<Amount> SizedContainer::* amount) const {
    Amount total = 0;
    for (std::size_t i = 0; i < m_containers.size(); ++i)
      total += m_containers[i].from_start ? (resource.containers[i].*amount).value_or(0) : 0;
    return total;
  }

  const Plan& m_plan;
  const std::vector<Container>& m_containers;
  std::string m_name;
  Parse m_parse;
  std::string m_error;
};

} // namespace

std::vector<StepId> sized_order(const Plan& plan) {
  std::vector<StepId> order = container_order(plan);
  for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
    for (std::size_t i = 0; i < container_count(plan.tasks[task]); ++i) {
      if (is_from_start(plan.tasks[task], i))
        order.push_back({task, i});
    }
  }
  return order;
}

tl::expected<SizedPlan, std::string> size_requests(const Plan& plan, bool plain_sum,
                                                   const RequestRules& rules) {
  const std::vector<Container> containers = containers_of(plan);
  Sizing cpu(plan, containers, "cpu", parse_cpu);
  Sizing memory(plan, containers, "memory", parse_amount);
  SizedPlan result;
  result.cpu = cpu.size(plain_sum, rules.cpu);
  result.memory = memory.size(plain_sum, rules.memory);
  for (const Sizing* sizing : {&cpu, &memory}) {
    if (!sizing->error().empty())
      return tl::make_unexpected(sizing->error());
  }
  return result;
}

} // namespace taskgroup
