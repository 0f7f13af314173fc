// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// What can be read off a pod of ours as the API server shows it. Pure.
namespace taskgroup {

// What kubelet says of a container.
struct ContainerView {
  enum class State { unknown, waiting, running, terminated };
  std::string name;
  State state = State::unknown; // unknown: kubelet has said nothing yet
  std::string reason;           // of waiting or terminated
  std::string message;
  int exit_code = 0;         // of terminated
  bool ever_ran = false;     // a process of it was started
  bool ready = false;        // by its readiness probe, if it has one
  std::int64_t began = 0;    // of running or terminated; milliseconds since the epoch, 0: unknown
  std::int64_t finished = 0; // of terminated; milliseconds since the epoch
};

// Why a container cannot start, or has never been able to.
struct LostContainer {
  std::string reason; // kubelet's: ImagePullBackOff, CreateContainerConfigError, StartError …
  std::string message;
  bool waiting = false; // still waiting: another image would let it start
};

// A pod of ours.
class PodView {
public:
  // `pod` must outlive the view.
  explicit PodView(const nlohmann::json& pod);

  std::string name() const;
  std::string uid() const;
  bool terminating() const;     // has a deletionTimestamp
  std::int64_t gone_by() const; // when the pod should be gone: its deletionTimestamp; 0: none
  bool over() const;            // phase Succeeded or Failed: no container runs or will
  std::string phase() const;
  std::string reason() const;  // of the pod: Evicted, NodeLost, UnexpectedAdmissionError …
  std::string message() const; // of the pod

  // Tell whether this UID controls the pod.
  bool owned_by(const std::string& uid) const;

  const ContainerView& coordinator() const { return m_coordinator; }
  const std::vector<ContainerView>& others() const { return m_others; } // in the pod's order

  // Tell whether a process of any step, sidecar or foreign container was ever started. A container
  // whose program could not be executed counts as not started.
  bool any_step_ran() const;

  // Tell whether kubelet says of every other container that it was started after the coordinator's
  // end, or never can be: then none was told to do anything. False while one may still start.
  bool all_came_too_late() const;

  // Containers of the group's steps that will not start, by name: kubelet gave up on them, or only
  // tries again what cannot succeed. ErrImagePull is not among them until kubelet backs off.
  std::map<std::string, LostContainer> lost() const;

  // Return why the pod has not begun to run, for people: not scheduled, the coordinator waits for
  // its image …; empty: nothing is known to stand in its way.
  std::string obstacle() const;

  // Return the position of a container in the pod's spec, for patches; nothing: there is none.
  std::optional<std::size_t> index_of(const std::string& container) const;

  // Return the image of a container in the pod's spec; empty: there is no such container.
  std::string image_of(const std::string& container) const;

  // Names of running or waiting containers that are not in the pod's spec as we made it: injected
  // by somebody's webhook. `ours` are the names that the outline knows.
  std::vector<std::string> foreign_running(const std::vector<std::string>& ours) const;

  // Return what the coordinator left as termination message; empty: nothing.
  std::string termination_message() const;

private:
  const nlohmann::json& m_pod;
  ContainerView m_coordinator;
  std::vector<ContainerView> m_others;
};

} // namespace taskgroup
