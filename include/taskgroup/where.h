// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

namespace taskgroup {

// Say where in the user's input something stands. Cheap to copy: the file name is shared.
struct Where {
  std::shared_ptr<const std::string> file; // null = unknown; "-" = standard input
  int line = 0;                            // from 1; 0 = unknown
  int column = 0;                          // from 1, counted in bytes; 0 = unknown
  std::string path;                        // Kubernetes field path: spec.tasks[1].params[0].value
};

} // namespace taskgroup
