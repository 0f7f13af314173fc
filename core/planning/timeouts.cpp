// SPDX-License-Identifier: Apache-2.0
#include "core/planning/timeouts.h"

#include "core/planning/timeout_limits.h"
#include "core/run/duration.h"

#include <optional>

namespace taskgroup {
namespace {

constexpr const char* default_timeout = "60m"; // stock's default-timeout-minutes

const Located& first_set(const Located& first, const Located& second) {
  return first.text.empty() ? second : first;
}

// Return the duration of a text; nothing, and an error, if it is none.
std::optional<Millis> read(const Located& text, Diagnostics& diagnostics) {
  if (text.text.empty())
    return std::nullopt;
  const auto parsed = parse_duration(text.text);
  if (parsed)
    return *parsed;
  diagnostics.add_error(text.where, parsed.error());
  return std::nullopt;
}

std::optional<Millis> unless_zero(std::optional<Millis> limit) {
  return limit == Millis(0) ? std::nullopt : limit;
}

} // namespace

void plan_timeouts(const GroupSpec& group, const RunRequest& request, Plan& plan,
                   Diagnostics& diagnostics) {
  const Located& tasks = first_set(request.tasks_timeout, group.run.tasks_timeout);
  const Located& finally = first_set(request.finally_timeout, group.run.finally_timeout);
  const Located by_default{default_timeout, request.where};
  const Located& whole = first_set(request.timeout, by_default);
  check_timeouts(whole, tasks, finally, diagnostics);

  plan.whole = unless_zero(read(whole, diagnostics));
  plan.tasks_timeout = unless_zero(read(tasks, diagnostics));
  plan.finally_timeout = unless_zero(read(finally, diagnostics));
  if (!plan.whole)
    return;
  if (plan.tasks_timeout && finally.text.empty())
    plan.finally_timeout = unless_zero(*plan.whole - *plan.tasks_timeout);
  if (plan.finally_timeout && tasks.text.empty())
    plan.tasks_timeout = unless_zero(*plan.whole - *plan.finally_timeout);
}

} // namespace taskgroup
