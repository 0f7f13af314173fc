// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/kube_api.h"
#include "kube/timestamp.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace taskgroup::kube {

class FakeStore;

// A kind of object that the fake serves.
struct ServedKind {
  Resource resource;
  std::string kind; // "CustomRun"
  bool namespaced = true;
  bool has_status = false; // has the status subresource

  // Change an object before it is stored, as a structural schema prunes what it does not know.
  std::function<void(Json& object)> prune;

  // Refuse a create (`before` is null) or an update with a message (422), as a schema, CEL or a
  // webhook would. Nothing: accept.
  std::function<std::optional<std::string>(const Json& before, const Json& after)> admit;
};

// One write that came through KubeApi, in the order in which the fake took them.
struct FakeWrite {
  enum class Verb { create, replace, replace_status, patch, remove };
  Verb verb = Verb::create;
  Resource resource;
  ObjectKey key;                  // name is empty in a create with generateName
  Json body;                      // object or patch; of a remove {"uid": …}
  bool applied = false;           // reached the store without an error
  bool changed = false;           // and made a new resourceVersion
  std::optional<ApiError> answer; // the error that the caller got
};

// What becomes of a write.
struct Fate {
  enum class Kind {
    apply,      // as a healthy server does
    lose,       // never arrives; the caller gets Kind::transport
    lose_reply, // is applied; the caller gets Kind::transport
    refuse      // is not applied; the caller gets `error`
  };
  Kind kind = Kind::apply;
  ApiError error;
};

// An API server in memory, for tests: resource versions, generations, UIDs, status subresources,
// preconditions, finalizers, graceful deletion of bound pods, garbage collection by owner, watches
// with replay, bookmarks and 410, logs. It answers as kube-apiserver 1.34 does where a controller
// can notice. Every member may be called from any thread.
//
// Known differences: namespaces need not exist; garbage is collected before remove() returns; core
// v1 Events and those of events.k8s.io are two kinds; no managedFields, no defaulting but a pod's
// phase.
class FakeKubeApi final : public KubeApi {
public:
  // Serve the kinds of core, coordination.k8s.io and events.k8s.io that a controller meets.
  FakeKubeApi();
  ~FakeKubeApi() override;

  // Serve one more kind, or the same one by other rules. Until then it is 404, as without its CRD.
  void serve(ServedKind kind);

  // Take times from `clock` instead of the system's.
  void set_clock(std::function<WallTime()> clock);

  // --- The world beside the controller: no hook, no record ---

  // Store an object as it is, status included: create it or change the one of that name. Returns it
  // with the metadata that the server adds. Throws std::invalid_argument if it is not acceptable.
  Json put(const Resource& resource, Json object);

  // Change a stored object, any part of it. Throws std::invalid_argument if it is not there.
  Json modify(const Resource& resource, const ObjectKey& key,
              const std::function<void(Json& object)>& change);

  // Delete, as `kubectl delete` does: honours finalizers and a pod's grace. False: not there.
  bool erase(const Resource& resource, const ObjectKey& key);

  // Take a terminating pod (or any object) out of the store, as kubelet does once containers have
  // ended, and `kubectl delete --force`. False: not there.
  bool erase_now(const Resource& resource, const ObjectKey& key);

  std::optional<Json> find(const Resource& resource, const ObjectKey& key) const;
  std::vector<Json> all(const Resource& resource) const; // by namespace and name

  // Delete what has owners of which none exists. Runs by itself after each deletion.
  void collect_garbage();

  // --- Faults ---

  // Ask `decide` before each write that comes through KubeApi; null: apply all. It may call the
  // fake.
  void set_write_hook(std::function<Fate(const FakeWrite& write)> decide);

  // Ask before each get, list, watch ("get", "list", "watch", "log"); an error is what the caller
  // gets.
  using ReadHook = std::function<std::optional<ApiError>(
      const std::string& verb, const Resource& resource, const std::string& name)>;
  void set_read_hook(ReadHook decide);

  // --- Records ---

  std::vector<FakeWrite> writes() const;
  void forget_writes();

  // --- Watches ---

  void send_bookmarks(); // to every open watch
  void end_watches();    // as at timeoutSeconds: watch() returns a value
  void break_watches(ApiError error);
  void pause_watches(bool paused); // events are kept back, in order; reads stay fresh

  // Forget the history: a watch from an older resource version gets 410.
  void compact();

  // Hide events from watches for which `hidden` says true: what a lagging or broken watch loses.
  void
  set_event_filter(std::function<bool(const Resource& resource, const WatchEvent& event)> hidden);

  // Open calls, and block until at least so many are open.
  std::size_t open_watches() const;
  std::size_t open_logs() const;
  void wait_for_watches(std::size_t count);
  void wait_for_logs(std::size_t count);

  // --- Logs: of a container of a pod in the store; they go with the pod ---

  // Append to a container's log. Before the first call the server answers that it waits to start.
  void append_log(const ObjectKey& pod, const std::string& container, const std::string& bytes);
  void end_log(const ObjectKey& pod, const std::string& container); // the container has ended
  void cut_logs(const ObjectKey& pod); // open follows end with a value, as when a connection is cut
  // Replace what is kept, as kubelet's rotation does; open follows go on after it.
  void rotate_log(const ObjectKey& pod, const std::string& container, const std::string& kept);

  // --- KubeApi ---
  Result<Json> get(const Resource& resource, const ObjectKey& key, std::stop_token stop) override;
  Result<ObjectList> list(const Resource& resource, const Selector& selector,
                          std::stop_token stop) override;
  Result<Json> create(const Resource& resource, const Json& object, std::stop_token stop) override;
  Result<Json> replace(const Resource& resource, const Json& object, std::stop_token stop) override;
  Result<Json> replace_status(const Resource& resource, const Json& object,
                              std::stop_token stop) override;
  Result<Json> patch(const Resource& resource, const ObjectKey& key, PatchType type,
                     const Json& patch, std::stop_token stop) override;
  Result<void> remove(const Resource& resource, const ObjectKey& key, const std::string& uid,
                      std::stop_token stop) override;
  Result<void> watch(const Resource& resource, const Selector& selector,
                     const std::string& resource_version,
                     const std::function<void(const WatchEvent&)>& on_event,
                     std::stop_token stop) override;
  Result<void> pod_log(const ObjectKey& pod, const std::string& container, bool follow,
                       const std::function<bool(std::string_view)>& on_bytes,
                       std::stop_token stop) override;

private:
  // What a container has written: `kept` begins at `begin` of all its bytes.
  struct Log {
    std::string kept;
    std::int64_t begin = 0;
    bool ended = false;
    std::int64_t end() const { return begin + static_cast<std::int64_t>(kept.size()); }
  };
  using LogKey = std::pair<ObjectKey, std::string>;

  Result<Json> write(FakeWrite request, const std::function<Result<Json>(FakeStore&)>& apply,
                     const std::stop_token& stop);
  std::optional<ApiError> before_read(const std::string& verb, const Resource& resource,
                                      const std::string& name, const std::stop_token& stop) const;
  Json outside(const std::function<Result<Json>(FakeStore&)>& apply);

  mutable std::mutex m_mutex; // of all below
  std::condition_variable_any m_changed;
  std::unique_ptr<FakeStore> m_store;
  std::function<Fate(const FakeWrite&)> m_write_hook;
  ReadHook m_read_hook;
  std::function<bool(const Resource&, const WatchEvent&)> m_hidden;
  std::vector<FakeWrite> m_writes;
  std::map<LogKey, Log> m_logs;
  std::map<ObjectKey, std::uint64_t> m_log_cuts; // how often the logs of a pod were cut
  std::uint64_t m_bookmarks = 0;                 // how often each of these was asked for
  std::uint64_t m_ends = 0;
  std::optional<ApiError> m_break; // of the last end; nothing: an end with a value
  bool m_paused = false;
  std::size_t m_open_watches = 0;
  std::size_t m_open_logs = 0;
};

} // namespace taskgroup::kube
