// SPDX-License-Identifier: Apache-2.0
#include "core/planning/annotations.h"

namespace taskgroup {

void check_annotations(const ObjectReader& object) {
  const Node* metadata = object.find("metadata");
  const Node* annotations = metadata == nullptr ? nullptr : metadata->find("annotations");
  const Node* mode = annotations == nullptr
                         ? nullptr
                         : annotations->find("experimental.tekton.dev/execution-mode");
  if (mode != nullptr && mode->text() == "hermetic")
    object.error(
        "metadata.annotations",
        "experimental.tekton.dev/execution-mode: hermetic steps are not supported, for all "
        "steps of a group share one network; run the Task as one of its own, or let a "
        "NetworkPolicy close the network of the group's pod");
}

} // namespace taskgroup
