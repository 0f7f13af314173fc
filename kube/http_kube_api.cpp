// SPDX-License-Identifier: Apache-2.0
#include "kube/http_kube_api.h"

#include "kube/answer.h"
#include "kube/http_transport.h"
#include "kube/resources.h"
#include "kube/watch_decoder.h"

#include <array>
#include <cstdio>
#include <mutex>
#include <random>
#include <utility>

namespace taskgroup::kube {
namespace {

// How often a list whose pages expire is begun anew before the caller hears of it.
constexpr int list_attempts = 3;
// A container that is followed may be silent for as long; ours write a heartbeat each 50 s.
constexpr std::chrono::seconds log_silence{150};

std::string encode(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                       || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      result += c;
    } else {
      std::array<char, 4> code{};
      std::snprintf(code.data(), code.size(), "%%%02X", static_cast<unsigned char>(c));
      result += code.data();
    }
  }
  return result;
}

// Builds a path and its query.
class Target {
public:
  Target(const Resource& resource, const ObjectKey& key, const char* subresource = "") {
    m_text = resource.group.empty() ? "/api/" + resource.version
                                    : "/apis/" + resource.group + "/" + resource.version;
    if (!key.namespace_name.empty()) {
      m_text += "/namespaces/" + encode(key.namespace_name);
    }
    m_text += "/" + resource.plural;
    if (!key.name.empty()) {
      m_text += "/" + encode(key.name);
    }
    m_text += subresource;
  }

  Target& with(const char* name, std::string_view value) {
    if (!value.empty()) {
      m_text +=
          (std::exchange(m_has_query, true) ? "&" : "?") + std::string(name) + "=" + encode(value);
    }
    return *this;
  }

  const std::string& text() const { return m_text; }

private:
  std::string m_text;
  bool m_has_query = false;
};

// What a message is about: "create pods ns/name".
std::string subject_of(const char* verb, const Resource& resource, const ObjectKey& key) {
  std::string subject = std::string(verb) + " " + resource.plural;
  if (!resource.group.empty()) {
    subject += "." + resource.group;
  }
  if (!key.namespace_name.empty() || !key.name.empty()) {
    subject += " " + key.namespace_name + (key.name.empty() ? "" : "/" + key.name);
  }
  return subject;
}

ObjectKey key_of(const Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) {
    return {};
  }
  const auto text = [&](const char* key) {
    const auto found = metadata->find(key);
    return found != metadata->end() && found->is_string() ? found->get<std::string>()
                                                          : std::string();
  };
  return {.namespace_name = text("namespace"), .name = text("name")};
}

class HttpKubeApi final : public KubeApi {
public:
  HttpKubeApi(std::unique_ptr<HttpTransport> transport, HttpSettings settings)
      : m_transport(std::move(transport)),
        m_settings(std::move(settings)),
        m_random(std::random_device{}()) {}

  Result<Json> get(const Resource& resource, const ObjectKey& key, std::stop_token stop) override {
    return call({.method = "GET", .target = Target(resource, key).text()},
                subject_of("get", resource, key), stop);
  }

  Result<ObjectList> list(const Resource& resource, const Selector& selector,
                          std::stop_token stop) override {
    for (int attempt = 1;; ++attempt) {
      auto found = list_once(resource, selector, stop);
      if (found || found.error().kind != ApiError::Kind::expired || attempt == list_attempts) {
        return found;
      }
    }
  }

  Result<Json> create(const Resource& resource, const Json& object, std::stop_token stop) override {
    const ObjectKey key = key_of(object);
    return call({.method = "POST",
                 .target = Target(resource, {key.namespace_name, ""}).text(),
                 .content_type = "application/json",
                 .body = text_of(object)},
                subject_of("create", resource, key), stop);
  }

  Result<Json> replace(const Resource& resource, const Json& object,
                       std::stop_token stop) override {
    return put(resource, object, "", "replace", stop);
  }

  Result<Json> replace_status(const Resource& resource, const Json& object,
                              std::stop_token stop) override {
    return put(resource, object, "/status", "replace status of", stop);
  }

  Result<Json> patch(const Resource& resource, const ObjectKey& key, PatchType type,
                     const Json& patch, std::stop_token stop) override {
    return call({.method = "PATCH",
                 .target = Target(resource, key).text(),
                 .content_type = type == PatchType::json ? "application/json-patch+json"
                                                         : "application/merge-patch+json",
                 .body = text_of(patch)},
                subject_of("patch", resource, key), stop);
  }

  Result<void> remove(const Resource& resource, const ObjectKey& key, const std::string& uid,
                      std::stop_token stop) override {
    Json options = {
        {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
    if (!uid.empty()) {
      options["preconditions"]["uid"] = uid;
    }
    const auto done = call({.method = "DELETE",
                            .target = Target(resource, key).text(),
                            .content_type = "application/json",
                            .body = text_of(options)},
                           subject_of("delete", resource, key), stop);
    return done ? Result<void>() : tl::unexpected(done.error());
  }

  Result<void> watch(const Resource& resource, const Selector& selector,
                     const std::string& resource_version,
                     const std::function<void(const WatchEvent&)>& on_event,
                     std::stop_token stop) override {
    const ObjectKey where{.namespace_name = selector.namespace_name, .name = {}};
    const std::string subject = subject_of("watch", resource, where);
    const std::chrono::seconds limit = watch_limit();
    const HttpRequest request{.method = "GET",
                              .target = Target(resource, where)
                                            .with("watch", "true")
                                            .with("allowWatchBookmarks", "true")
                                            .with("resourceVersion", resource_version)
                                            .with("timeoutSeconds", std::to_string(limit.count()))
                                            .with("labelSelector", selector.labels)
                                            .with("fieldSelector", selector.fields)
                                            .text(),
                              .silence = limit + std::chrono::seconds(5),
                              .total = limit + std::chrono::seconds(30)};
    WatchDecoder decoder(subject, m_settings.max_line);
    const auto answer = m_transport->stream(
        request, [&](std::string_view bytes) { return decoder.feed(bytes, on_event); }, stop);
    if (!answer) {
      return tl::unexpected(error_of_transport(answer.error(), subject));
    }
    if (answer->status / 100 != 2) {
      return tl::unexpected(error_of_answer(*answer, subject));
    }
    return decoder.error() ? Result<void>(tl::unexpected(*decoder.error())) : Result<void>();
  }

  Result<void> pod_log(const ObjectKey& pod, const std::string& container, bool follow,
                       const std::function<bool(std::string_view)>& on_bytes,
                       std::stop_token stop) override {
    const std::string subject = subject_of("read log of", pods, pod);
    const HttpRequest request{.method = "GET",
                              .target = Target(pods, pod, "/log")
                                            .with("container", container)
                                            .with("follow", follow ? "true" : "")
                                            .text(),
                              .silence = log_silence};
    const auto answer = m_transport->stream(request, on_bytes, stop);
    if (!answer) {
      return tl::unexpected(error_of_transport(answer.error(), subject));
    }
    return answer->status / 100 == 2 ? Result<void>()
                                     : tl::unexpected(error_of_answer(*answer, subject));
  }

private:
  // Bytes of text that are no UTF-8 become U+FFFD, instead of an exception.
  static std::string text_of(const Json& object) {
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  Result<Json> put(const Resource& resource, const Json& object, const char* subresource,
                   const char* verb, const std::stop_token& stop) {
    const ObjectKey key = key_of(object);
    return call({.method = "PUT",
                 .target = Target(resource, key, subresource).text(),
                 .content_type = "application/json",
                 .body = text_of(object)},
                subject_of(verb, resource, key), stop);
  }

  Result<Json> call(HttpRequest request, const std::string& subject, const std::stop_token& stop) {
    request.silence = m_settings.request_timeout;
    request.total = m_settings.request_timeout;
    const auto answer = m_transport->send(request, stop);
    if (!answer) {
      return tl::unexpected(error_of_transport(answer.error(), subject));
    }
    if (answer->status / 100 != 2) {
      return tl::unexpected(error_of_answer(*answer, subject));
    }
    auto object = parse_bounded(answer->body);
    if (!object || !object->is_object()) {
      return tl::unexpected(error_of_transport("the answer is no JSON object", subject));
    }
    return std::move(*object);
  }

  Result<ObjectList> list_once(const Resource& resource, const Selector& selector,
                               const std::stop_token& stop) {
    const ObjectKey where{.namespace_name = selector.namespace_name, .name = {}};
    ObjectList found;
    std::string next;
    do {
      auto page = call({.method = "GET",
                        .target = Target(resource, where)
                                      .with("limit", std::to_string(m_settings.page))
                                      .with("continue", next)
                                      .with("labelSelector", selector.labels)
                                      .with("fieldSelector", selector.fields)
                                      .text()},
                       subject_of("list", resource, where), stop);
      if (!page) {
        return tl::unexpected(page.error());
      }
      if (auto wrong = add_page(*page, resource, found, next)) {
        return tl::unexpected(error_of_transport(*wrong, subject_of("list", resource, where)));
      }
    } while (!next.empty());
    return found;
  }

  // Returns what is wrong with the page.
  static std::optional<std::string> add_page(Json& page, const Resource& resource,
                                             ObjectList& found, std::string& next) {
    const auto metadata = page.find("metadata");
    const auto items = page.find("items");
    if (metadata == page.end() || !metadata->is_object() || items == page.end()
        || !(items->is_array() || items->is_null())) {
      return "the answer is no list";
    }
    const auto text = [](const Json& object, const char* key) {
      const auto value = object.find(key);
      return value != object.end() && value->is_string() ? value->get<std::string>()
                                                         : std::string();
    };
    found.resource_version = text(*metadata, "resourceVersion");
    next = text(*metadata, "continue");
    std::string kind = text(page, "kind"); // items carry none: "PodList" says it
    if (kind.ends_with("List")) {
      kind.resize(kind.size() - 4);
    }
    for (Json& item : *items) {
      if (!item.is_object() || !item.contains("metadata") || !item["metadata"].is_object()) {
        return "an item of the list has no metadata";
      }
      item["apiVersion"] = api_version_of(resource);
      item["kind"] = kind;
      found.items.push_back(std::move(item));
    }
    return std::nullopt;
  }

  std::chrono::seconds watch_limit() {
    const std::scoped_lock lock(m_mutex);
    return std::chrono::seconds(std::uniform_int_distribution<std::chrono::seconds::rep>(
        m_settings.watch_shortest.count(), m_settings.watch_longest.count())(m_random));
  }

  std::unique_ptr<HttpTransport> m_transport;
  HttpSettings m_settings;
  std::mutex m_mutex; // of m_random
  std::mt19937 m_random;
};

} // namespace

tl::expected<std::shared_ptr<KubeApi>, std::string> connect(const ClusterConfig& config,
                                                            HttpSettings settings) {
  auto transport = HttpTransport::make(config, settings);
  if (!transport) {
    return tl::unexpected(transport.error());
  }
  return std::make_shared<HttpKubeApi>(std::move(*transport), std::move(settings));
}

} // namespace taskgroup::kube
