// SPDX-License-Identifier: Apache-2.0
#include "core/planning/policies.h"

#include "core/run/duration.h"

#include <fmt/format.h>

namespace taskgroup {
namespace {

template <typename Planned>
void plan_on_error(const Located& written, const Substitution& substitution, Planned& planned) {
  const Draft draft = substitution.text(written);
  const std::optional<std::string> known = draft.known();
  if (!known)
    planned.late_on_error = draft.to_text();
  else if (*known == "continue")
    planned.on_error = Planned::OnError::carry_on;
  else if (!known->empty() && *known != "stopAndFail")
    substitution.diagnostics().add_error(
        written.where,
        fmt::format("onError is \"{}\"; it can be \"continue\" or \"stopAndFail\"", *known));
}

template <typename Planned>
void plan_timeout(const Located& written, const Substitution& substitution, Planned& planned) {
  const Draft draft = substitution.text(written);
  const std::optional<std::string> known = draft.known();
  if (!known) {
    planned.late_timeout = draft.to_text();
    return;
  }
  if (known->empty())
    return;
  const auto timeout = parse_duration(*known);
  if (!timeout)
    substitution.diagnostics().add_error(written.where, timeout.error());
  else if (timeout->count() != 0)
    planned.timeout = *timeout;
}

} // namespace

void plan_policies(const PipelineTask& task, const Located& timeout,
                   const Substitution& substitution, PlanTask& planned) {
  planned.retries = task.retries;
  plan_timeout(timeout, substitution, planned);
  plan_on_error(task.on_error, substitution, planned);
}

void plan_policies(const Step& step, const Substitution& substitution, PlanStep& planned) {
  plan_on_error(step.on_error, substitution, planned);
  plan_timeout(step.timeout, substitution, planned);
}

} // namespace taskgroup
