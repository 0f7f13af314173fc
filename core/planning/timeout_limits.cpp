// SPDX-License-Identifier: Apache-2.0
#include "core/planning/timeout_limits.h"

#include "core/run/duration.h"

#include <fmt/format.h>

#include <optional>

namespace taskgroup {
namespace {

std::optional<std::chrono::milliseconds> limit(const Located& text) {
  const auto parsed = parse_duration(text.text);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

} // namespace

void check_timeouts(const Located& whole, const Located& tasks, const Located& finally,
                    Diagnostics& diagnostics) {
  using std::chrono::milliseconds;
  const auto all = limit(whole);
  if (!all || *all == milliseconds(0))
    return;
  bool fits = true;
  for (const Located* part : {&tasks, &finally}) {
    const auto own = limit(*part);
    if (!own || (*own != milliseconds(0) && *own <= *all))
      continue;
    fits = false;
    diagnostics.add_error(part->where,
                          fmt::format("found \"{}\"{}, expected at most the limit of the whole, {}",
                                      part->text, *own == milliseconds(0) ? ", no limit" : "",
                                      whole.text));
  }
  const auto tasks_limit = limit(tasks);
  const auto finally_limit = limit(finally);
  if (fits && tasks_limit && finally_limit && *tasks_limit + *finally_limit > *all)
    diagnostics.add_error(
        finally.where,
        fmt::format("{} for tasks and {} for finally are more than the limit of the whole, {}",
                    tasks.text, finally.text, whole.text));
}

} // namespace taskgroup
