// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_resources.h"

#include <taskgroup/quantity.h>
#include <taskgroup/requests.h>

#include "kube/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;
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

std::int64_t lower_of(std::optional<std::int64_t> a, std::int64_t b) {
  return std::min(a.value_or(b), b);
}

std::int64_t higher_of(std::optional<std::int64_t> a, std::int64_t b) {
  return std::max(a.value_or(b), b);
}

// One of the resources that are shared out: its name, its texts, and what the namespace says of it.
// Of several LimitRanges the strictest counts, as in stock.
class Ruled {
public:
  Ruled(std::string name, std::optional<std::int64_t> (*parse)(std::string_view),
        const NamespaceRules& rules)
      : m_name(std::move(name)), m_parse(parse) {
    for (const json& quota : rules.resource_quotas) {
      const json* hard = find(quota, {"spec", "hard"});
      m_limit_counted =
          m_limit_counted || (hard != nullptr && find(*hard, {"limits." + m_name}) != nullptr);
    }
    for (const json& object : rules.limit_ranges) {
      for (const json& item : array_at(object_at(object, "spec"), "limits"))
        add(item);
    }
  }

  const std::string& name() const { return m_name; }
  const RequestRange& range() const { return m_range; }
  bool limit_counted() const { return m_limit_counted; } // each container needs a limit
  std::optional<std::int64_t> container_max() const { return m_container_max; }
  std::optional<std::int64_t> ratio() const { return m_ratio; } // in thousandths

  // A quantity of a LimitRange, or of our own; nothing where it is none.
  std::optional<std::int64_t> read(const json* value) const {
    return value != nullptr ? m_parse(quantity_text(*value)) : std::nullopt;
  }

  // A limit that does not hold a coordinator up.
  std::int64_t ample() const {
    return m_name == "cpu" ? std::int64_t{250} : std::int64_t{128} << 20U;
  }

  std::string text(std::int64_t amount) const {
    return m_name == "cpu" ? fmt::format("{}m", amount) : fmt::format("{}", amount);
  }

private:
  void add(const json& item) {
    const std::string type = text_at(item, "type");
    if (type != "Container" && type != "Pod")
      return;
    if (const json* ratio = find(item, {"maxLimitRequestRatio", m_name})) {
      m_range.has_ratio = true;
      if (const auto most = parse_cpu(quantity_text(*ratio)))
        m_ratio = lower_of(m_ratio, *most);
    }
    const auto min = read(find(item, {"min", m_name}));
    auto& lowest = type == "Pod" ? m_range.pod_min : m_range.min;
    if (min)
      lowest = higher_of(lowest, *min);
    if (type != "Container")
      return;
    for (const char* field : {"max", "default"}) {
      if (const auto most = read(find(item, {field, m_name})))
        m_container_max = lower_of(m_container_max, *most);
    }
    // What the API server makes the default request where there is none.
    for (const char* field : {"defaultRequest", "default", "max", "min"}) {
      if (const auto fallback = read(find(item, {field, m_name}))) {
        m_range.default_request = lower_of(m_range.default_request, *fallback);
        break;
      }
    }
  }

  std::string m_name;
  std::optional<std::int64_t> (*m_parse)(std::string_view);
  RequestRange m_range;
  std::optional<std::int64_t> m_container_max; // or the default limit, if that is lower
  std::optional<std::int64_t> m_ratio;         // the lowest maxLimitRequestRatio
  bool m_limit_counted = false;
};

// Make the coordinator's request and limit fit the namespace: nobody but us can.
void fit_coordinator(std::int64_t own, const Ruled& resource, json& coordinator) {
  const std::string& name = resource.name();
  const std::int64_t most =
      resource.container_max().value_or(std::numeric_limits<std::int64_t>::max());
  std::int64_t request = std::min(std::max(own, resource.range().min.value_or(0)), most);
  if ((resource.ratio() || resource.limit_counted())
      && find(coordinator, {"limits", name}) == nullptr) {
    const std::int64_t limit = std::min(std::max(request, resource.ample()), most);
    if (resource.ratio().value_or(0) > 0) // rounded up, and without overflow
      request = std::clamp(static_cast<std::int64_t>(static_cast<double>(limit) * 1000.0
                                                     / static_cast<double>(*resource.ratio()))
                               + 1,
                           request, limit);
    coordinator["limits"][name] = resource.text(limit);
  }
  if (request != own)
    coordinator["requests"][name] = resource.text(request);
}

// What a container asks for of a resource that is there for good: what is written, else its part of
// a LimitRange's default, which stock divides by the steps of a Task.
void share_default(const Plan& plan, const Ruled& resource, std::vector<json>& steps) {
  const std::optional<std::int64_t> whole = resource.range().default_request;
  std::size_t index = 0;
  for (const PlanTask& task : plan.tasks) {
    for (std::size_t i = 0; i < task.steps.size(); ++i, ++index) {
      json& own = steps[index];
      const bool says = find(own, {"requests", resource.name()}) != nullptr
                        || find(own, {"limits", resource.name()}) != nullptr;
      if (whole && !says)
        own["requests"][resource.name()] =
            resource.text(std::max(*whole / static_cast<std::int64_t>(task.steps.size()),
                                   resource.range().min.value_or(0)));
    }
  }
}

// Why a resource is given as it was asked for.
std::string_view sharing_text(Sharing sharing) {
  switch (sharing) {
  case Sharing::peak:
    return "scaled to the peak";
  case Sharing::sum:
    return "as asked: resources is sum";
  case Sharing::ratio:
    return "as asked: a LimitRange has a maxLimitRequestRatio";
  case Sharing::pod_minimum:
    return "as asked: the peak is below a LimitRange's min of a Pod";
  }
  return {};
}

// Write a resource into the containers, and into what explains it.
class Writer {
public:
  Writer(const Plan& plan, PodResources& pod) : m_plan(plan), m_pod(pod) {}

  // Return what the containers ask for together: as written, and in the pod.
  std::pair<std::int64_t, std::int64_t> write(const Ruled& resource, const SizedResource& sized) {
    for (std::size_t i = 0; i < sized.containers.size(); ++i) {
      const SizedContainer& container = sized.containers[i];
      json& own = m_pod.steps[i];
      const bool is_written = find(own, {"requests", resource.name()}) != nullptr;
      if (container.given && (!is_written || container.given != container.asked))
        own["requests"][resource.name()] = resource.text(*container.given);
    }
    const auto own = coordinators(resource, "requests");
    if (own)
      fit_coordinator(*own, resource, m_pod.coordinator);
    const std::int64_t fitted = coordinators(resource, "requests").value_or(0);
    explain(resource, sized, fitted);
    return {sized.sum + fitted, sized.given + fitted};
  }

  // Write the pod's own requests and limits (`run.resources: pod`).
  void write_pod(const Ruled& resource, const SizedResource& sized, bool may_limit) {
    const std::int64_t request = sized.given + coordinators(resource, "requests").value_or(0);
    if (request > 0)
      m_pod.pod["requests"][resource.name()] = resource.text(request);
    if (!may_limit || sized.without_limit > 0)
      return; // a container without a limit may use all that a node has
    const std::int64_t agents =
        resource.name() == "memory"
            ? waiting_agent * static_cast<std::int64_t>(sized.containers.size())
            : 0;
    const std::int64_t limit =
        sized.limits_peak + agents + coordinators(resource, "limits").value_or(resource.ample());
    m_pod.pod["limits"][resource.name()] = resource.text(std::max(limit, request));
  }

private:
  static constexpr std::int64_t waiting_agent = std::int64_t{2} << 20U; // bytes, amply

  std::optional<std::int64_t> coordinators(const Ruled& resource, std::string_view part) const {
    const json* value = find(m_pod.coordinator, {part, resource.name()});
    if (value == nullptr && part == "requests")
      value = find(m_pod.coordinator, {"limits", resource.name()});
    return resource.read(value);
  }

  void explain(const Ruled& resource, const SizedResource& sized, std::int64_t coordinator) {
    if (sized.sum == 0)
      return;
    json& why = m_pod.explanation[resource.name()];
    why = {{"asked", resource.text(sized.sum)},
           {"peak", resource.text(sized.peak)},
           {"given", resource.text(sized.given)},
           {"coordinator", resource.text(coordinator)},
           {"how", sharing_text(sized.sharing)}};
    constexpr std::size_t most_names = 20; // it is to be read by people
    if (sized.busiest.size() <= most_names) {
      for (const std::size_t task : sized.busiest)
        why["busiest"].push_back(m_plan.tasks[task].name);
    }
  }

  const Plan& m_plan;
  PodResources& m_pod;
};

} // namespace

tl::expected<PodResources, std::string> pod_resources(const Plan& plan, RequestMode mode,
                                                      const json& coordinator,
                                                      const NamespaceRules& rules) {
  PodResources result;
  result.coordinator = coordinator.is_object() ? coordinator : json::object();
  for (const StepId& id : sized_order(plan)) {
    const PlanStep& step = container_at(plan.tasks[id.task], id.step);
    const json fields = json::parse(step.container_fields, nullptr, /*allow_exceptions=*/false);
    result.steps.push_back(object_at(fields, "resources"));
  }
  const Ruled cpu("cpu", parse_cpu, rules);
  const Ruled memory("memory", parse_amount, rules);
  const auto sized =
      size_requests(plan, mode == RequestMode::sum, {.cpu = cpu.range(), .memory = memory.range()});
  if (!sized)
    return tl::make_unexpected(sized.error());
  Writer writer(plan, result);
  RequestTotals& totals = result.totals;
  std::tie(totals.sum_millicores, totals.peak_millicores) = writer.write(cpu, sized->cpu);
  std::tie(totals.sum_bytes, totals.peak_bytes) = writer.write(memory, sized->memory);
  share_default(plan, Ruled("ephemeral-storage", parse_amount, rules), result.steps);
  if (mode == RequestMode::pod) {
    // What a volume in memory holds, its pod holds until the end.
    const bool holds_memory = std::any_of(plan.volumes.begin(), plan.volumes.end(),
                                          [](const PlanVolume& volume) { return volume.memory; });
    writer.write_pod(cpu, sized->cpu, true);
    writer.write_pod(memory, sized->memory, !holds_memory);
  }
  return result;
}

} // namespace taskgroup
