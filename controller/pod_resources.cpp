// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_resources.h"

#include <taskgroup/peak.h>
#include <taskgroup/quantity.h>

#include "kube/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;
using Amount = std::optional<std::int64_t>;

constexpr std::int64_t largest = std::int64_t{1} << 52; // thousands of them can be summed up

// The text of a quantity; JSON may hold a number.
std::string quantity_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

const json* find(const json& object, std::initializer_list<std::string_view> path) {
  const json* at = &object;
  for (const std::string_view key : path) {
    if (!at->is_object())
      return nullptr;
    const auto next = at->find(key);
    if (next == at->end() || next->is_null())
      return nullptr;
    at = &*next;
  }
  return at;
}

// What LimitRanges say of one resource.
struct Range {
  Amount container_min;
  Amount container_max; // or the default limit, if that is lower
  Amount default_request;
  Amount pod_min;
  Amount ratio;               // the lowest maxLimitRequestRatio, in thousandths
  bool limit_counted = false; // a quota counts limits: each container needs one
};

// One of the resources that are scaled.
class Scaled {
public:
  Scaled(std::string name, std::function<Amount(std::string_view)> parse)
      : m_name(std::move(name)), m_parse(std::move(parse)) {}

  const std::string& name() const { return m_name; }

  // A quantity on its own; an unreadable one is remembered as the error.
  Amount read(const json* value, const std::string& where) {
    if (value == nullptr)
      return std::nullopt;
    const std::string text = quantity_text(*value);
    const Amount amount = m_parse(text);
    if (amount && *amount <= largest)
      return amount;
    if (m_error.empty())
      m_error = fmt::format("{}: \"{}\" is no quantity of {} that a machine could have", where,
                            text, m_name);
    return std::nullopt;
  }

  Range range_of(const NamespaceRules& rules) {
    Range range;
    for (const json& quota : rules.resource_quotas) {
      const json* hard = find(quota, {"spec", "hard"});
      range.limit_counted =
          range.limit_counted || (hard != nullptr && find(*hard, {"limits." + m_name}) != nullptr);
    }
    for (const json& object : rules.limit_ranges) {
      const json* limits = find(object, {"spec", "limits"});
      for (const json& item : limits != nullptr && limits->is_array() ? *limits : json::array()) {
        const std::string type = text_at(item, "type");
        if (type != "Container" && type != "Pod")
          continue;
        const std::string where = "LimitRange";
        if (const json* ratio = find(item, {"maxLimitRequestRatio", m_name}))
          range.ratio = std::min(range.ratio.value_or(largest),
                                 parse_cpu(quantity_text(*ratio)).value_or(largest));
        const Amount min = read(find(item, {"min", m_name}), where);
        Amount& lowest = type == "Pod" ? range.pod_min : range.container_min;
        if (min)
          lowest = std::max(lowest.value_or(0), *min);
        if (type != "Container")
          continue;
        for (const char* field : {"max", "default"}) {
          if (const Amount most = read(find(item, {field, m_name}), where))
            range.container_max = std::min(range.container_max.value_or(largest), *most);
        }
        // What the API server makes the default request where there is none.
        for (const char* field : {"defaultRequest", "default", "max", "min"}) {
          if (const Amount fallback = read(find(item, {field, m_name}), where);
              fallback && !range.default_request)
            range.default_request = fallback;
        }
      }
    }
    return range;
  }

  // What a container asks for when the API server has filled in what is missing.
  Amount request_of(const json& resources, const Range& range, const std::string& container) {
    for (const char* part : {"requests", "limits"}) {
      if (const json* value = find(resources, {part, m_name}))
        return read(value,
                    fmt::format("container \"{}\", resources.{}.{}", container, part, m_name));
    }
    return range.default_request;
  }

  // A limit that does not hold a coordinator up.
  std::int64_t ample() const {
    return m_name == "cpu" ? std::int64_t{250} : std::int64_t{128} << 20U;
  }

  std::string text(std::int64_t amount) const {
    return m_name == "cpu" ? fmt::format("{}m", amount) : fmt::format("{}", amount);
  }

  const std::string& error() const { return m_error; }

private:
  std::string m_name;
  std::function<Amount(std::string_view)> m_parse;
  std::string m_error;
};

// The most that tasks can ask for at one time: of the tasks or of finally, whichever is higher.
std::int64_t peak_of(const Plan& plan, const std::vector<std::int64_t>& weights) {
  const auto at_most = static_cast<std::size_t>(plan.max_parallel);
  std::int64_t result = 0;
  for (const bool is_finally : {false, true}) {
    std::vector<std::vector<std::size_t>> after;
    std::vector<std::int64_t> phase;
    for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
      if (plan.tasks[i].is_finally != is_finally)
        continue;
      after.push_back(predecessors_of(plan.tasks[i])); // finally tasks are last and have none: indices stay
      phase.push_back(weights[i]);
    }
    result = std::max(result, heaviest_antichain(after, phase, at_most));
  }
  return result;
}

// amount × peak ÷ sum, rounded up; the product may not fit in 64 bits.
std::int64_t scale(std::int64_t amount, std::int64_t peak, std::int64_t sum) {
  const auto exact = static_cast<long double>(amount) * static_cast<long double>(peak)
                     / static_cast<long double>(sum);
  auto result = static_cast<std::int64_t>(exact);
  result += static_cast<long double>(result) < exact ? 1 : 0;
  return std::min(result, amount);
}

// Make the coordinator's request and limit fit the namespace: nobody but us can.
void fit_coordinator(std::int64_t own, const Range& range, const Scaled& resource,
                     json& coordinator) {
  const std::string& name = resource.name();
  const std::int64_t most = range.container_max.value_or(largest);
  std::int64_t request = std::min(std::max(own, range.container_min.value_or(0)), most);
  if ((range.ratio || range.limit_counted) && find(coordinator, {"limits", name}) == nullptr) {
    const std::int64_t limit = std::min(std::max(request, resource.ample()), most);
    if (range.ratio && *range.ratio > 0) // rounded up, and without overflow
      request = std::clamp(static_cast<std::int64_t>(static_cast<double>(limit) * 1000.0
                                                     / static_cast<double>(*range.ratio))
                               + 1,
                           request, limit);
    coordinator["limits"][name] = resource.text(limit);
  }
  if (request != own)
    coordinator["requests"][name] = resource.text(request);
}

// Scale one resource in all containers. Return what they ask for together: as written, and now.
std::pair<std::int64_t, std::int64_t> scale_all(const Plan& plan, bool plain_sum,
                                                const NamespaceRules& rules, Scaled& resource,
                                                PodResources& pod) {
  const Range range = resource.range_of(rules);
  std::vector<Amount> requests;
  std::vector<std::int64_t> weights; // of the tasks
  std::int64_t sum = 0;
  for (const PlanTask& task : plan.tasks) {
    std::int64_t heaviest = 0;
    for (const PlanStep& step : task.steps) {
      const Amount request = resource.request_of(pod.steps[requests.size()], range, step.container);
      requests.push_back(request);
      sum += request.value_or(0);
      heaviest = std::max(heaviest, request.value_or(0));
    }
    weights.push_back(heaviest);
  }
  const Amount own = resource.request_of(pod.coordinator, range, "coordinator");
  const std::int64_t peak = peak_of(plan, weights);
  const bool scaled =
      !plain_sum && !range.ratio && sum > 0 && peak + own.value_or(0) >= range.pod_min.value_or(0);
  std::int64_t asked = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!requests[i])
      continue;
    std::int64_t request = scaled ? scale(*requests[i], peak, sum) : *requests[i];
    request = std::max(request, range.container_min.value_or(0));
    asked += request;
    if (request != *requests[i] || find(pod.steps[i], {"requests", resource.name()}) == nullptr)
      pod.steps[i]["requests"][resource.name()] = resource.text(request);
  }
  if (own)
    fit_coordinator(*own, range, resource, pod.coordinator);
  const std::int64_t fitted =
      resource.request_of(pod.coordinator, range, "coordinator").value_or(0);
  return {sum + fitted, asked + fitted};
}

} // namespace

tl::expected<PodResources, std::string> pod_resources(const Plan& plan, bool plain_sum,
                                                      const json& coordinator,
                                                      const NamespaceRules& rules) {
  PodResources result;
  result.coordinator = coordinator.is_object() ? coordinator : json::object();
  for (const PlanTask& task : plan.tasks) {
    for (const PlanStep& step : task.steps) {
      const json fields = json::parse(step.container_fields, nullptr, /*allow_exceptions=*/false);
      const json* resources = find(fields, {"resources"});
      result.steps.push_back(resources != nullptr ? *resources : json::object());
    }
  }
  Scaled cpu("cpu", parse_cpu);
  Scaled memory("memory", parse_amount);
  RequestTotals& totals = result.totals;
  std::tie(totals.sum_millicores, totals.peak_millicores) =
      scale_all(plan, plain_sum, rules, cpu, result);
  std::tie(totals.sum_bytes, totals.peak_bytes) = scale_all(plan, plain_sum, rules, memory, result);
  for (const Scaled* resource : {&cpu, &memory}) {
    if (!resource->error().empty())
      return tl::make_unexpected(resource->error());
  }
  return result;
}

} // namespace taskgroup
