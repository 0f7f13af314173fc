// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/diagnostic.h>

#include "webhook/admission/request.h"

#include <string>

namespace taskgroup::admission {

// Write the AdmissionReview that answers a request. With an error among the findings it is denied:
// code 422, reason Invalid, a cause with its field for each error, and all of them in the message,
// a line each. Warnings go along in any case. What no client could show is cut and counted: the
// message at 16 KiB, causes and warnings at 100, one warning at 1,000 bytes.
std::string write_response(const Request& request, const Diagnostics& findings);

} // namespace taskgroup::admission
