// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace taskgroup {

// Expand `$(NAME)` as kubelet does in a container's command, args and env: a name that is not in
// `variables` stays as it is, `$$` becomes `$` and takes away the meaning of a following `(NAME)`
// (Kubernetes' third_party/forked/golang/expansion).
std::string expand_variables(std::string_view text,
                             const std::map<std::string, std::string>& variables);

} // namespace taskgroup
