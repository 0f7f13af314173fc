// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace taskgroup {

// What the coordinator is told from outside (design.md 4, docs/design/coordinator.md): the content
// of the control file, all that was ever said and not only the last thing.
struct Control {
  struct Lost {
    std::string reason;
    std::string message;
  };

  struct Cancel {
    std::string message;
    bool finally = true; // whether finally tasks run
  };

  std::int64_t seq = 0; // a content with a number not higher than the last one is old
  std::optional<Cancel> cancel;
  std::map<std::string, Lost> lost; // by container

  // A sidecar without an agent, which started with the pod.
  struct Sidecar {
    bool ready = false;
    std::optional<int> exit_code; // of one that has ended
    bool out_of_memory = false;
  };
  std::map<std::string, Sidecar> sidecars; // by container
};

// Read `{"seq":1,"cancel":{"message":"…","finally":true},"lost":{"<container>":{"reason":"…",
// "message":"…"}},"sidecars":{"<container>":{"ready":true,"exitCode":1,"outOfMemory":true}}}`. Only
// `seq` must be there. The error names the field.
tl::expected<Control, std::string> control_from_json(std::string_view json_text);

} // namespace taskgroup
