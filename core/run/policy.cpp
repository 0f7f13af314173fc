// SPDX-License-Identifier: Apache-2.0
#include "core/run/policy.h"

#include "core/run/duration.h"

namespace taskgroup {
namespace {

// A task and a step have these fields by the same names.
template <typename Plan>
bool carry_on(const Plan& plan, const Lookup& lookup) {
  if (!plan.late_on_error) {
    return plan.on_error == Plan::OnError::carry_on;
  }
  const auto text = plan.late_on_error->resolve(lookup);
  return text && *text == "continue";
}

template <typename Plan>
std::optional<Millis> timeout(const Plan& plan, const Lookup& lookup) {
  if (!plan.late_timeout) {
    return plan.timeout;
  }
  const auto text = plan.late_timeout->resolve(lookup);
  const auto limit = text ? parse_duration(*text) : tl::make_unexpected(std::string());
  return limit && *limit != Millis(0) ? std::optional<Millis>(*limit) : std::nullopt;
}

std::string hint(const std::string& value) {
  return value.ends_with('\n') ? "; it ends with a line break, which `printf` leaves out" : "";
}

std::string on_error_problem(const Text& late, const Lookup& lookup) {
  const auto text = late.resolve(lookup);
  if (!text) {
    return "onError: " + text.error().message;
  }
  if (text->empty() || *text == "continue" || *text == "stopAndFail") {
    return "";
  }
  return "onError is \"" + *text + R"(", expected "continue" or "stopAndFail")" + hint(*text);
}

std::string timeout_problem(const Text& late, const Lookup& lookup) {
  const auto text = late.resolve(lookup);
  if (!text) {
    return "timeout: " + text.error().message;
  }
  const auto limit = text->empty() ? Millis(0) : parse_duration(*text);
  return limit ? "" : "timeout: " + limit.error() + hint(*text);
}

template <typename Plan>
std::string problem(const Plan& plan, const Lookup& lookup) {
  std::string found = plan.late_on_error ? on_error_problem(*plan.late_on_error, lookup) : "";
  return found.empty() && plan.late_timeout ? timeout_problem(*plan.late_timeout, lookup) : found;
}

} // namespace

bool carries_on(const PlanTask& task, const Lookup& lookup) { return carry_on(task, lookup); }
bool carries_on(const PlanStep& step, const Lookup& lookup) { return carry_on(step, lookup); }

std::optional<Millis> timeout_of(const PlanTask& task, const Lookup& lookup) {
  return timeout(task, lookup);
}
std::optional<Millis> timeout_of(const PlanStep& step, const Lookup& lookup) {
  return timeout(step, lookup);
}

std::string policy_problem(const PlanTask& task, const Lookup& lookup) {
  return problem(task, lookup);
}
std::string policy_problem(const PlanStep& step, const Lookup& lookup) {
  return problem(step, lookup);
}

} // namespace taskgroup
