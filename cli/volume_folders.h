// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/plan.h>

#include "cli/run_folder.h"

#include <tl/expected.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace taskgroup {

// Which folder of the host each volume of a plan is. Volumes that one task has alone exist only
// while it runs, and their folders are used again by later tasks: on many disks removing a folder
// takes longer than running a task. Results and step state, which are small, are kept in memory.
//
// `plan` and `folder` must outlive it. Belongs to one thread.
class VolumeFolders {
public:
  // With `keep`, each volume has a folder of its own, by its name, that is left alone.
  VolumeFolders(const Plan& plan, const RunFolder& folder, bool keep);

  // Make what several tasks share, and places for bound files. The error names the path.
  tl::expected<void, std::string> make_shared();

  // Make the folders that the task has alone, empty; done once per task.
  tl::expected<void, std::string> make_for(std::size_t task);

  // The task is over and its processes are gone: empty its folders for others.
  void release(std::size_t task);

  // Return the folder of a volume that a task mounts: of a bound one its source, or the folder in
  // which a bound file appears. Empty if there is none now.
  std::string path_of(const std::string& volume) const;

private:
  struct Own {
    std::string volume;
    bool in_memory = false;
  };

  const Plan& m_plan;
  const RunFolder& m_folder;
  bool m_keep;
  std::vector<std::vector<Own>> m_own;        // by task
  std::map<std::string, std::string> m_paths; // by volume
  std::vector<std::string> m_free;            // empty folders on disk
  std::size_t m_made = 0;
};

} // namespace taskgroup
