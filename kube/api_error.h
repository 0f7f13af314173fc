// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace taskgroup::kube {

// Why a call to the API server failed. Kinds mirror metav1.Status.reason; `transport` covers
// everything that gave no answer from the server itself.
struct ApiError {
  enum class Kind {
    bad_request,
    unauthorized,
    forbidden,
    not_found,
    already_exists,
    conflict,
    expired,   // 410: the resource version is too old; list again
    invalid,   // 422
    too_large, // 413, or the store's refusal of an object over its limit (about 1.5 MiB)
    too_many_requests,
    timeout,
    internal, // any other 5xx
    transport // no connection, TLS, a cut or unreadable answer
  };

  Kind kind = Kind::transport;
  int code = 0;                                    // HTTP status; 0 with `transport`
  std::string reason;                              // of metav1.Status, as sent
  std::string message;                             // subject and detail, for a person
  std::optional<std::chrono::seconds> retry_after; // from Retry-After or details.retryAfterSeconds

  // Tell whether the same call may succeed later, unchanged.
  bool may_pass() const {
    return kind == Kind::too_many_requests || kind == Kind::timeout || kind == Kind::internal
           || kind == Kind::transport;
  }
};

} // namespace taskgroup::kube
