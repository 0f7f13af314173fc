// SPDX-License-Identifier: Apache-2.0
#include "controller/cleanup.h"

#include "controller/pod_control.h"
#include "controller/pod_view.h"
#include "controller/time_text.h"
#include "kube/json_fields.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace taskgroup {

namespace {

// Those that end by themselves when the group has ended. Sidecars that started with the pod do not.
std::vector<std::string> own_containers(const Json& pod) {
  std::vector<std::string> names;
  if (const auto outline = outline_of(pod)) {
    for (const Outline::Task& task : outline->tasks) {
      for (const Outline::Step& step : containers_of(task)) {
        if (!step.from_start)
          names.push_back(step.container);
      }
    }
  }
  return names;
}

std::string image_of(const Json& pod, const std::string& container) {
  for (const Json& one : array_at(object_at(pod, "spec"), "containers")) {
    if (text_at(one, "name") == container)
      return text_at(one, "image");
  }
  return {};
}

// When the pod had nothing left to do.
std::int64_t over_since(const CustomRun& run) {
  if (!run.done())
    return run.started; // of the attempt that has followed
  return parse_time(text_at(object_at(run.object, "status"), "completionTime")).value_or(0);
}

} // namespace

Next end_pod(const Json& pod, std::int64_t since, std::int64_t now,
             const std::string& agent_image) {
  const PodView view(pod);
  if (now >= since + end_patience) {
    if (end_forced(pod))
      return next::Nothing{};
    Json patch = patch_for(view);
    add_forced_end(patch);
    return next::PatchPod{patch,
                          {{true, "PodForcedToEnd",
                            fmt::format("Pod \"{}\" was still running {} s after its end",
                                        view.name(), end_patience / 1000)}}};
  }
  if (now >= since + foreign_patience) {
    Json patch = patch_for(view);
    const std::size_t empty = patch.size();
    for (const std::string& container : view.foreign_running(own_containers(pod))) {
      if (image_of(pod, container) != agent_image)
        add_image(patch, view, container, agent_image);
    }
    if (patch.size() > empty)
      return next::PatchPod{patch, {}};
    return next::Wait{since + end_patience};
  }
  return next::Wait{since + foreign_patience};
}

Next clean_up(const CustomRun& run, const Json& pod, std::int64_t now,
              const std::string& agent_image) {
  const PodView view(pod);
  if (view.over() || view.terminating())
    return next::Nothing{};
  if (!run.done() && (view.uid() == run.pod_uid() || run.pod_uid().empty())
      && view.name() == pod_name_of(run))
    return next::Nothing{}; // the current attempt's
  if (!view.coordinator().ever_ran)
    return next::DeletePod{view.name(), view.uid()};
  return end_pod(pod, over_since(run), now, agent_image);
}

} // namespace taskgroup
