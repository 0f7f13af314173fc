// SPDX-License-Identifier: Apache-2.0
#include "kube/fake_kube_api.h"

#include "kube/fake_store.h"
#include "kube/resources.h"
#include "kube/term_selector.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace taskgroup::kube {
namespace {

ApiError transport_error(std::string message) {
  return ApiError{.kind = ApiError::Kind::transport,
                  .code = 0,
                  .reason = {},
                  .message = std::move(message),
                  .retry_after = {}};
}

ApiError stopped() { return transport_error("stopped by the caller"); }

ApiError expired(const std::string& version, std::uint64_t oldest) {
  return ApiError{.kind = ApiError::Kind::expired,
                  .code = 410,
                  .reason = "Expired",
                  .message =
                      "too old resource version: " + version + " (" + std::to_string(oldest) + ")",
                  .retry_after = {}};
}

ServedKind built_in(const Resource& resource, const char* kind, bool has_status,
                    bool namespaced = true) {
  return ServedKind{.resource = resource,
                    .kind = kind,
                    .namespaced = namespaced,
                    .has_status = has_status,
                    .prune = {},
                    .admit = {}};
}

// Counts the calls that are open, so that tests can wait for them.
class Opened {
public:
  explicit Opened(std::size_t& count) : m_count(count) { ++m_count; }
  ~Opened() { --m_count; }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

private:
  std::size_t& m_count;
};

// Which objects a watch shows.
struct Filter {
  std::string namespace_name;
  TermSelector labels;
  TermSelector fields;

  bool shows(const Json& object) const {
    return object.is_object()
           && (namespace_name.empty()
               || object["metadata"].value("namespace", std::string()) == namespace_name)
           && labels.matches(object) && fields.matches(object);
  }

  // An object that enters or leaves the selection is added to or deleted from what the watch shows.
  std::optional<WatchEvent> event_of(const FakeStore::Change& change) const {
    const bool was = shows(change.before);
    const bool is = shows(change.after);
    if (!was && !is) {
      return std::nullopt;
    }
    if (!was) {
      return WatchEvent{.type = WatchEvent::Type::added, .object = change.after};
    }
    if (is) {
      return WatchEvent{.type = WatchEvent::Type::modified, .object = change.after};
    }
    Json last = change.after.is_null() ? change.last : change.before;
    if (!change.after.is_null()) {
      last["metadata"]["resourceVersion"] = change.after["metadata"]["resourceVersion"];
    }
    return WatchEvent{.type = WatchEvent::Type::deleted, .object = std::move(last)};
  }
};

} // namespace

FakeKubeApi::FakeKubeApi() : m_store(std::make_unique<FakeStore>()) {
  m_store->serve(built_in(pods, "Pod", true));
  m_store->serve(built_in(claims, "PersistentVolumeClaim", true));
  m_store->serve(built_in(resource_quotas, "ResourceQuota", true));
  m_store->serve(built_in(nodes, "Node", true, false));
  m_store->serve(built_in(namespaces, "Namespace", true, false));
  m_store->serve(built_in(config_maps, "ConfigMap", false));
  m_store->serve(built_in(secrets, "Secret", false));
  m_store->serve(built_in(service_accounts, "ServiceAccount", false));
  m_store->serve(built_in(limit_ranges, "LimitRange", false));
  m_store->serve(built_in(events, "Event", false));
  m_store->serve(built_in(leases, "Lease", false));
  m_store->on_gone([this](const Resource& resource, const ObjectKey& key) {
    if (resource == pods) { // m_mutex is held by whoever changes the store
      std::erase_if(m_logs, [&](const auto& entry) { return entry.first.first == key; });
    }
  });
}

FakeKubeApi::~FakeKubeApi() = default;

void FakeKubeApi::serve(ServedKind kind) {
  const std::scoped_lock lock(m_mutex);
  m_store->serve(std::move(kind));
}

void FakeKubeApi::set_clock(std::function<WallTime()> clock) {
  const std::scoped_lock lock(m_mutex);
  m_store->set_clock(std::move(clock));
}

// --- The world beside the controller ---

Json FakeKubeApi::outside(const std::function<Result<Json>(FakeStore&)>& apply) {
  const std::scoped_lock lock(m_mutex);
  auto done = apply(*m_store);
  m_changed.notify_all();
  if (!done) {
    throw std::invalid_argument("FakeKubeApi: " + done.error().message);
  }
  return std::move(*done);
}

Json FakeKubeApi::put(const Resource& resource, Json object) {
  return outside([&](FakeStore& store) -> Result<Json> {
    auto created = store.create(resource, object, FakeStore::Part::everything);
    if (created || created.error().kind != ApiError::Kind::already_exists) {
      return created;
    }
    object["metadata"].erase("uid");
    return store.update(resource, object, FakeStore::Part::everything);
  });
}

Json FakeKubeApi::modify(const Resource& resource, const ObjectKey& key,
                         const std::function<void(Json& object)>& change) {
  return outside([&](FakeStore& store) -> Result<Json> {
    auto object = store.get(resource, key);
    if (!object) {
      return object;
    }
    change(*object);
    return store.update(resource, *object, FakeStore::Part::everything);
  });
}

bool FakeKubeApi::erase(const Resource& resource, const ObjectKey& key) {
  const std::scoped_lock lock(m_mutex);
  const bool done = m_store->remove(resource, key, "", false).has_value();
  m_changed.notify_all();
  return done;
}

bool FakeKubeApi::erase_now(const Resource& resource, const ObjectKey& key) {
  const std::scoped_lock lock(m_mutex);
  const bool done = m_store->remove(resource, key, "", true).has_value();
  m_changed.notify_all();
  return done;
}

std::optional<Json> FakeKubeApi::find(const Resource& resource, const ObjectKey& key) const {
  const std::scoped_lock lock(m_mutex);
  auto found = m_store->get(resource, key);
  return found ? std::optional<Json>(std::move(*found)) : std::nullopt;
}

std::vector<Json> FakeKubeApi::all(const Resource& resource) const {
  const std::scoped_lock lock(m_mutex);
  auto found = m_store->list(resource, {});
  return found ? std::move(found->items) : std::vector<Json>();
}

void FakeKubeApi::collect_garbage() {
  const std::scoped_lock lock(m_mutex);
  m_store->collect_garbage();
  m_changed.notify_all();
}

// --- Faults and records ---

void FakeKubeApi::set_write_hook(std::function<Fate(const FakeWrite& write)> decide) {
  const std::scoped_lock lock(m_mutex);
  m_write_hook = std::move(decide);
}

void FakeKubeApi::set_read_hook(ReadHook decide) {
  const std::scoped_lock lock(m_mutex);
  m_read_hook = std::move(decide);
}

std::vector<FakeWrite> FakeKubeApi::writes() const {
  const std::scoped_lock lock(m_mutex);
  return m_writes;
}

void FakeKubeApi::forget_writes() {
  const std::scoped_lock lock(m_mutex);
  m_writes.clear();
}

std::optional<ApiError> FakeKubeApi::before_read(const std::string& verb, const Resource& resource,
                                                 const std::string& name,
                                                 const std::stop_token& stop) const {
  if (stop.stop_requested()) {
    return stopped();
  }
  ReadHook hook;
  {
    const std::scoped_lock lock(m_mutex);
    hook = m_read_hook;
  }
  return hook ? hook(verb, resource, name) : std::nullopt;
}

Result<Json> FakeKubeApi::write(FakeWrite request,
                                const std::function<Result<Json>(FakeStore&)>& apply,
                                const std::stop_token& stop) {
  if (stop.stop_requested()) {
    return tl::unexpected(stopped());
  }
  std::function<Fate(const FakeWrite&)> hook;
  {
    const std::scoped_lock lock(m_mutex);
    hook = m_write_hook;
  }
  const Fate fate = hook ? hook(request) : Fate{};
  const std::scoped_lock lock(m_mutex);
  Result<Json> answer = tl::unexpected(fate.error);
  switch (fate.kind) {
  case Fate::Kind::refuse:
    break;
  case Fate::Kind::lose:
    answer = tl::unexpected(transport_error("the request was lost"));
    break;
  case Fate::Kind::apply:
  case Fate::Kind::lose_reply: {
    const std::uint64_t version = m_store->version();
    answer = apply(*m_store);
    request.applied = answer.has_value();
    request.changed = m_store->version() != version;
    if (fate.kind == Fate::Kind::lose_reply) {
      answer = tl::unexpected(transport_error("the answer was lost"));
    }
    break;
  }
  }
  if (!answer) {
    request.answer = answer.error();
  }
  m_writes.push_back(std::move(request));
  m_changed.notify_all();
  return answer;
}

// --- Watches ---

void FakeKubeApi::send_bookmarks() {
  const std::scoped_lock lock(m_mutex);
  ++m_bookmarks;
  m_changed.notify_all();
}

void FakeKubeApi::end_watches() {
  const std::scoped_lock lock(m_mutex);
  ++m_ends;
  m_break.reset();
  m_changed.notify_all();
}

void FakeKubeApi::break_watches(ApiError error) {
  const std::scoped_lock lock(m_mutex);
  ++m_ends;
  m_break = std::move(error);
  m_changed.notify_all();
}

void FakeKubeApi::pause_watches(bool paused) {
  const std::scoped_lock lock(m_mutex);
  m_paused = paused;
  m_changed.notify_all();
}

void FakeKubeApi::compact() {
  const std::scoped_lock lock(m_mutex);
  m_store->compact();
  m_changed.notify_all();
}

void FakeKubeApi::set_event_filter(
    std::function<bool(const Resource& resource, const WatchEvent& event)> hidden) {
  const std::scoped_lock lock(m_mutex);
  m_hidden = std::move(hidden);
}

std::size_t FakeKubeApi::open_watches() const {
  const std::scoped_lock lock(m_mutex);
  return m_open_watches;
}

std::size_t FakeKubeApi::open_logs() const {
  const std::scoped_lock lock(m_mutex);
  return m_open_logs;
}

void FakeKubeApi::wait_for_watches(std::size_t count) {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [&] { return m_open_watches >= count; });
}

void FakeKubeApi::wait_for_logs(std::size_t count) {
  std::unique_lock lock(m_mutex);
  m_changed.wait(lock, [&] { return m_open_logs >= count; });
}

Result<void> FakeKubeApi::watch(const Resource& resource, const Selector& selector,
                                const std::string& resource_version,
                                const std::function<void(const WatchEvent&)>& on_event,
                                std::stop_token stop) {
  if (auto wrong = before_read("watch", resource, "", stop)) {
    return tl::unexpected(*wrong);
  }
  const auto labels = TermSelector::parse(selector.labels, TermSelector::Kind::labels);
  const auto fields = TermSelector::parse(selector.fields, TermSelector::Kind::fields);
  if (!labels || !fields) {
    return tl::unexpected(ApiError{.kind = ApiError::Kind::bad_request,
                                   .code = 400,
                                   .reason = "BadRequest",
                                   .message = labels ? fields.error() : labels.error(),
                                   .retry_after = {}});
  }
  const Filter filter{
      .namespace_name = selector.namespace_name, .labels = *labels, .fields = *fields};

  std::unique_lock lock(m_mutex);
  if (auto served = m_store->check_served(resource); !served) {
    return served;
  }
  const Opened opened(m_open_watches);
  m_changed.notify_all();
  // Events are handed over without the lock, so that the receiver may call the fake.
  const auto hand_over = [&](const WatchEvent& event) {
    const auto hidden = m_hidden;
    lock.unlock();
    if (!hidden || !hidden(resource, event)) {
      on_event(event);
    }
    lock.lock();
  };

  std::uint64_t cursor = 0;
  if (resource_version.empty() || resource_version == "0") {
    auto now = m_store->list(resource, selector);
    cursor = m_store->version();
    for (Json& item : now->items) {
      hand_over({.type = WatchEvent::Type::added, .object = std::move(item)});
    }
  } else {
    std::from_chars(resource_version.data(), resource_version.data() + resource_version.size(),
                    cursor);
  }
  const std::uint64_t ends = m_ends;
  std::uint64_t bookmarks = m_bookmarks;
  while (true) {
    const auto has_events = [&] { return !m_paused && cursor < m_store->version(); };
    m_changed.wait(lock, stop, [&] {
      return m_ends != ends || bookmarks != m_bookmarks || has_events()
             || cursor < m_store->oldest();
    });
    if (stop.stop_requested()) {
      return tl::unexpected(stopped());
    }
    if (m_ends != ends) {
      return m_break ? Result<void>(tl::unexpected(*m_break)) : Result<void>();
    }
    if (cursor < m_store->oldest()) {
      return tl::unexpected(expired(std::to_string(cursor), m_store->oldest()));
    }
    if (has_events()) {
      const FakeStore::Change change = m_store->change(++cursor);
      if (change.resource == resource) {
        if (const auto event = filter.event_of(change)) {
          hand_over(*event);
        }
      }
    } else if (bookmarks != m_bookmarks) {
      bookmarks = m_bookmarks;
      hand_over({.type = WatchEvent::Type::bookmark,
                 .object = {{"metadata", {{"resourceVersion", std::to_string(cursor)}}}}});
    }
  }
}

// --- Logs ---

void FakeKubeApi::append_log(const ObjectKey& pod, const std::string& container,
                             const std::string& bytes) {
  const std::scoped_lock lock(m_mutex);
  m_logs[{pod, container}].kept += bytes;
  m_changed.notify_all();
}

void FakeKubeApi::end_log(const ObjectKey& pod, const std::string& container) {
  const std::scoped_lock lock(m_mutex);
  m_logs[{pod, container}].ended = true;
  m_changed.notify_all();
}

void FakeKubeApi::cut_logs(const ObjectKey& pod) {
  const std::scoped_lock lock(m_mutex);
  ++m_log_cuts[pod];
  m_changed.notify_all();
}

void FakeKubeApi::rotate_log(const ObjectKey& pod, const std::string& container,
                             const std::string& kept) {
  const std::scoped_lock lock(m_mutex);
  Log& log = m_logs[{pod, container}];
  log.begin = log.end() - static_cast<std::int64_t>(kept.size());
  log.kept = kept;
}

Result<void> FakeKubeApi::pod_log(const ObjectKey& pod, const std::string& container, bool follow,
                                  const std::function<bool(std::string_view)>& on_bytes,
                                  std::stop_token stop) {
  if (auto wrong = before_read("log", pods, pod.name, stop)) {
    return tl::unexpected(*wrong);
  }
  std::unique_lock lock(m_mutex);
  const auto found = m_store->get(pods, pod);
  if (!found) {
    return tl::unexpected(found.error());
  }
  const LogKey key(pod, container);
  if (!m_logs.contains(key)) {
    if (found->value(Json::json_pointer("/spec/nodeName"), std::string()).empty()) {
      return {}; // the server answers 204 while there is no kubelet to ask
    }
    return tl::unexpected(ApiError{.kind = ApiError::Kind::bad_request,
                                   .code = 400,
                                   .reason = "BadRequest",
                                   .message = "container \"" + container + "\" in pod \"" + pod.name
                                              + "\" is waiting to start: ContainerCreating",
                                   .retry_after = {}});
  }
  const Opened opened(m_open_logs);
  m_changed.notify_all();
  const std::uint64_t cuts = m_log_cuts[pod];
  std::int64_t cursor = m_logs[key].begin;
  while (true) {
    const auto log = m_logs.find(key);
    if (log == m_logs.end()) {
      return {}; // the pod is gone: the stream ends
    }
    if (cursor < log->second.end()) {
      const std::int64_t from = std::max(cursor, log->second.begin) - log->second.begin;
      const std::string piece = log->second.kept.substr(static_cast<std::size_t>(from));
      cursor = log->second.end();
      lock.unlock();
      const bool more = on_bytes(piece);
      lock.lock();
      if (!more) {
        return {};
      }
      continue;
    }
    if (!follow || log->second.ended || m_log_cuts[pod] != cuts) {
      return {};
    }
    m_changed.wait(lock, stop, [&] {
      const auto now = m_logs.find(key);
      return now == m_logs.end() || now->second.end() > cursor || now->second.ended
             || m_log_cuts[pod] != cuts;
    });
    if (stop.stop_requested()) {
      return tl::unexpected(stopped());
    }
  }
}

// --- Reads and writes ---

Result<Json> FakeKubeApi::get(const Resource& resource, const ObjectKey& key,
                              std::stop_token stop) {
  if (auto wrong = before_read("get", resource, key.name, stop)) {
    return tl::unexpected(*wrong);
  }
  const std::scoped_lock lock(m_mutex);
  return m_store->get(resource, key);
}

Result<ObjectList> FakeKubeApi::list(const Resource& resource, const Selector& selector,
                                     std::stop_token stop) {
  if (auto wrong = before_read("list", resource, "", stop)) {
    return tl::unexpected(*wrong);
  }
  const std::scoped_lock lock(m_mutex);
  return m_store->list(resource, selector);
}

namespace {

ObjectKey key_in(const Json& object) {
  const Json metadata = object.value("metadata", Json::object());
  return {.namespace_name = metadata.value("namespace", std::string()),
          .name = metadata.value("name", std::string())};
}

} // namespace

Result<Json> FakeKubeApi::create(const Resource& resource, const Json& object,
                                 std::stop_token stop) {
  return write(
      {.verb = FakeWrite::Verb::create,
       .resource = resource,
       .key = key_in(object),
       .body = object,
       .answer = {}},
      [&](FakeStore& store) {
        return store.create(resource, object, FakeStore::Part::all_but_status);
      },
      stop);
}

Result<Json> FakeKubeApi::replace(const Resource& resource, const Json& object,
                                  std::stop_token stop) {
  return write(
      {.verb = FakeWrite::Verb::replace,
       .resource = resource,
       .key = key_in(object),
       .body = object,
       .answer = {}},
      [&](FakeStore& store) {
        return store.update(resource, object, FakeStore::Part::all_but_status);
      },
      stop);
}

Result<Json> FakeKubeApi::replace_status(const Resource& resource, const Json& object,
                                         std::stop_token stop) {
  return write(
      {.verb = FakeWrite::Verb::replace_status,
       .resource = resource,
       .key = key_in(object),
       .body = object,
       .answer = {}},
      [&](FakeStore& store) { return store.update(resource, object, FakeStore::Part::status); },
      stop);
}

Result<Json> FakeKubeApi::patch(const Resource& resource, const ObjectKey& key, PatchType type,
                                const Json& patch, std::stop_token stop) {
  return write(
      {.verb = FakeWrite::Verb::patch,
       .resource = resource,
       .key = key,
       .body = patch,
       .answer = {}},
      [&](FakeStore& store) { return store.patch(resource, key, type, patch); }, stop);
}

Result<void> FakeKubeApi::remove(const Resource& resource, const ObjectKey& key,
                                 const std::string& uid, std::stop_token stop) {
  const auto done = write(
      {.verb = FakeWrite::Verb::remove,
       .resource = resource,
       .key = key,
       .body = {{"uid", uid}},
       .answer = {}},
      [&](FakeStore& store) -> Result<Json> {
        auto removed = store.remove(resource, key, uid, false);
        return removed ? Result<Json>(Json()) : tl::unexpected(removed.error());
      },
      stop);
  return done ? Result<void>() : tl::unexpected(done.error());
}

} // namespace taskgroup::kube
