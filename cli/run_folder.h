// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <tl/expected.hpp>

#include <cstddef>
#include <string>

namespace taskgroup {

// The folders of one run, all below one folder that is removed at its end.
struct RunFolder {
  std::string root;

  std::string plan_file() const { return root + "/plan.json"; }
  std::string control_folder() const { return root + "/control"; }
  std::string control_file() const { return control_folder() + "/control.json"; }
  std::string sockets() const { return root + "/sockets"; }
  std::string socket_folder(std::size_t container) const {
    return sockets() + "/" + std::to_string(container);
  }
  std::string volumes() const { return root + "/volumes"; }
  std::string volume(const std::string& name) const { return volumes() + "/" + name; }
  std::string sandbox() const { return root + "/sandbox"; }
};

// Make the folders below root, write the plan and make its volumes. The error names the path.
tl::expected<void, std::string> prepare(const RunFolder& folder, const Plan& plan);

// Make the subPath folders of a step's volumes, as kubelet does when a container starts. A link on
// the way that leads out of the volume is refused.
tl::expected<void, std::string> make_sub_paths(const Plan& plan, const RunFolder& folder,
                                               const PlanStep& step);

// Replace a file as a whole: readers see the old content or the new one.
tl::expected<void, std::string> replace_file(const std::string& path, std::string_view content);

} // namespace taskgroup
