// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/nearest.h>

#include "core/planning/decode.h"

#include <fmt/format.h>

#include <array>

namespace taskgroup {
namespace {

// What `breakpoints` of a TaskRun and of a group have in common.
Breakpoints decode_one(const ObjectReader& reader) {
  constexpr std::array<std::string_view, 1> values = {"enabled"};
  Breakpoints breakpoints;
  breakpoints.where = reader.where();
  const Located on_failure = reader.text("onFailure");
  breakpoints.on_failure = on_failure.text == values.front();
  if (reader.has("onFailure") && !breakpoints.on_failure)
    reader.error("onFailure", fmt::format("found \"{}\", expected \"enabled\"{}; leave it out if "
                                          "failed steps are not to be held",
                                          on_failure.text, did_you_mean(on_failure.text, values)));
  breakpoints.before_steps = reader.texts("beforeSteps");
  if (!reader.has("onFailure") && breakpoints.before_steps.empty()
      && !reader.is_written("beforeSteps"))
    reader.error({}, "says of no step when it is held; give `onFailure: enabled`, or steps in "
                     "`beforeSteps`");
  return breakpoints;
}

} // namespace

std::vector<Breakpoints> decode_breakpoints(const ObjectReader& reader) {
  std::vector<Breakpoints> all;
  for (const ObjectReader& one : reader.objects("breakpoints")) {
    const Located task = one.required_text("task", "it says which task is meant");
    all.push_back(decode_one(one));
    all.back().task = task;
  }
  return all;
}

std::vector<Breakpoints> decode_debug(const ObjectReader& reader, const Located& task) {
  const auto debug = reader.object("debug");
  const auto breakpoints = debug ? debug->object("breakpoints") : std::nullopt;
  if (!breakpoints)
    return {};
  Breakpoints one = decode_one(*breakpoints);
  one.task = task;
  return {one};
}

} // namespace taskgroup
