// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/kube_api.h"

namespace taskgroup::kube {

// Kinds of Kubernetes' own that a controller meets.
inline const Resource pods{.group = "", .version = "v1", .plural = "pods"};
inline const Resource config_maps{.group = "", .version = "v1", .plural = "configmaps"};
inline const Resource secrets{.group = "", .version = "v1", .plural = "secrets"};
inline const Resource service_accounts{.group = "", .version = "v1", .plural = "serviceaccounts"};
inline const Resource claims{.group = "", .version = "v1", .plural = "persistentvolumeclaims"};
inline const Resource limit_ranges{.group = "", .version = "v1", .plural = "limitranges"};
inline const Resource resource_quotas{.group = "", .version = "v1", .plural = "resourcequotas"};
inline const Resource nodes{.group = "", .version = "v1", .plural = "nodes"};
inline const Resource namespaces{.group = "", .version = "v1", .plural = "namespaces"};
inline const Resource events{.group = "events.k8s.io", .version = "v1", .plural = "events"};
inline const Resource leases{.group = "coordination.k8s.io", .version = "v1", .plural = "leases"};

// Return the apiVersion of its objects: "v1", "events.k8s.io/v1".
inline std::string api_version_of(const Resource& resource) {
  return resource.group.empty() ? resource.version : resource.group + "/" + resource.version;
}

} // namespace taskgroup::kube
