// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include <tl/expected.hpp>

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace taskgroup {

// The folders of one run. Both roots are made for it and removed at its end.
struct RunFolder {
  std::string root;   // on a disk
  std::string memory; // for what is small: in memory if that can be had, else `root` again

  std::string plan_file() const { return memory + "/plan.json"; }
  std::string control_folder() const { return memory + "/control"; }
  std::string control_file() const { return control_folder() + "/control.json"; }
  std::string sockets() const { return memory + "/sockets"; }
  std::string socket_folder(std::size_t container) const {
    return sockets() + "/" + std::to_string(container);
  }
  std::string volumes() const { return root + "/volumes"; }
  std::string volume(const std::string& name) const { return volumes() + "/" + name; }
  std::string small_volumes() const { return memory + "/small"; }
  std::string small_volume(const std::string& name) const { return small_volumes() + "/" + name; }
  std::string claims() const { return root + "/claims"; }
  std::string given() const { return memory + "/given"; }
  std::string sandbox() const { return root + "/sandbox"; }
};

// Make the folders below the roots and write the plan. The error names the path.
tl::expected<void, std::string> prepare(const RunFolder& folder, const Plan& plan);

// Make a folder with exactly this mode, whatever the umask is; one that is there gets the mode.
tl::expected<void, std::string> make_folder(const std::string& path, mode_t mode);

// Make the folder `relative` below `base`, as kubelet does with a subPath when a container starts;
// a file that is there stays. A link on the way is refused: it may lead out of the volume.
tl::expected<void, std::string> make_below(const std::string& base, const std::string& relative);

// Replace a file as a whole: readers see the old content or the new one.
tl::expected<void, std::string> replace_file(const std::string& path, std::string_view content);

} // namespace taskgroup
