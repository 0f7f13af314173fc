// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/api_error.h"

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace taskgroup::kube {

using Json = nlohmann::json;

// A kind of object as the API server names it in paths.
struct Resource {
  std::string group;   // empty: core
  std::string version; // "v1"
  std::string plural;  // "pods"
  friend auto operator<=>(const Resource&, const Resource&) = default;
};

// Where an object is. `namespace_name` is empty for cluster-wide kinds.
struct ObjectKey {
  std::string namespace_name;
  std::string name;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

// A bounded choice of objects.
struct Selector {
  std::string namespace_name; // empty: all namespaces
  std::string labels;         // label selector, as in the API; empty: all
  std::string fields;         // field selector
};

// Every object of a selection at one moment. Items have apiVersion and kind, as a single read has.
struct ObjectList {
  std::string resource_version;
  std::vector<Json> items;
};

// One change seen by a watch. Of a `bookmark` only metadata.resourceVersion counts.
struct WatchEvent {
  enum class Type { added, modified, deleted, bookmark };
  Type type = Type::added;
  Json object;
};

enum class PatchType { json, merge };

template <typename T>
using Result = tl::expected<T, ApiError>;

// What the rest of the program sees of the API server. Abstract so that it can be faked: the fake
// (fake_kube_api.h) answers as a real server does, the real one (http_kube_api.h) talks to one.
//
// All calls block, may be made from any thread at once, and end early with Kind::transport when
// their stop token asks for it. Objects are JSON; the caller decodes what it uses.
class KubeApi {
public:
  virtual ~KubeApi() = default;

  virtual Result<Json> get(const Resource& resource, const ObjectKey& key,
                           std::stop_token stop) = 0;

  // List in pages of 500; an expired page makes it start over. Consistent with `resource_version`.
  virtual Result<ObjectList> list(const Resource& resource, const Selector& selector,
                                  std::stop_token stop) = 0;

  // Create `object` in its metadata.namespace; return it as stored.
  virtual Result<Json> create(const Resource& resource, const Json& object,
                              std::stop_token stop) = 0;

  // Replace all but the status, or the status subresource; the object's resourceVersion must be the
  // one that was read, otherwise Kind::conflict.
  virtual Result<Json> replace(const Resource& resource, const Json& object,
                               std::stop_token stop) = 0;
  virtual Result<Json> replace_status(const Resource& resource, const Json& object,
                                      std::stop_token stop) = 0;

  virtual Result<Json> patch(const Resource& resource, const ObjectKey& key, PatchType type,
                             const Json& patch, std::stop_token stop) = 0;

  // Delete the object with this UID; another object of the same name is left alone
  // (Kind::conflict). Dependents go in the background.
  virtual Result<void> remove(const Resource& resource, const ObjectKey& key,
                              const std::string& uid, std::stop_token stop) = 0;

  // Watch from a resource version until the server ends it (a value), it breaks (an error, also for
  // an ERROR event inside the stream) or `stop`. Calls `on_event` from the calling thread.
  virtual Result<void> watch(const Resource& resource, const Selector& selector,
                             const std::string& resource_version,
                             const std::function<void(const WatchEvent&)>& on_event,
                             std::stop_token stop) = 0;

  // Read a container's log; with `follow`, until the container ends. Calls `on_bytes` from the
  // calling thread; its answer false ends the call with a value.
  virtual Result<void> pod_log(const ObjectKey& pod, const std::string& container, bool follow,
                               const std::function<bool(std::string_view)>& on_bytes,
                               std::stop_token stop) = 0;
};

} // namespace taskgroup::kube
