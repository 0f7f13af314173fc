// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/backoff.h"
#include "kube/clock.h"
#include "kube/kube_api.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace taskgroup::kube {

// A local copy of a selection of objects: lists them, then watches; lists again where the watch
// has expired (410). Breaks are waited out with a growing delay. One thread of its own, one
// connection while it watches.
//
// The copy may lag behind the server. Resource versions are compared for equality only.
class Informer {
public:
  using Object = std::shared_ptr<const Json>;

  // Called from the informer's thread after the copy has changed. `before` is null for an object
  // that came, `after` for one that went. While it runs no further change is read.
  using OnChange =
      std::function<void(const ObjectKey& key, const Object& before, const Object& after)>;

  struct Settings {
    Resource resource;
    Selector selector;

    // Take out of an object what nobody reads, before it is kept. metadata.managedFields is gone
    // already; name, namespace, uid and resourceVersion must stay.
    std::function<void(Json& object)> transform;

    // The server may not know this kind (404): there are none of it then, and it is asked again
    // now and then.
    bool may_be_absent = false;

    // Told of each failure that is waited out, from the informer's thread.
    std::function<void(const ApiError& error)> on_error;

    Backoff::Settings backoff;
    std::chrono::seconds absent_recheck{300};
  };

  // `api` and what `clock` points to must outlive the informer. Nothing happens before start().
  Informer(KubeApi& api, Settings settings, OnChange on_change,
           std::shared_ptr<Clock> clock = system_clock());
  ~Informer(); // stops

  void start();
  void stop(); // ends the watch and waits for the thread; not from a callback

  // Tell whether the first list has been read and handed to the callback. May be asked by any
  // thread.
  bool has_synced() const { return m_synced; }

  // Look up objects of the copy; null: not there. From any thread.
  Object find(const ObjectKey& key) const;
  std::vector<Object> all() const; // by namespace and name
  std::size_t size() const;

private:
  void run(const std::stop_token& stop);
  bool relist(const std::stop_token& stop);
  void apply(const WatchEvent& event);
  void keep(Json object);
  void drop(const ObjectKey& key);
  void failed(const ApiError& error, const std::stop_token& stop);

  KubeApi& m_api;
  Settings m_settings;
  OnChange m_on_change;
  std::shared_ptr<Clock> m_clock;
  Backoff m_backoff;
  std::string m_version; // to watch from; empty: list first
  std::atomic<bool> m_synced = false;
  mutable std::mutex m_mutex; // of m_objects, which only the informer's thread changes
  std::map<ObjectKey, Object> m_objects;
  std::jthread m_thread;
};

} // namespace taskgroup::kube
