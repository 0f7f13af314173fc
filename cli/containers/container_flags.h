// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/containers/dialect.h"
#include "cli/containers/images.h"

#include <tl/expected.hpp>

#include <string>
#include <string_view>

namespace taskgroup::containers {

// Return the flags of `run` for Kubernetes' fields of a container (PlanStep::container_fields): the
// user, capabilities, read-only root and privileges of its securityContext, and its limits of cpu
// and memory where the engine can set them. `pod_security` is the pod's own securityContext, below
// the container's; both are JSON objects or empty. The error says why such a container may not be
// started, as kubelet would: runAsNonRoot with an image that runs as root.
tl::expected<Command, std::string> container_flags(const std::string& fields,
                                                   const std::string& pod_security,
                                                   const Image& image, const Dialect& dialect);

// Tell whether that, or the launcher itself, honours a field that has no effect on the host, by its
// path.
bool is_honoured(std::string_view path, const Dialect& dialect);

// Return what `--mount` takes for a folder or file: a record of RFC 4180, since paths may hold
// commas.
std::string mount_flag(const std::string& source, const std::string& target, bool read_only);

} // namespace taskgroup::containers
