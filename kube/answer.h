// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/http_transport.h"
#include "kube/kube_api.h"

#include <string>
#include <string_view>

namespace taskgroup::kube {

// Read JSON that nests no deeper than what later recursion over it survives. Nothing: it is none.
std::optional<Json> parse_bounded(std::string_view text);

// Return why a server refused: from the metav1.Status in the body of an answer that is not 2xx,
// else from its HTTP status. `subject` begins the message.
ApiError error_of_answer(const HttpAnswer& answer, const std::string& subject);

// The same of the `object` of an ERROR event in a watch.
ApiError error_of_status(const Json& status, int http_status, const std::string& subject);

// The error of a call that got no whole answer.
ApiError error_of_transport(const std::string& message, const std::string& subject);

} // namespace taskgroup::kube
