// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_outline.h"

#include <fmt/format.h>

#include <cstdint>
#include <utility>

namespace taskgroup {
namespace {

using nlohmann::json;

// Read the fields of an outline. Names are kept short: an object's annotations have 256 KiB.
class Reader {
public:
  tl::expected<Outline, std::string> read(const json& document) {
    Outline outline;
    if (!document.is_object())
      fail("", "is no JSON object");
    outline.version = static_cast<int>(number(document, "", "version"));
    if (m_error.empty() && outline.version != plan_version)
      fail("version",
           fmt::format("is {}, and this release reads {}", outline.version, plan_version));
    for_each(document, "", "tasks", [&](const json& element, const std::string& path) {
      outline.tasks.push_back(task(element, path));
    });
    for_each(document, "", "results", [&](const json& element, const std::string& path) {
      if (element.is_string())
        outline.results.push_back(element.get<std::string>());
      else
        fail(path, "is no string");
    });
    if (document.is_object() && document.contains("hasOrder"))
      outline.has_order = document["hasOrder"] == json(true);
    if (document.is_object() && document.contains("finallyTimeout"))
      outline.finally_timeout = Millis(number(document, "", "finallyTimeout"));
    if (!m_error.empty())
      return tl::make_unexpected(m_error);
    return outline;
  }

private:
  Outline::Task task(const json& object, const std::string& path) {
    Outline::Task task;
    task.name = text(object, path, "name");
    if (object.is_object() && object.contains("finally"))
      task.is_finally = object["finally"] == json(true);
    for_each(object, path, "steps", [&](const json& element, const std::string& step) {
      task.steps.push_back({text(element, step, "name"), text(element, step, "container")});
    });
    for_each(object, path, "sidecars", [&](const json& element, const std::string& sidecar) {
      task.sidecars.push_back({text(element, sidecar, "name"), text(element, sidecar, "container"),
                               element.is_object() && element.contains("fromStart")});
    });
    for_each(object, path, "after", [&](const json& element, const std::string& index) {
      if (element.is_number_unsigned() && element.get<std::uint64_t>() < m_tasks)
        task.after.push_back(element.get<std::size_t>());
      else
        fail(index.substr(0, index.size() - 1), "is no index of a task before it");
    });
    ++m_tasks;
    return task;
  }

  template <typename Visit>
  void for_each(const json& object, const std::string& path, const char* name, const Visit& visit) {
    if (!object.is_object() || !object.contains(name))
      return;
    const json& list = object[name];
    if (!list.is_array())
      return fail(path + name, "is no list");
    for (std::size_t i = 0; i < list.size(); ++i)
      visit(list[i], fmt::format("{}{}[{}].", path, name, i));
  }

  std::string text(const json& object, const std::string& path, const char* name) {
    if (object.is_object() && object.contains(name) && object[name].is_string())
      return object[name].get<std::string>();
    fail(path + name, "is no string");
    return {};
  }

  std::int64_t number(const json& object, const std::string& path, const char* name) {
    if (object.is_object() && object.contains(name) && object[name].is_number_integer())
      return object[name].get<std::int64_t>();
    fail(path + name, "is no whole number");
    return 0;
  }

  void fail(const std::string& path, const std::string& what) {
    if (m_error.empty())
      m_error = path.empty() ? what : fmt::format("field \"{}\" {}", path, what);
  }

  std::size_t m_tasks = 0; // read so far
  std::string m_error;     // the first one
};

// An annotation has 256 KiB for everything; edges are for figures only.
constexpr std::size_t most_edges = 2000;

bool order_is_told(const Plan& plan) {
  std::size_t edges = 0;
  for (const PlanTask& task : plan.tasks)
    edges += predecessors_of(task).size();
  return plan.max_parallel == 0 && edges <= most_edges;
}

} // namespace

std::string outline_text(const Plan& plan) {
  const bool has_order = order_is_told(plan);
  json tasks = json::array();
  for (const PlanTask& task : plan.tasks) {
    json written = {{"name", task.name}, {"steps", json::array()}};
    for (std::size_t i = 0; i < container_count(task); ++i) {
      const PlanStep& step = container_at(task, i);
      written[i < task.steps.size() ? "steps" : "sidecars"].push_back(
          {{"name", step.name}, {"container", step.container}});
      if (is_from_start(task, i))
        written["sidecars"].back()["fromStart"] = true;
    }
    if (task.is_finally)
      written["finally"] = true;
    if (const auto after = predecessors_of(task); has_order && !after.empty())
      written["after"] = after;
    tasks.push_back(std::move(written));
  }
  json outline = {{"version", plan.version}, {"tasks", std::move(tasks)}};
  if (has_order)
    outline["hasOrder"] = true;
  for (const PlanGroupResult& result : plan.results)
    outline["results"].push_back(result.name);
  if (plan.finally_timeout)
    outline["finallyTimeout"] = plan.finally_timeout->count();
  return outline.dump();
}

std::vector<Outline::Step> containers_of(const Outline::Task& task) {
  std::vector<Outline::Step> containers = task.steps;
  containers.insert(containers.end(), task.sidecars.begin(), task.sidecars.end());
  return containers;
}

tl::expected<Outline, std::string> outline_of(const json& pod) {
  const json::json_pointer path(std::string("/metadata/annotations/taskgroup.dev~1outline"));
  static_assert(std::string_view(outline_annotation) == "taskgroup.dev/outline");
  const auto fail = [](const std::string& why) {
    return tl::make_unexpected(fmt::format("the pod's annotation {} {}", outline_annotation, why));
  };
  if (!pod.contains(path) || !pod[path].is_string())
    return fail("is missing; only pods made by this controller have it");
  const json document =
      json::parse(pod[path].get_ref<const std::string&>(), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded())
    return fail("is no JSON");
  tl::expected<Outline, std::string> outline = Reader().read(document);
  if (!outline)
    return fail("cannot be read: " + outline.error());
  return outline;
}

} // namespace taskgroup
