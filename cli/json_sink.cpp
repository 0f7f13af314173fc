// SPDX-License-Identifier: Apache-2.0
#include "cli/status_sink.h"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace taskgroup {

namespace {

class JsonSink : public StatusSink {
public:
  explicit JsonSink(const Plan& plan) : m_plan(plan) {}

  void notice(std::string_view text) override { print({{"event", "notice"}, {"message", text}}); }

  void event(const nlohmann::json&, std::string_view line) override {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
  }

  void output(std::size_t task, std::size_t step, bool is_stderr, std::string_view line) override {
    const PlanTask& planned = m_plan.tasks[task];
    print({{"event", "output"},
           {"task", planned.name},
           {step < planned.steps.size() ? "step" : "sidecar", container_at(planned, step).name},
           {"stream", is_stderr ? "stderr" : "stdout"},
           {"line", line}});
  }

  void held(const HeldStep& step) override {
    print({{"event", "held"},
           {"task", step.task},
           {"step", step.step},
           {"look", step.look},
           {"goOn", step.go_on},
           {"fail", step.fail}});
  }

private:
  static void print(const nlohmann::ordered_json& object) {
    // Steps write any bytes they like; JSON is UTF-8.
    const std::string text =
        object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
  }

  const Plan& m_plan;
};

} // namespace

std::unique_ptr<StatusSink> make_json_sink(const Plan& plan) {
  return std::make_unique<JsonSink>(plan);
}

} // namespace taskgroup
