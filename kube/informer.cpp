// SPDX-License-Identifier: Apache-2.0
#include "kube/informer.h"

#include <algorithm>
#include <set>
#include <utility>

namespace taskgroup::kube {
namespace {

ObjectKey key_of(const Json& object) {
  const Json& metadata = object.at("metadata");
  return {.namespace_name = metadata.value("namespace", std::string()),
          .name = metadata.value("name", std::string())};
}

std::string version_of(const Json& object) {
  return object.at("metadata").value("resourceVersion", std::string());
}

// A server that ends watches sooner than this would be asked in a tight loop.
constexpr std::chrono::milliseconds shortest_watch{1000};

} // namespace

Informer::Informer(KubeApi& api, Settings settings, OnChange on_change,
                   std::shared_ptr<Clock> clock)
    : m_api(api),
      m_settings(std::move(settings)),
      m_on_change(std::move(on_change)),
      m_clock(std::move(clock)),
      m_backoff(m_settings.backoff) {}

Informer::~Informer() { stop(); }

void Informer::start() {
  m_thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Informer::stop() {
  if (m_thread.joinable()) {
    m_thread.request_stop();
    m_thread.join();
  }
}

Informer::Object Informer::find(const ObjectKey& key) const {
  const std::scoped_lock lock(m_mutex);
  const auto found = m_objects.find(key);
  return found == m_objects.end() ? nullptr : found->second;
}

std::vector<Informer::Object> Informer::all() const {
  const std::scoped_lock lock(m_mutex);
  std::vector<Object> objects;
  objects.reserve(m_objects.size());
  for (const auto& [key, object] : m_objects) {
    objects.push_back(object);
  }
  return objects;
}

std::size_t Informer::size() const {
  const std::scoped_lock lock(m_mutex);
  return m_objects.size();
}

void Informer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (m_version.empty() && !relist(stop)) {
      continue;
    }
    const Clock::Time begun = m_clock->now();
    const auto ended = m_api.watch(
        m_settings.resource, m_settings.selector, m_version,
        [this](const WatchEvent& event) { apply(event); }, stop);
    if (stop.stop_requested()) {
      return;
    }
    if (!ended) {
      if (!ended.error().may_pass()) { // 410, or the kind is gone
        m_version.clear();
      }
      failed(ended.error(), stop);
    } else if (m_clock->now() - begun < shortest_watch) {
      failed({.kind = ApiError::Kind::transport, .message = "the server ended a watch at once"},
             stop);
    } // else the server ends each watch in time, and the next one goes on where it was
  }
}

bool Informer::relist(const std::stop_token& stop) {
  auto list = m_api.list(m_settings.resource, m_settings.selector, stop);
  if (stop.stop_requested()) {
    return false;
  }
  const bool absent = !list && list.error().kind == ApiError::Kind::not_found;
  if (!list && !(absent && m_settings.may_be_absent)) {
    failed(list.error(), stop);
    return false;
  }
  std::set<ObjectKey> there;
  if (list) {
    for (Json& item : list->items) {
      there.insert(key_of(item));
      keep(std::move(item));
    }
  }
  std::vector<ObjectKey> gone;
  {
    const std::scoped_lock lock(m_mutex);
    for (const auto& [key, object] : m_objects) {
      if (!there.contains(key)) {
        gone.push_back(key);
      }
    }
  }
  for (const ObjectKey& key : gone) {
    drop(key);
  }
  m_synced = true;
  if (absent) {
    m_clock->sleep(m_settings.absent_recheck, stop);
    return false;
  }
  m_version = list->resource_version;
  return true;
}

void Informer::apply(const WatchEvent& event) {
  switch (event.type) {
  case WatchEvent::Type::bookmark:
    break;
  case WatchEvent::Type::deleted:
    drop(key_of(event.object));
    break;
  case WatchEvent::Type::added:
  case WatchEvent::Type::modified:
    keep(event.object);
    break;
  }
  m_version = version_of(event.object);
}

void Informer::keep(Json object) {
  const ObjectKey key = key_of(object);
  const Object before = find(key);
  if (before && version_of(*before) == version_of(object)) {
    return; // a list or a watch that was opened again repeats what is known
  }
  object["metadata"].erase("managedFields");
  if (m_settings.transform) {
    m_settings.transform(object);
  }
  const auto after = std::make_shared<const Json>(std::move(object));
  {
    const std::scoped_lock lock(m_mutex);
    m_objects[key] = after;
  }
  m_on_change(key, before, after);
}

void Informer::drop(const ObjectKey& key) {
  Object before;
  {
    const std::scoped_lock lock(m_mutex);
    const auto found = m_objects.find(key);
    if (found == m_objects.end()) {
      return;
    }
    before = std::move(found->second);
    m_objects.erase(found);
  }
  m_on_change(key, before, nullptr);
}

void Informer::failed(const ApiError& error, const std::stop_token& stop) {
  if (m_settings.on_error) {
    m_settings.on_error(error);
  }
  std::chrono::milliseconds delay = m_backoff.next(m_clock->now());
  if (error.retry_after) {
    delay = std::max<std::chrono::milliseconds>(delay, *error.retry_after);
  }
  m_clock->sleep(delay, stop);
}

} // namespace taskgroup::kube
