// SPDX-License-Identifier: Apache-2.0
#include "core/planning/raw_json.h"
#include "core/planning/task_run_specs.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace taskgroup {
namespace {

using nlohmann::json;

// Fields of a pod's securityContext that a container's has as well.
constexpr std::array<const char*, 6> container_security = {"runAsUser",      "runAsGroup",
                                                           "runAsNonRoot",   "seLinuxOptions",
                                                           "seccompProfile", "appArmorProfile"};

constexpr std::array<const char*, 3> joined_lists = {"tolerations", "imagePullSecrets",
                                                     "hostAliases"};

// A task that says nothing of these wants nothing: another task's may hold for it.
constexpr std::array<const char*, 2> optional_fields = {"affinity", "topologySpreadConstraints"};

template <typename Names>
bool is_one_of(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

json parse(const std::string& text) {
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  return value.is_object() ? value : json::object();
}

json without_container_security(json context) {
  for (const char* field : container_security)
    context.erase(field);
  return context;
}

Where where_of(const RawValue& written, const std::string& field) {
  const std::string path = written.path + "." + field;
  const Node* node = written.node.find(field);
  return node != nullptr ? node->where(path) : written.node.where(path);
}

// Merges one field after the other.
class Merger {
public:
  Merger(const std::string& group, const std::vector<TemplateOfTask>& tasks,
         Diagnostics& diagnostics)
      : m_result(parse(group)), m_group(m_result), m_tasks(tasks), m_diagnostics(diagnostics) {
    for (const TemplateOfTask& task : tasks)
      m_templates.push_back(task.parts != nullptr ? parse(task.parts->of_pod) : json::object());
  }

  std::string merge() {
    std::vector<std::string> fields;
    for (const json& one : m_templates) {
      for (const auto& [field, value] : one.items()) {
        if (!is_one_of(fields, field))
          fields.push_back(field);
      }
    }
    for (const std::string& field : fields) {
      if (field == "nodeSelector")
        select_nodes();
      else if (is_one_of(joined_lists, field))
        join(field);
      else
        agree(field);
    }
    check_container_security();
    return m_result.empty() ? std::string() : m_result.dump();
  }

private:
  // What holds for a task in stock: its own word, else the group's.
  json effective(std::size_t task, const std::string& field) const {
    const json& own = m_templates[task];
    const json& found = own.contains(field) ? own : m_group;
    json value = found.value(field, json());
    if (field == "securityContext")
      return without_container_security(value.is_object() ? value : json::object());
    return value;
  }

  void select_nodes() {
    json all = json::object();
    std::map<std::string, std::string> by; // which task asks for a label
    for (std::size_t i = 0; i < m_tasks.size(); ++i) {
      const json own = effective(i, "nodeSelector");
      if (!own.is_object())
        continue;
      for (const auto& [label, value] : own.items()) {
        const auto [at, inserted] = by.try_emplace(label, m_tasks[i].task);
        if (inserted)
          all[label] = value;
        else if (all[label] != value)
          refuse(i, "nodeSelector",
                 fmt::format("\"{}\" is {} here and {} for the task \"{}\": no node is both, and a "
                             "group runs in one pod; run one of them outside the group",
                             label, value.dump(), all[label].dump(), at->second));
      }
    }
    m_result["nodeSelector"] = std::move(all);
  }

  void join(const std::string& field) {
    json all = json::array();
    for (std::size_t i = 0; i < m_tasks.size(); ++i) {
      for (const json& element : effective(i, field)) {
        if (std::find(all.begin(), all.end(), element) == all.end())
          all.push_back(element);
      }
    }
    m_result[field] = std::move(all);
  }

  void agree(const std::string& field) {
    const bool may_be_absent = is_one_of(optional_fields, field);
    const json* common = nullptr;
    std::vector<json> values;
    for (std::size_t i = 0; i < m_tasks.size(); ++i)
      values.push_back(effective(i, field));
    for (std::size_t i = 0; i < m_tasks.size(); ++i) {
      if (may_be_absent && values[i].is_null())
        continue;
      if (common == nullptr)
        common = &values[i];
      else if (*common != values[i])
        return disagree(field, values, static_cast<std::size_t>(common - values.data()), i);
    }
    if (common == nullptr)
      return;
    if (field != "securityContext") {
      m_result[field] = *common;
      return;
    }
    json context = object_of(m_group, field); // what containers can have stays where it was
    for (const auto& [key, value] : common->items())
      context[key] = value;
    m_result[field] = std::move(context);
  }

  static json object_of(const json& object, const std::string& field) {
    json value = object.value(field, json::object());
    return value.is_object() ? value : json::object();
  }

  // Report where the author says it, which is at the task that has a word of its own.
  void disagree(const std::string& field, const std::vector<json>& values, std::size_t first,
                std::size_t second) {
    const bool at_second = m_templates[second].contains(field);
    const std::size_t here = at_second ? second : first;
    const std::size_t there = at_second ? first : second;
    refuse(
        here, field,
        fmt::format("{} here and {} for the task \"{}\", but a group runs in one pod, which has "
                    "one; say it for all tasks (`run.podTemplate`), or run this task outside the "
                    "group",
                    shown(values[here]), shown(values[there]), m_tasks[there].task));
  }

  static std::string shown(const json& value) { return value.is_null() ? "not set" : value.dump(); }

  // A container's securityContext cannot take back what the pod's says.
  void check_container_security() {
    const json of_pod = object_of(m_group, "securityContext");
    for (std::size_t i = 0; i < m_tasks.size(); ++i) {
      if (m_tasks[i].parts == nullptr || m_tasks[i].written.node.find("securityContext") == nullptr)
        continue;
      for (const char* field : container_security) {
        if (of_pod.contains(field) && !is_one_of(m_tasks[i].parts->secured, field))
          refuse(i, "securityContext",
                 fmt::format("says nothing of {}, and that of `run.podTemplate` would hold for "
                             "this task too; say here what it is to be",
                             field));
      }
    }
  }

  void refuse(std::size_t task, const std::string& field, std::string message) {
    m_diagnostics.add_error(where_of(m_tasks[task].written, field), std::move(message));
  }

  json m_result;
  const json m_group;
  const std::vector<TemplateOfTask>& m_tasks;
  Diagnostics& m_diagnostics;
  std::vector<json> m_templates;
};

} // namespace

TaskPodTemplate take_apart(const RawValue& pod_template, const Substitution& substitution) {
  TaskPodTemplate parts;
  json of_pod = json::object();
  const auto keys = pod_template.node.keys();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string& field = keys[i].name;
    const RawValue written{pod_template.node.children()[i], pod_template.path + "." + field};
    if (field == "volumes" || written.node.is_null())
      continue;
    json value = json::parse(known_json(written, substitution, "podTemplate"), nullptr, false);
    if (field == "env") {
      for (const json& variable : value) {
        PlanEnv env;
        env.name = variable.value("name", std::string());
        env.value = Text(variable.value("value", std::string()));
        env.value_from = variable.contains("valueFrom") ? variable["valueFrom"].dump() : "";
        env.of_template = true;
        parts.env.push_back(std::move(env));
      }
      continue;
    }
    if (field == "securityContext" && value.is_object()) {
      json own = json::object();
      for (const char* one : container_security) {
        if (!value.contains(one))
          continue;
        own[one] = value[one];
        parts.secured.emplace_back(one);
      }
      if (!own.empty())
        parts.security_context = own.dump();
      value = without_container_security(std::move(value));
    }
    of_pod[field] = std::move(value);
  }
  if (!of_pod.empty())
    parts.of_pod = of_pod.dump();
  return parts;
}

void apply(const TaskPodTemplate& pod_template, std::vector<PlanEnv>& env,
           std::string& container_fields) {
  for (const PlanEnv& variable : pod_template.env) {
    std::erase_if(env, [&](const PlanEnv& other) { return other.name == variable.name; });
    env.push_back(variable);
  }
  if (!pod_template.security_context.empty())
    container_fields =
        merge_json(json_object("securityContext", pod_template.security_context), container_fields);
}

std::string merge_task_pod_templates(const std::string& group,
                                     const std::vector<TemplateOfTask>& tasks,
                                     Diagnostics& diagnostics) {
  return Merger(group, tasks, diagnostics).merge();
}

} // namespace taskgroup
