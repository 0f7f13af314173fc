// SPDX-License-Identifier: Apache-2.0
#include "core/planning/task_run_specs.h"

#include <taskgroup/quantity.h>

#include "core/planning/raw_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string_view>

namespace taskgroup {
namespace {

using nlohmann::json;

json parse(const std::string& text) {
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_object() ? value : json::object();
}

std::string text_of(const json& quantity) {
  return quantity.is_string() ? quantity.get<std::string>() : quantity.dump();
}

// Divide quantities by a number of steps: cpu in thousandths, all else in whole units. One that
// cannot be read stays, for validation reports it.
json divided(const json& quantities, std::size_t steps) {
  json result = json::object();
  for (const auto& [name, value] : quantities.items()) {
    const bool is_cpu = name == "cpu";
    const auto amount = is_cpu ? parse_cpu(text_of(value)) : parse_amount(text_of(value));
    const std::int64_t share = amount.value_or(0) / static_cast<std::int64_t>(steps);
    result[name] = !amount ? value : json(fmt::format("{}{}", share, is_cpu ? "m" : ""));
  }
  return result;
}

std::string with_resources(const std::vector<TaskRunSpec::Container>& specs,
                           const std::string& name, const std::string& container_fields) {
  for (const TaskRunSpec::Container& spec : specs) {
    if (spec.name.text == name && spec.resources)
      return merge_json(container_fields, json_object("resources", plain_json(spec.resources)));
  }
  return container_fields;
}

} // namespace

const TaskRunSpec* find_task_run_spec(const RunSpec& run, const std::string& task) {
  const auto found = std::find_if(run.task_run_specs.begin(), run.task_run_specs.end(),
                                  [&](const TaskRunSpec& spec) { return spec.task.text == task; });
  return found != run.task_run_specs.end() ? &*found : nullptr;
}

std::string with_step_resources(const TaskRunSpec& spec, const std::string& step, std::size_t steps,
                                const std::string& container_fields) {
  const json whole = spec.resources ? parse(plain_json(spec.resources)) : json::object();
  const json requests = whole.value("requests", json::object());
  const json limits = whole.value("limits", json::object());
  if (requests.empty() && limits.empty())
    return with_resources(spec.steps, step, container_fields);
  json fields = parse(container_fields);
  const json own = fields.value("resources", json::object());
  const bool use_limits = requests.empty() && own.value("requests", json::object()).empty();
  json given = json::object();
  if (json share = divided(use_limits ? limits : requests, steps); !share.empty())
    given["requests"] = std::move(share);
  if (!limits.empty())
    given["limits"] = limits;
  fields["resources"] = std::move(given);
  return fields.dump();
}

std::string with_sidecar_resources(const TaskRunSpec& spec, const std::string& sidecar,
                                   const std::string& container_fields) {
  return with_resources(spec.sidecars, sidecar, container_fields);
}

std::string resource_over_limit(const std::string& container_fields) {
  const json resources = parse(container_fields).value("resources", json::object());
  const json requests = resources.value("requests", json::object());
  const json limits = resources.value("limits", json::object());
  for (const auto& [name, request] : requests.items()) {
    const auto limit = limits.find(name);
    if (limit == limits.end())
      continue;
    // Thousandths are fine enough for all that is limited.
    const auto asked = parse_cpu(text_of(request));
    const auto most = parse_cpu(text_of(*limit));
    if (asked && most && *asked > *most)
      return name;
  }
  return {};
}

} // namespace taskgroup
