// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/plan.h>

#include "core/run/handler_kinds.h"
#include "core/run/json_writer.h"

namespace taskgroup {
namespace {

// Fields that hold their default are left out: plan_from_json() puts it back.
class PlanWriter {
public:
  explicit PlanWriter(PlanParts parts) : m_parts(parts) {}

  std::string write(const Plan& plan) {
    m_json.begin_object();
    number("version", plan.version);
    text("group", plan.group);
    text("nonce", plan.nonce);
    list("tasks", plan.tasks);
    list("matrices", plan.matrices);
    if (m_parts == PlanParts::all) {
      list("volumes", plan.volumes);
      text("podTemplate", plan.pod_template);
    }
    list("results", plan.results);
    millis("timeout", plan.whole);
    millis("tasksTimeout", plan.tasks_timeout);
    millis("finallyTimeout", plan.finally_timeout);
    number("maxParallel", plan.max_parallel);
    flag("failFast", plan.fail_fast);
    flag("launchOnDemand", plan.launch_on_demand);
    flag("reportTaskResults", plan.report_task_results);
    m_json.end_object();
    return m_json.str();
  }

  std::string write_alone(const PlanCare& care) {
    write(care);
    return m_json.str();
  }

private:
  void write(const std::string& text) { m_json.text(text); }

  void write(std::size_t number) { m_json.number(static_cast<std::int64_t>(number)); }

  void write(const Reference& reference) { m_json.text(reference.name()); }

  // A literal is a string; otherwise an array of strings and {"ref": name}.
  void write(const Text& text) {
    if (text.is_literal()) {
      m_json.text(text.literal());
      return;
    }
    m_json.begin_array();
    for (const Text::Segment& segment : text.segments()) {
      if (const auto* reference = std::get_if<Reference>(&segment)) {
        m_json.begin_object();
        m_json.key("ref");
        write(*reference);
        m_json.end_object();
      } else {
        write(std::get<std::string>(segment));
      }
    }
    m_json.end_array();
  }

  void write(const PlanWhen& when) {
    m_json.begin_object();
    text("input", when.input);
    text("operator", when.negated ? "notin" : "in");
    list("values", when.values);
    m_json.end_object();
  }

  void write(const PlanEnv& env) {
    m_json.begin_object();
    text("name", env.name);
    text("value", env.value);
    text("valueFrom", env.value_from);
    m_json.end_object();
  }

  void write(const PlanVolume& volume) {
    m_json.begin_object();
    text("name", volume.name);
    flag("bound", volume.kind == PlanVolume::Kind::bound);
    text("source", volume.source);
    flag("readOnly", volume.read_only);
    flag("memory", volume.memory);
    text("sizeLimit", volume.size_limit);
    m_json.end_object();
  }

  void write(const PlanMount& mount) {
    m_json.begin_object();
    text("volume", mount.volume);
    text("path", mount.path);
    text("subPath", mount.sub_path);
    flag("readOnly", mount.read_only);
    m_json.end_object();
  }

  void write(int number) { m_json.number(number); }

  void write(const PlanHandler& handler) {
    m_json.begin_object();
    text("kind", std::string(handler_kinds.at(static_cast<std::size_t>(handler.kind))));
    list("exec", handler.command);
    text("host", handler.host);
    number("port", handler.port);
    text("path", handler.path);
    list("headers", handler.headers);
    millis("duration", handler.duration);
    m_json.end_object();
  }

  void write(const PlanProbe& probe) {
    m_json.begin_object();
    object("handler", std::optional(probe.handler));
    millis("initialDelay", probe.initial_delay);
    millis("period", probe.period);
    millis("timeout", probe.timeout);
    number("successThreshold", probe.success_threshold);
    number("failureThreshold", probe.failure_threshold);
    millis("grace", probe.grace);
    m_json.end_object();
  }

  void write(const PlanCare& care) {
    m_json.begin_object();
    object("startup", care.startup);
    object("readiness", care.readiness);
    object("liveness", care.liveness);
    object("postStart", care.post_start);
    object("preStop", care.pre_stop);
    millis("grace", care.grace);
    m_json.end_object();
  }

  void write(const PlanSidecar& sidecar) {
    m_json.begin_object();
    step_fields(sidecar);
    object("care", std::optional(sidecar.care));
    list("ports", sidecar.ports);
    flag("fromStart", sidecar.from_start);
    m_json.end_object();
  }

  void write(const PlanStep& step) {
    m_json.begin_object();
    step_fields(step);
    m_json.end_object();
  }

  void step_fields(const PlanStep& step) {
    text("name", step.name);
    text("container", step.container);
    optional_text("script", step.script);
    text("workingDir", step.working_dir);
    flag("continueOnError", step.on_error == PlanStep::OnError::carry_on);
    millis("timeout", step.timeout);
    optional_text("lateOnError", step.late_on_error);
    optional_text("lateTimeout", step.late_timeout);
    list("when", step.when);
    list("results", step.results);
    text("stdoutPath", step.stdout_path);
    text("stderrPath", step.stderr_path);
    flag("pauseBefore", step.pause_before);
    flag("pauseOnFailure", step.pause_on_failure);
    if (m_parts == PlanParts::all) {
      list("command", step.command);
      list("args", step.args);
      list("env", step.env);
      text("image", step.image);
      list("mounts", step.mounts);
      text("containerFields", step.container_fields);
    }
  }

  void write(const PlanResult& result) {
    m_json.begin_object();
    text("name", result.name);
    text("type", std::string(to_string(result.type)));
    list("keys", result.keys);
    if (result.value) {
      m_json.key("value");
      write(*result.value);
    }
    m_json.end_object();
  }

  void write(const PlanParamCheck& check) {
    m_json.begin_object();
    text("param", check.param);
    text("value", check.value);
    list("allowed", check.allowed);
    m_json.end_object();
  }

  void write(const PlanTask& task) {
    m_json.begin_object();
    text("name", task.name);
    flag("finally", task.is_finally);
    list("after", task.after);
    list("orderedAfter", task.ordered_after);
    list("when", task.when);
    list("needs", task.needs);
    list("checks", task.checks);
    number("retries", task.retries);
    millis("timeout", task.timeout);
    flag("continueOnError", task.on_error == PlanTask::OnError::carry_on);
    optional_text("lateTimeout", task.late_timeout);
    optional_text("lateOnError", task.late_on_error);
    list("steps", task.steps);
    list("sidecars", task.sidecars);
    list("results", task.results);
    list("emptied", task.emptied);
    m_json.end_object();
  }

  void write(const PlanMatrixParam& param) {
    m_json.begin_object();
    text("name", param.name);
    list("values", param.values);
    m_json.end_object();
  }

  void write(const PlanMatrixInclude& include) {
    m_json.begin_object();
    list("params", include.params);
    m_json.end_object();
  }

  void write(const PlanMatrix& matrix) {
    m_json.begin_object();
    text("task", matrix.task);
    number("first", static_cast<int>(matrix.first));
    number("count", static_cast<int>(matrix.count));
    list("params", matrix.params);
    list("include", matrix.include);
    list("defaults", matrix.defaults);
    m_json.end_object();
  }

  void write(const PlanGroupResult& result) {
    m_json.begin_object();
    text("name", result.name);
    text("type", std::string(to_string(result.type)));
    list("keys", result.keys);
    list("values", result.values);
    m_json.end_object();
  }

  template <typename T>
  void list(std::string_view name, const std::vector<T>& elements) {
    if (elements.empty()) {
      return;
    }
    m_json.key(name);
    m_json.begin_array();
    for (const T& element : elements) {
      write(element);
    }
    m_json.end_array();
  }

  template <typename T>
  void object(std::string_view name, const std::optional<T>& value) {
    if (value) {
      m_json.key(name);
      write(*value);
    }
  }

  void text(std::string_view name, const Text& text) {
    if (!text.empty()) {
      m_json.key(name);
      write(text);
    }
  }

  void optional_text(std::string_view name, const std::optional<Text>& text) {
    if (text) {
      m_json.key(name);
      write(*text);
    }
  }

  void flag(std::string_view name, bool value) {
    if (value) {
      m_json.key(name);
      m_json.boolean(true);
    }
  }

  void number(std::string_view name, int value) {
    if (value != 0) {
      m_json.key(name);
      m_json.number(value);
    }
  }

  void millis(std::string_view name, const std::optional<Millis>& value) {
    if (value) {
      m_json.key(name);
      m_json.number(value->count());
    }
  }

  JsonWriter m_json;
  PlanParts m_parts;
};

} // namespace

std::string to_json(const PlanCare& care) { return PlanWriter(PlanParts::all).write_alone(care); }

std::string to_json(const Plan& plan, PlanParts parts) { return PlanWriter(parts).write(plan); }

} // namespace taskgroup
