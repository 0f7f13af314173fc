// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/pod_view.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace taskgroup {

// What a pod's coordinator has been told from outside: the content of the control annotation
// (docs/design/coordinator.md). It holds all that was ever said; a change raises `seq`.
struct PodControl {
  struct Cancel {
    std::string message;
    bool run_finally = true;
    bool timed_out = false; // our own timer, not the author's wish
    std::int64_t at = 0;    // when it was said; milliseconds since the epoch
  };
  struct Lost {
    std::string reason;
    std::string message;
  };

  std::int64_t seq = 0;
  std::optional<Cancel> cancel;
  std::map<std::string, Lost> lost; // by container

  // What kubelet says of a sidecar that started with the pod.
  struct Sidecar {
    bool ready = false;
    std::optional<int> exit_code;
    bool out_of_memory = false;
    friend bool operator==(const Sidecar&, const Sidecar&) = default;
  };
  std::map<std::string, Sidecar> sidecars; // by container
};

// Read the annotation of a pod; nothing said yet, or an annotation that somebody broke, is an empty
// one.
PodControl control_of(const nlohmann::json& pod);

// Return the text of the annotation.
std::string to_text(const PodControl& control);

// Return the start of a JSON patch for this pod and no other of its name.
nlohmann::json patch_for(const PodView& pod);

// Add the writing of the annotation to a JSON patch. The pod has annotations: ours.
void add_control(nlohmann::json& patch, const PodControl& control);

// Add another image for a container, which keeps its command line.
void add_image(nlohmann::json& patch, const PodView& pod, const std::string& container,
               const std::string& image);

// Add the forced end of the whole pod: kubelet stops it at once, log and exit codes stay.
void add_forced_end(nlohmann::json& patch);

// Tell whether the end of the pod was forced already.
bool end_forced(const nlohmann::json& pod);

} // namespace taskgroup
