// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/plan.h>

#include "core/run/handler_kinds.h"
#include "core/run/json.h"

#include <algorithm>
#include <limits>
#include <set>

namespace taskgroup {
namespace {

using nlohmann::json;

// 300 years: longer than Go's longest duration, far from overflowing a sum of two.
constexpr std::int64_t max_millis = 9'500'000'000'000;

// Reads the fields of a plan. The first problem is kept, the rest of the plan is then of no use.
class PlanReader {
public:
  tl::expected<Plan, std::string> read(const json& document) {
    Plan plan;
    plan.version = 0;
    read(document, "plan", plan);
    if (m_error.empty()) {
      check_tasks(plan);
      check_matrices(plan);
    }
    if (!m_error.empty()) {
      return tl::make_unexpected(m_error);
    }
    return plan;
  }

  tl::expected<PlanCare, std::string> read_care(const json& document) {
    PlanCare care;
    read(document, "care", care);
    if (!m_error.empty()) {
      return tl::make_unexpected(m_error);
    }
    return care;
  }

private:
  // The fields of one object, so that one that nobody asked for is found.
  class Fields {
  public:
    Fields(PlanReader& reader, const json& object, std::string path)
        : m_reader(reader), m_object(object), m_path(std::move(path)) {
      if (!object.is_object()) {
        m_reader.fail(m_path, "must be an object");
      }
    }

    // Read a field if it is there; otherwise `value` keeps its default.
    template <typename T>
    Fields& operator()(const char* name, T& value) {
      m_known.insert(name);
      if (m_object.is_object()) {
        if (const auto field = m_object.find(name); field != m_object.end()) {
          m_reader.read(*field, m_path + "." + name, value);
        }
      }
      return *this;
    }

    void done() {
      for (auto it = m_object.begin(); m_object.is_object() && it != m_object.end(); ++it) {
        if (!m_known.contains(it.key())) {
          m_reader.fail(m_path + "." + it.key(),
                        "is not a field of plans of version " + std::to_string(plan_version));
        }
      }
    }

  private:
    PlanReader& m_reader;
    const json& m_object;
    std::string m_path;
    std::set<std::string_view> m_known;
  };

  void fail(const std::string& path, const std::string& problem) {
    if (m_error.empty()) {
      m_error = path + ": " + problem;
    }
  }

  std::int64_t integer(const json& node, const std::string& path, std::int64_t max) {
    // The parser keeps numbers without a sign as unsigned ones; a plan has no others.
    const auto* number = node.get_ptr<const json::number_unsigned_t*>();
    if (number == nullptr || *number > static_cast<std::uint64_t>(max)) {
      fail(path, "must be an integer from 0 to " + std::to_string(max));
      return 0;
    }
    return static_cast<std::int64_t>(*number);
  }

  void read(const json& node, const std::string& path, std::string& value) {
    if (const auto* text = node.get_ptr<const std::string*>()) {
      value = *text;
    } else {
      fail(path, "must be a string");
    }
  }

  void read(const json& node, const std::string& path, bool& value) {
    if (const auto* flag = node.get_ptr<const json::boolean_t*>()) {
      value = *flag;
    } else {
      fail(path, "must be true or false");
    }
  }

  void read(const json& node, const std::string& path, int& value) {
    value = static_cast<int>(integer(node, path, std::numeric_limits<int>::max()));
  }

  void read(const json& node, const std::string& path, std::size_t& value) {
    value = static_cast<std::size_t>(integer(node, path, std::numeric_limits<int>::max()));
  }

  void read(const json& node, const std::string& path, Millis& value) {
    value = Millis(integer(node, path, max_millis));
  }

  template <typename T>
  void read(const json& node, const std::string& path, std::optional<T>& value) {
    read(node, path, value.emplace());
  }

  void read(const json& node, const std::string& path, ValueType& value) {
    std::string name;
    read(node, path, name);
    if (const std::optional<ValueType> type = value_type_from(name)) {
      value = *type;
    } else {
      fail(path, "must be string, array or object");
    }
  }

  void read(const json& node, const std::string& path, Reference& value) {
    std::string name;
    read(node, path, name);
    if (std::optional<Reference> reference = Reference::parse(name)) {
      value = std::move(*reference);
    } else {
      fail(path, "\"" + name + "\" is not a variable");
    }
  }

  void read(const json& node, const std::string& path, std::optional<Reference>& value) {
    read(node, path, value.emplace());
  }

  void read(const json& node, const std::string& path, Text& value) {
    if (!node.is_array()) {
      std::string literal;
      read(node, path, literal);
      value = Text(std::move(literal));
      return;
    }
    for (std::size_t i = 0; i < node.size(); ++i) {
      const std::string place = path + "[" + std::to_string(i) + "]";
      if (node[i].is_object()) {
        Reference reference;
        Fields(*this, node[i], place)("ref", reference).done();
        value.append(reference);
      } else {
        std::string literal;
        read(node[i], place, literal);
        value.append(literal);
      }
    }
  }

  template <typename T>
  void read(const json& node, const std::string& path, std::vector<T>& value) {
    if (!node.is_array()) {
      fail(path, "must be an array");
      return;
    }
    value.resize(node.size());
    for (std::size_t i = 0; i < node.size(); ++i) {
      read(node[i], path + "[" + std::to_string(i) + "]", value[i]);
    }
  }

  void read(const json& node, const std::string& path, PlanWhen& value) {
    std::string op = "in";
    Fields(*this, node, path)("input", value.input)("operator", op)("values", value.values).done();
    if (op != "in" && op != "notin") {
      fail(path + ".operator", "must be in or notin");
    }
    value.negated = op == "notin";
  }

  void read(const json& node, const std::string& path, PlanEnv& value) {
    Fields(*this, node, path)("name", value.name)("value", value.value)("valueFrom",
                                                                        value.value_from)
        .done();
  }

  void read(const json& node, const std::string& path, PlanVolume& value) {
    bool bound = false;
    Fields(*this, node, path)("name", value.name)("bound", bound)("source", value.source)(
        "readOnly", value.read_only)("memory", value.memory)("sizeLimit", value.size_limit)
        .done();
    value.kind = bound ? PlanVolume::Kind::bound : PlanVolume::Kind::empty;
  }

  void read(const json& node, const std::string& path, PlanMount& value) {
    Fields(*this, node, path)("volume", value.volume)("path", value.path)(
        "subPath", value.sub_path)("readOnly", value.read_only)
        .done();
  }

  void step_fields(Fields& fields, PlanStep& value) {
    bool carry_on = false;
    fields("name", value.name)("container", value.container)("command", value.command)(
        "args", value.args)("script", value.script)("env", value.env)(
        "workingDir", value.working_dir)("continueOnError", carry_on)("timeout", value.timeout)(
        "lateOnError", value.late_on_error)("lateTimeout", value.late_timeout)("when", value.when)(
        "results", value.results)("stdoutPath", value.stdout_path)("stderrPath", value.stderr_path)(
        "pauseBefore", value.pause_before)("pauseOnFailure", value.pause_on_failure)(
        "image", value.image)("mounts", value.mounts)("containerFields", value.container_fields);
    value.on_error = carry_on ? PlanStep::OnError::carry_on : PlanStep::OnError::stop_and_fail;
  }

  void read(const json& node, const std::string& path, PlanStep& value) {
    Fields fields(*this, node, path);
    step_fields(fields, value);
    fields.done();
  }

  void read(const json& node, const std::string& path, PlanHandler& value) {
    std::string kind;
    Fields(*this, node, path)("kind", kind)("exec", value.command)("host", value.host)(
        "port", value.port)("path", value.path)("headers", value.headers)("duration",
                                                                          value.duration)
        .done();
    const auto* const found = std::find(handler_kinds.begin(), handler_kinds.end(), kind);
    if (found == handler_kinds.end()) {
      fail(path + ".kind", "must be exec, httpGet, tcpSocket or sleep");
    }
    value.kind = static_cast<PlanHandler::Kind>(found - handler_kinds.begin());
  }

  void read(const json& node, const std::string& path, PlanProbe& value) {
    Fields(*this, node, path)("handler", value.handler)("initialDelay", value.initial_delay)(
        "period", value.period)("timeout", value.timeout)(
        "successThreshold", value.success_threshold)("failureThreshold",
                                                     value.failure_threshold)("grace", value.grace)
        .done();
  }

  void read(const json& node, const std::string& path, PlanCare& value) {
    Fields(*this, node, path)("startup", value.startup)("readiness", value.readiness)(
        "liveness", value.liveness)("postStart", value.post_start)("preStop", value.pre_stop)(
        "grace", value.grace)
        .done();
  }

  void read(const json& node, const std::string& path, PlanSidecar& value) {
    Fields fields(*this, node, path);
    step_fields(fields, value);
    fields("care", value.care)("ports", value.ports)("fromStart", value.from_start).done();
  }

  void read(const json& node, const std::string& path, PlanResult& value) {
    Fields(*this, node,
           path)("name", value.name)("type", value.type)("keys", value.keys)("value", value.value)
        .done();
  }

  void read(const json& node, const std::string& path, PlanParamCheck& value) {
    Fields(*this, node, path)("param", value.param)("value", value.value)("allowed", value.allowed)
        .done();
  }

  void read(const json& node, const std::string& path, PlanTask& value) {
    bool carry_on = false;
    Fields(*this, node, path)("name", value.name)("finally", value.is_finally)(
        "after", value.after)("orderedAfter", value.ordered_after)("when", value.when)(
        "needs", value.needs)("checks", value.checks)("retries", value.retries)(
        "timeout", value.timeout)("continueOnError", carry_on)("lateTimeout", value.late_timeout)(
        "lateOnError", value.late_on_error)("steps", value.steps)("sidecars", value.sidecars)(
        "results", value.results)("emptied", value.emptied)
        .done();
    value.on_error = carry_on ? PlanTask::OnError::carry_on : PlanTask::OnError::stop_and_fail;
  }

  void read(const json& node, const std::string& path, PlanMatrixParam& value) {
    Fields(*this, node, path)("name", value.name)("values", value.values).done();
  }

  void read(const json& node, const std::string& path, PlanMatrixInclude& value) {
    Fields(*this, node, path)("params", value.params).done();
  }

  void read(const json& node, const std::string& path, PlanMatrix& value) {
    Fields(*this, node, path)("task", value.task)("first", value.first)("count", value.count)(
        "params", value.params)("include", value.include)("defaults", value.defaults)
        .done();
  }

  void read(const json& node, const std::string& path, PlanGroupResult& value) {
    Fields(*this, node,
           path)("name", value.name)("type", value.type)("keys", value.keys)("values", value.values)
        .done();
    const std::size_t wanted = value.type == ValueType::object   ? value.keys.size()
                               : value.type == ValueType::string ? 1
                                                                 : value.values.size();
    if (value.values.size() != wanted) {
      fail(path + ".values", "must have " + std::to_string(wanted) + " elements");
    }
  }

  void read(const json& node, const std::string& path, Plan& value) {
    // The version comes first: other versions have other fields.
    if (!node.is_object()) {
      fail(path, "must be an object");
      return;
    }
    if (const auto version = node.find("version"); version != node.end()) {
      read(*version, path + ".version", value.version);
    }
    if (value.version != plan_version) {
      fail(path + ".version", "is " + std::to_string(value.version) + ", this program reads "
                                  + std::to_string(plan_version));
      return;
    }
    Fields(*this, node, path)("version", value.version)("group", value.group)("nonce", value.nonce)(
        "tasks", value.tasks)("matrices", value.matrices)("volumes", value.volumes)(
        "results", value.results)("timeout", value.whole)("tasksTimeout", value.tasks_timeout)(
        "finallyTimeout", value.finally_timeout)("maxParallel", value.max_parallel)(
        "failFast", value.fail_fast)("launchOnDemand", value.launch_on_demand)(
        "reportTaskResults", value.report_task_results)("podTemplate", value.pod_template)
        .done();
  }

  // What the engine relies on.
  void check_tasks(const Plan& plan) {
    std::set<std::string_view> names;
    std::set<std::string_view> containers;
    for (std::size_t i = 0; i < plan.tasks.size(); ++i) {
      const PlanTask& task = plan.tasks[i];
      const std::string path = "plan.tasks[" + std::to_string(i) + "]";
      if (task.name.empty() || !names.insert(task.name).second) {
        fail(path + ".name", "\"" + task.name + "\" is empty or another task's name");
      }
      for (const std::size_t before : predecessors_of(task)) {
        if (before >= i) {
          fail(path + ".after", std::to_string(before) + " is not the index of an earlier task");
        }
      }
      if (task.is_finally && !predecessors_of(task).empty()) {
        fail(path + ".after", "a finally task has none");
      }
      if (!task.is_finally && i > 0 && plan.tasks[i - 1].is_finally) {
        fail(path, "comes after a finally task");
      }
      if (task.steps.empty()) {
        fail(path + ".steps", "must not be empty");
      }
      for (std::size_t step = 0; step < container_count(task); ++step) {
        const std::string& container = container_at(task, step).container;
        if (container.empty() || !containers.insert(container).second) {
          fail(path + ".steps", "container \"" + container + "\" is empty or another step's name");
        }
      }
    }
  }

  void check_matrices(const Plan& plan) {
    std::size_t end = 0;
    for (std::size_t i = 0; i < plan.matrices.size(); ++i) {
      const PlanMatrix& matrix = plan.matrices[i];
      const std::string path = "plan.matrices[" + std::to_string(i) + "]";
      if (matrix.count == 0 || matrix.first < end || matrix.count > plan.tasks.size()
          || matrix.first > plan.tasks.size() - matrix.count) {
        fail(path, "has instances that are no tasks of the plan, or another matrix'");
        return;
      }
      end = matrix.first + matrix.count;
    }
  }

  std::string m_error;
};

} // namespace

std::vector<std::size_t> predecessors_of(const PlanTask& task) {
  std::set<std::size_t> all(task.after.begin(), task.after.end());
  all.insert(task.ordered_after.begin(), task.ordered_after.end());
  return {all.begin(), all.end()};
}

std::vector<StepId> container_order(const Plan& plan) {
  std::vector<StepId> order;
  for (const bool sidecars : {false, true}) {
    for (std::size_t task = 0; task < plan.tasks.size(); ++task) {
      const std::size_t steps = plan.tasks[task].steps.size();
      const std::size_t end = sidecars ? container_count(plan.tasks[task]) : steps;
      for (std::size_t step = sidecars ? steps : 0; step < end; ++step) {
        if (!is_from_start(plan.tasks[task], step)) {
          order.push_back({task, step});
        }
      }
    }
  }
  return order;
}

tl::expected<PlanCare, std::string> care_from_json(std::string_view text) {
  const std::optional<json> document = parse_json(text);
  return document ? PlanReader().read_care(*document)
                  : tl::make_unexpected(std::string("care: is not JSON"));
}

tl::expected<Plan, std::string> plan_from_json(std::string_view text) {
  const std::optional<json> document = parse_json(text);
  if (!document) {
    return tl::make_unexpected("plan: is not JSON, or is nested deeper than "
                               + std::to_string(max_json_depth) + " levels");
  }
  return PlanReader().read(*document);
}

} // namespace taskgroup
