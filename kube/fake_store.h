// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/fake_kube_api.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace taskgroup::kube {

// The rules of an API server's storage, without threads, hooks and transport: what FakeKubeApi
// keeps.
class FakeStore {
public:
  // One step of the history. `before` is null for a creation, `after` for a deletion; of a deletion
  // `last` is the object with the resource version of its end.
  struct Change {
    Resource resource;
    Json before;
    Json after;
    Json last;
  };

  // Which part of an object an update may change.
  enum class Part { all_but_status, status, everything };

  void serve(ServedKind kind);
  void set_clock(std::function<WallTime()> clock) { m_clock = std::move(clock); }
  void on_gone(std::function<void(const Resource&, const ObjectKey&)> gone) {
    m_gone = std::move(gone);
  }

  Result<Json> get(const Resource& resource, const ObjectKey& key) const;
  Result<ObjectList> list(const Resource& resource, const Selector& selector) const;
  Result<Json> create(const Resource& resource, Json object, Part part);
  Result<Json> update(const Resource& resource, const Json& object, Part part);
  Result<Json> patch(const Resource& resource, const ObjectKey& key, PatchType type,
                     const Json& patch);

  // Delete; `uid` empty: whichever object has the name. `now`: whatever finalizers and grace say.
  Result<void> remove(const Resource& resource, const ObjectKey& key, const std::string& uid,
                      bool now);
  void collect_garbage();

  std::uint64_t version() const { return m_version; }
  std::uint64_t oldest() const {
    return m_version - m_history.size();
  } // that a watch may start from
  const Change& change(std::uint64_t version) const { // that made this version
    return m_history.at(static_cast<std::size_t>(version - oldest() - 1));
  }
  void compact() { m_history.clear(); }
  Result<void> check_served(const Resource& resource) const;

private:
  struct Kept {
    ServedKind kind;
    std::map<ObjectKey, Json> objects;
  };

  Result<Json> store_update(Kept& kept, const Json& before, Json after, Part part);
  Json commit(Kept& kept, const ObjectKey& key, const Json& before, Json after);
  void drop(Kept& kept, const ObjectKey& key);
  std::optional<ApiError> check(const ServedKind& kind, const Json& before,
                                const Json& after) const;
  bool exists(const std::string& uid) const;
  std::string new_uid();

  std::map<Resource, Kept> m_kinds;
  std::vector<Change> m_history;
  std::uint64_t m_version = 100; // as on a server that has been in use
  std::uint64_t m_uids = 0;
  std::function<WallTime()> m_clock = [] { return std::chrono::system_clock::now(); };
  std::function<void(const Resource&, const ObjectKey&)> m_gone;
};

} // namespace taskgroup::kube
