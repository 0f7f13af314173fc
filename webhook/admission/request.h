// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <taskgroup/node.h>

#include <tl/expected.hpp>

#include <string>
#include <string_view>

namespace taskgroup::admission {

// What an AdmissionReview asks (admission.k8s.io/v1, AdmissionRequest), as far as it is used.
struct Request {
  std::string uid;
  std::string operation; // CREATE, UPDATE, DELETE, CONNECT
  std::string group;     // of the kind that the webhook's rule names (matchPolicy Equivalent)
  std::string version;
  std::string kind;
  std::string sub_resource; // empty: the object itself
  std::string namespace_name;
  std::string name; // empty where the server makes one of generateName

  Node object;     // null with DELETE
  Node old_object; // null but with UPDATE and DELETE

  // Why the objects could not be read: they break one of the limits (they are then null). Empty:
  // they could.
  std::string unreadable;
};

// Read a review of at most 8 MiB (the two objects of an update, of 3 MiB each at most by the API
// server's own limit, and what is around them). Objects may have 100 levels and 750,000 values, and
// no key twice. The error says why this is no review.
tl::expected<Request, std::string> read_request(std::string_view body);

} // namespace taskgroup::admission
