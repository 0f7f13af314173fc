// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/kube_api.h"
#include "webhook/admission/review.h"
#include "webhook/server/tls_server.h"

#include <functional>
#include <string>

namespace taskgroup {

// The one path that is served.
inline constexpr const char* admission_path = "/validate";

// Return what answers HTTP requests with reviews: POST of application/json on admission_path, 400
// with the reason for what is no AdmissionReview. `on_review` is told of each, from the thread that
// answered it.
HttpHandler admission_handler(FindGroup find_group,
                              std::function<void(const Reviewed& reviewed)> on_review);

// Return what reads a TaskGroup from the API server, in `only_namespace` alone if it is not empty.
// `api` is to give up within a second, for the API server waits for the review meanwhile; it must
// outlive what is returned.
FindGroup group_finder(kube::KubeApi& api, std::string only_namespace);

} // namespace taskgroup
