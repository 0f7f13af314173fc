// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_view.h"

#include "controller/pod_builder.h"
#include "controller/time_text.h"
#include "kube/json_fields.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace taskgroup {

namespace {

// Reasons with which runc and containerd tell that a program was never executed.
bool never_executed(const std::string& reason) {
  return reason == "StartError" || reason == "ContainerCannotRun"
         || reason == "CreateContainerError" || reason == "ContainerStatusUnknown";
}

// Tell whether nothing is left to wait for (pkg/kubelet/images, kuberuntime). kubelet's own limit
// of pulls passes by itself; a pod of many containers whose images are always pulled may meet it.
bool hopeless(const ContainerView& container) {
  if (container.message.find("pull QPS exceeded") != std::string::npos)
    return false;
  static constexpr std::array<std::string_view, 6> reasons{
      "ImagePullBackOff",           "InvalidImageName",     "ErrImageNeverPull",
      "CreateContainerConfigError", "CreateContainerError", "RunContainerError"};
  return std::find(reasons.begin(), reasons.end(), container.reason) != reasons.end();
}

ContainerView view_of(const nlohmann::json& status) {
  ContainerView view;
  view.name = text_at(status, "name");
  view.ready = bool_at(status, "ready");
  const nlohmann::json& state = object_at(status, "state");
  if (state.contains("running")) {
    view.state = ContainerView::State::running;
    view.ever_ran = true;
    view.began = parse_time(text_at(object_at(state, "running"), "startedAt")).value_or(0);
  } else if (const nlohmann::json& over = object_at(state, "terminated"); !over.empty()) {
    view.state = ContainerView::State::terminated;
    view.reason = text_at(over, "reason");
    view.message = text_at(over, "message");
    view.exit_code = static_cast<int>(integer_at(over, "exitCode"));
    view.ever_ran = !text_at(over, "startedAt").empty() && !never_executed(view.reason);
    view.began = parse_time(text_at(over, "startedAt")).value_or(0);
    view.finished = parse_time(text_at(over, "finishedAt")).value_or(0);
  } else if (state.contains("waiting")) {
    const nlohmann::json& waiting = object_at(state, "waiting");
    view.state = ContainerView::State::waiting;
    view.reason = text_at(waiting, "reason");
    view.message = text_at(waiting, "message");
  }
  return view;
}

} // namespace

PodView::PodView(const nlohmann::json& pod) : m_pod(pod) {
  const nlohmann::json& statuses = array_at(object_at(pod, "status"), "containerStatuses");
  for (const nlohmann::json& container : array_at(object_at(pod, "spec"), "containers")) {
    ContainerView view;
    view.name = text_at(container, "name");
    for (const nlohmann::json& status : statuses) {
      if (text_at(status, "name") == view.name)
        view = view_of(status);
    }
    if (view.name == coordinator_container) {
      m_coordinator = std::move(view);
    } else {
      m_others.push_back(std::move(view));
    }
  }
}

std::string PodView::name() const { return text_at(object_at(m_pod, "metadata"), "name"); }
std::string PodView::uid() const { return text_at(object_at(m_pod, "metadata"), "uid"); }

bool PodView::terminating() const {
  return !text_at(object_at(m_pod, "metadata"), "deletionTimestamp").empty();
}

std::int64_t PodView::gone_by() const {
  return parse_time(text_at(object_at(m_pod, "metadata"), "deletionTimestamp")).value_or(0);
}

bool PodView::over() const { return phase() == "Succeeded" || phase() == "Failed"; }
std::string PodView::phase() const { return text_at(object_at(m_pod, "status"), "phase"); }
std::string PodView::reason() const { return text_at(object_at(m_pod, "status"), "reason"); }
std::string PodView::message() const { return text_at(object_at(m_pod, "status"), "message"); }

bool PodView::owned_by(const std::string& uid) const {
  const nlohmann::json& owners = array_at(object_at(m_pod, "metadata"), "ownerReferences");
  return std::any_of(owners.begin(), owners.end(), [&](const nlohmann::json& owner) {
    return bool_at(owner, "controller") && text_at(owner, "uid") == uid;
  });
}

std::string PodView::image_of(const std::string& container) const {
  for (const nlohmann::json& one : array_at(object_at(m_pod, "spec"), "containers")) {
    if (text_at(one, "name") == container)
      return text_at(one, "image");
  }
  return {};
}

bool PodView::any_step_ran() const {
  return std::any_of(m_others.begin(), m_others.end(),
                     [](const ContainerView& container) { return container.ever_ran; });
}

bool PodView::all_came_too_late() const {
  const std::int64_t end = m_coordinator.finished;
  return m_coordinator.state == ContainerView::State::terminated && end != 0
         && std::all_of(m_others.begin(), m_others.end(), [&](const ContainerView& container) {
              if (container.state == ContainerView::State::terminated && !container.ever_ran)
                return true;
              return container.ever_ran && container.began > end; // of the same clock, in seconds
            });
}

std::map<std::string, LostContainer> PodView::lost() const {
  std::map<std::string, LostContainer> lost;
  for (const ContainerView& container : m_others) {
    const bool waiting = container.state == ContainerView::State::waiting;
    const bool failed = container.state == ContainerView::State::terminated && !container.ever_ran;
    if ((waiting && hopeless(container)) || failed)
      lost[container.name] = {container.reason, container.message, waiting};
  }
  return lost;
}

std::string PodView::obstacle() const {
  for (const nlohmann::json& condition : array_at(object_at(m_pod, "status"), "conditions")) {
    if (text_at(condition, "type") == "PodScheduled" && text_at(condition, "status") == "False")
      return text_at(condition, "reason") + ": " + text_at(condition, "message");
  }
  if (m_coordinator.state == ContainerView::State::waiting
      && m_coordinator.reason != "ContainerCreating" && m_coordinator.reason != "PodInitializing")
    return m_coordinator.reason + ": " + m_coordinator.message;
  return {};
}

std::optional<std::size_t> PodView::index_of(const std::string& container) const {
  const nlohmann::json& containers = array_at(object_at(m_pod, "spec"), "containers");
  for (std::size_t index = 0; index < containers.size(); ++index) {
    if (text_at(containers[index], "name") == container)
      return index;
  }
  return std::nullopt;
}

std::vector<std::string> PodView::foreign_running(const std::vector<std::string>& ours) const {
  std::vector<std::string> foreign;
  for (const ContainerView& container : m_others) {
    if (container.state != ContainerView::State::terminated
        && std::find(ours.begin(), ours.end(), container.name) == ours.end())
      foreign.push_back(container.name);
  }
  return foreign;
}

std::string PodView::termination_message() const {
  return m_coordinator.state == ContainerView::State::terminated ? m_coordinator.message
                                                                 : std::string();
}

} // namespace taskgroup
