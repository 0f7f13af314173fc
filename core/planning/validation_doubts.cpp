// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include "core/planning/reference_check.h"
#include "core/planning/validation.h"
#include "core/planning/variables.h"
#include "core/planning/waiting_texts.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace taskgroup::validation {
namespace {

using Index = std::size_t; // of a task in group.tasks()

const std::string& name_of(const GroupView& group, Index task) {
  return group.tasks()[task].task->name.text;
}

// --- Tasks that are never run ---

// What a text can become, where that is certain.
std::optional<std::vector<std::string>> possible_texts(const GroupView& group,
                                                       const std::string& text) {
  const std::vector<Variable> variables = find_variables(text);
  if (variables.empty())
    return std::vector<std::string>{text};
  if (variables.size() > 1 || variables[0].begin != 0 || variables[0].end != text.size())
    return std::nullopt;
  const VariableName name = parse_variable_name(variables[0].name);
  const std::vector<std::string>& parts = name.parts;
  if (!name.index.empty())
    return std::nullopt;
  if (parts == std::vector<std::string>{"tasks", "status"})
    return std::vector<std::string>{"Succeeded", "Failed", "Completed", "None"};
  if (parts.size() == 3 && parts[0] == "tasks" && parts[2] == "status")
    return std::vector<std::string>{"Succeeded", "Failed", "None"};
  if (parts.size() == 3 && parts[0] == "workspaces" && parts[2] == "bound")
    return std::vector<std::string>{"true", "false"};
  const ParamSpec* param =
      parts.size() == 2 && parts[0] == "params" ? group.param(parts[1]) : nullptr;
  if (param == nullptr || param->allowed.empty())
    return std::nullopt;
  std::vector<std::string> allowed;
  for (const Located& one : param->allowed)
    allowed.push_back(one.text);
  allowed.emplace_back(); // passes every enum, as in stock (validate_taskrun.go)
  return allowed;
}

bool is_never_true(const WhenExpression& when, const std::vector<std::string>& inputs) {
  const auto is_value = [&](const std::string& input) {
    return std::any_of(when.values.begin(), when.values.end(),
                       [&](const Located& value) { return value.text == input; });
  };
  if (when.op.text == "in")
    return std::none_of(inputs.begin(), inputs.end(), is_value);
  return when.op.text == "notin" && std::all_of(inputs.begin(), inputs.end(), is_value);
}

// Say what the input can be, unless it says so itself.
std::string possibilities(const WhenExpression& when, const std::vector<std::string>& inputs) {
  if (!has_variables(when.input.text))
    return {};
  std::vector<std::string> shown;
  for (const std::string& input : inputs)
    if (!input.empty())
      shown.push_back(fmt::format("\"{}\"", input));
  return fmt::format(": {} is one of {}{}", when.input.text, fmt::join(shown, ", "),
                     when.values.size() == 1 ? did_you_mean(when.values[0].text, inputs) : "");
}

// Warn of conditions that are never true; return the tasks that are never run because of them.
std::set<std::string> check_when(const GroupView& group, Diagnostics& diagnostics) {
  std::set<std::string> never_run;
  for (const TaskView& view : group.tasks()) {
    for (const WhenExpression& when : view.task->when) {
      const bool are_plain =
          std::none_of(when.values.begin(), when.values.end(),
                       [](const Located& value) { return has_variables(value.text); });
      const auto inputs = possible_texts(group, when.input.text);
      if (when.values.empty() || !are_plain || !inputs || !is_never_true(when, *inputs))
        continue;
      diagnostics.add_warning(
          when.input.where,
          fmt::format("this condition is never true, so the task \"{}\" is never run{}",
                      view.task->name.text, possibilities(when, *inputs)));
      never_run.insert(view.task->name.text);
      break;
    }
  }
  return never_run;
}

std::vector<const Located*> texts_of(const ParamValue& value) {
  std::vector<const Located*> texts;
  if (const auto* text = std::get_if<Located>(&value.data))
    texts.push_back(text);
  else if (const auto* items = std::get_if<std::vector<Located>>(&value.data))
    for (const Located& item : *items)
      texts.push_back(&item);
  else
    for (const auto& [key, field] : std::get<2>(value.data))
      texts.push_back(&field);
  return texts;
}

// Return the first task among `never_run` whose result a text uses; empty: there is none.
std::string uses_one_of(const GroupView& group, const std::set<std::string>& never_run,
                        const Located& text) {
  for (const std::string& task : tasks_used(group, text.text))
    if (never_run.contains(task))
      return task;
  return {};
}

// Warn of results that are never set. A task that needs one is never run either.
void check_never_set(const GroupView& group, std::set<std::string> never_run,
                     Diagnostics& diagnostics) {
  if (never_run.empty())
    return;
  for (bool more = true; more;) {
    more = false;
    for (const TaskView& view : group.tasks()) {
      const std::string& name = view.task->name.text;
      if (never_run.contains(name))
        continue;
      bool is_skipped = false;
      each_waiting_text(view, [&](const Located& text) {
        const std::string task = uses_one_of(group, never_run, text);
        if (task.empty() || is_skipped)
          return;
        is_skipped = true;
        diagnostics.add_warning(
            text.where, fmt::format("the task \"{}\" is never run, so this result of it is never "
                                    "set, and the task \"{}\" is always skipped",
                                    task, name));
      });
      if (is_skipped)
        more = never_run.insert(name).second || more;
    }
  }
  for (const GroupResult& result : group.group().results)
    for (const Located* text : texts_of(result.value))
      if (const std::string task = uses_one_of(group, never_run, *text); !task.empty())
        diagnostics.add_warning(text->where, fmt::format("the task \"{}\" is never run, so the "
                                                         "result \"{}\" is never reported",
                                                         task, result.name.text));
}

// --- What tasks of one pod share ---

// Knows which tasks may be running at the same time. Asks the order of those only that matter.
class Overlaps {
public:
  Overlaps(const GroupView& group, const std::vector<Index>& tasks)
      : m_group(group), m_after(order_of_tasks(group)) {
    for (const Index task : tasks)
      m_before.emplace(task, closure(m_after, {task}));
  }

  bool is_before(Index first, Index second) const {
    const bool second_is_last = m_group.tasks()[second].is_finally;
    if (m_group.tasks()[first].is_finally || second_is_last)
      return second_is_last && !m_group.tasks()[first].is_finally;
    return m_before.at(second)[first];
  }

  bool may_overlap(Index one, Index other) const {
    return m_group.group().run.max_parallel != 1 && !is_before(one, other)
           && !is_before(other, one);
  }

private:
  const GroupView& m_group;
  Edges m_after;
  std::map<Index, std::vector<bool>> m_before; // what each needs, directly or not
};

// A group may have as many tasks as a file has room for; beyond this nobody waits for doubts.
constexpr std::size_t most_tasks = 1024;

// Calls visit(common) for every stepTemplate and step of a task, the strongest last.
template <typename Visit>
void each_common(const TaskView& view, Visit visit) {
  if (view.spec == nullptr)
    return;
  if (view.spec->step_template)
    visit(*view.spec->step_template);
  for (const Step& step : view.spec->steps)
    visit(step);
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5
         && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The ports that a task says it listens on: `ports`, and the variable PORT by which programs are
// told (12factor.net/port-binding). What a script does is not known.
struct Port {
  Where where;
  bool of_sidecar = false;
};

std::map<std::string, Port> ports_of(const TaskView& view) {
  std::map<std::string, Port> ports;
  if (view.spec != nullptr) {
    for (const Sidecar& sidecar : view.spec->sidecars)
      for (const Located& port : sidecar.ports)
        ports.try_emplace(port.text, Port{port.where, true});
  }
  each_common(view, [&](const StepCommon& step) {
    for (const Located& port : step.ports)
      ports.try_emplace(port.text, Port{port.where});
    for (const EnvVar& variable : step.env)
      if (variable.name.text == "PORT" && is_port(variable.value.text))
        ports.try_emplace(variable.value.text, Port{variable.value.where});
  });
  return ports;
}

struct PortUser {
  Index task = 0;
  Port port;
};

// Say what becomes of two tasks that may overlap and share a port.
std::string port_message(const GroupView& group, const PortUser& one, const PortUser& other,
                         const std::string& port) {
  const std::string& a = name_of(group, one.task);
  const std::string& b = name_of(group, other.task);
  if (one.port.of_sidecar && other.port.of_sidecar) // order_by_ports() keeps them apart
    return fmt::format("the sidecars of the tasks \"{}\" and \"{}\" declare port {}, which all "
                       "tasks of a pod share, so that the later one in the group waits for the "
                       "other; give them different ports if they are to overlap",
                       a, b, port);
  return fmt::format(
      "the tasks \"{}\" and \"{}\" may run at the same time and both listen on port "
      "{}, which all tasks of a pod share; give them different ports, or let one run "
      "after the other",
      a, b, port);
}

void check_ports(const GroupView& group, Diagnostics& diagnostics) {
  std::map<std::string, std::vector<PortUser>> listeners; // by port
  std::set<Index> tasks;
  for (Index task = 0; task < group.tasks().size(); ++task)
    for (const auto& [number, port] : ports_of(group.tasks()[task])) {
      listeners[number].push_back({task, port});
      tasks.insert(task);
    }
  if (std::all_of(listeners.begin(), listeners.end(),
                  [](const auto& one) { return one.second.size() == 1; }))
    return;
  const Overlaps overlaps(group, {tasks.begin(), tasks.end()});
  // Sidecars that cannot be kept apart are an error (check_sidecars()), not a doubt.
  const auto is_error = [&](const PortUser& one, const PortUser& other) {
    return one.port.of_sidecar && other.port.of_sidecar
           && (group.group().run.sidecars_from_start
               || (group.tasks()[one.task].is_finally && group.tasks()[other.task].is_finally));
  };
  for (const auto& [number, of_port] : listeners)
    for (std::size_t i = 1; i < of_port.size(); ++i) {
      const PortUser& user = of_port[i];
      const auto end = of_port.begin() + static_cast<std::ptrdiff_t>(i);
      const auto other = std::find_if(of_port.begin(), end, [&](const PortUser& one) {
        return overlaps.may_overlap(one.task, user.task) && !is_error(one, user);
      });
      if (other != end)
        diagnostics.add_warning(user.port.where, port_message(group, *other, user, number));
    }
}

struct User {
  std::int64_t id = 0;
  Where where;
};

std::optional<User> user_in(const RawValue& security_context) {
  const Node* user = security_context ? security_context.node.find("runAsUser") : nullptr;
  const auto id = user == nullptr ? std::nullopt : user->integer();
  if (!id)
    return std::nullopt;
  return User{*id, user->where(security_context.path + ".runAsUser")};
}

RawValue pod_security_context(const GroupView& group) {
  const RawValue& pod = group.group().run.pod_template;
  const Node* context = pod ? pod.node.find("securityContext") : nullptr;
  if (context == nullptr)
    return {};
  return {*context, pod.path + ".securityContext"};
}

// The users of a task's steps that are said.
std::vector<User> users_of(const GroupView& group, const TaskView& view) {
  std::vector<User> users;
  if (view.spec == nullptr)
    return users;
  const auto& of_group = group.group().run.step_template;
  const auto& of_task = view.spec->step_template;
  for (const Step& step : view.spec->steps) {
    auto user = user_in(step.security_context);
    if (!user && of_task)
      user = user_in(of_task->security_context);
    if (!user && of_group)
      user = user_in(of_group->security_context);
    if (!user)
      user = user_in(pod_security_context(group));
    if (user && std::none_of(users.begin(), users.end(), [&](const User& other) {
          return other.id == user->id;
        }))
      users.push_back(*std::move(user));
  }
  return users;
}

// The group's workspaces that a task may write to.
std::set<std::string> written_workspaces(const GroupView& group, const TaskView& view) {
  std::set<std::string> result;
  if (view.spec == nullptr)
    return result;
  for (const WorkspaceDeclaration& declared : view.spec->workspaces) {
    if (declared.read_only)
      continue;
    const auto& bindings = view.task->workspaces;
    const auto binding = std::find_if(bindings.begin(), bindings.end(), [&](const auto& one) {
      return one.name.text == declared.name.text;
    });
    std::string name = declared.name.text;
    if (binding != bindings.end() && !binding->workspace.text.empty())
      name = binding->workspace.text;
    else if (binding == bindings.end() && !view.embedded)
      continue;
    if (group.workspace(name) != nullptr)
      result.insert(std::move(name));
  }
  return result;
}

struct Writer {
  Index task = 0;
  User user;
};

// Say whether the second may find files of the first that it cannot change. Root can.
bool are_at_odds(const Writer& first, const Writer& second, const Overlaps& overlaps) {
  if (first.task == second.task || first.user.id == second.user.id)
    return false;
  return (second.user.id != 0 && !overlaps.is_before(second.task, first.task))
         || (first.user.id != 0 && !overlaps.is_before(first.task, second.task));
}

void check_users(const GroupView& group, Diagnostics& diagnostics) {
  if (const RawValue pod = pod_security_context(group); pod && pod.node.find("fsGroup") != nullptr)
    return;                                           // the files belong to one group
  std::map<std::string, std::vector<Writer>> writers; // by workspace
  std::set<Index> tasks;
  std::set<std::int64_t> ids;
  for (Index task = 0; task < group.tasks().size(); ++task) {
    const TaskView& view = group.tasks()[task];
    for (const User& user : users_of(group, view))
      for (const std::string& workspace : written_workspaces(group, view)) {
        writers[workspace].push_back({task, user});
        tasks.insert(task);
        ids.insert(user.id);
      }
  }
  if (ids.size() < 2)
    return;
  const Overlaps overlaps(group, {tasks.begin(), tasks.end()});
  for (const auto& [workspace, of_workspace] : writers)
    for (std::size_t i = 1; i < of_workspace.size(); ++i) {
      const Writer& writer = of_workspace[i];
      const auto end = of_workspace.begin() + static_cast<std::ptrdiff_t>(i);
      const auto other = std::find_if(of_workspace.begin(), end, [&](const Writer& one) {
        return are_at_odds(one, writer, overlaps);
      });
      if (other == end)
        continue;
      diagnostics.add_warning(
          writer.user.where,
          fmt::format("the tasks \"{}\" (user {}) and \"{}\" (user {}) write to the workspace "
                      "\"{}\" as different users, and may not be able to change each other's "
                      "files; give them one user, or set run.podTemplate.securityContext.fsGroup",
                      name_of(group, other->task), other->user.id, name_of(group, writer.task),
                      writer.user.id, workspace));
      break; // one is enough to make an author look
    }
}

} // namespace

void check_doubts(const GroupView& group, Diagnostics& diagnostics) {
  check_never_set(group, check_when(group, diagnostics), diagnostics);
  check_containers(group, diagnostics);
  if (group.tasks().size() > most_tasks)
    return;
  check_ports(group, diagnostics);
  check_users(group, diagnostics);
}

} // namespace taskgroup::validation
