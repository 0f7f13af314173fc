// SPDX-License-Identifier: Apache-2.0
#include "kube/fake_store.h"

#include "kube/resources.h"
#include "kube/term_selector.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace taskgroup::kube {
namespace {

constexpr std::size_t max_object_size = 1572864; // etcd's limit of a request
constexpr std::size_t max_annotations_size = 256 * 1024;

std::string qualified(const ServedKind& kind) {
  return kind.resource.group.empty() ? kind.resource.plural
                                     : kind.resource.plural + "." + kind.resource.group;
}

ApiError error(ApiError::Kind kind, int code, const char* reason, std::string message) {
  return ApiError{.kind = kind,
                  .code = code,
                  .reason = reason,
                  .message = std::move(message),
                  .retry_after = {}};
}

ApiError not_found(const ServedKind& kind, const std::string& name) {
  return error(ApiError::Kind::not_found, 404, "NotFound",
               qualified(kind) + " \"" + name + "\" not found");
}

ApiError conflict(const ServedKind& kind, const std::string& name, const std::string& why) {
  return error(ApiError::Kind::conflict, 409, "Conflict",
               "Operation cannot be fulfilled on " + qualified(kind) + " \"" + name + "\": " + why);
}

ApiError modified(const ServedKind& kind, const std::string& name) {
  return conflict(kind, name,
                  "the object has been modified; please apply your changes to the latest version "
                  "and try again");
}

ApiError invalid(const ServedKind& kind, const std::string& name, const std::string& why) {
  const std::string group = kind.resource.group.empty() ? "" : "." + kind.resource.group;
  return error(ApiError::Kind::invalid, 422, "Invalid",
               kind.kind + group + " \"" + name + "\" is invalid: " + why);
}

ApiError bad_request(std::string message) {
  return error(ApiError::Kind::bad_request, 400, "BadRequest", std::move(message));
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// A member that is an object, or an empty one.
const Json& object_at(const Json& object, const char* key) {
  static const Json empty = Json::object();
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : empty;
}

const Json& metadata_of(const Json& object) { return object_at(object, "metadata"); }

ObjectKey key_of(const Json& object) {
  return {.namespace_name = text_of(metadata_of(object), "namespace"),
          .name = text_of(metadata_of(object), "name")};
}

bool has_finalizers(const Json& object) {
  const auto found = metadata_of(object).find("finalizers");
  return found != metadata_of(object).end() && found->is_array() && !found->empty();
}

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// RFC 1123, as apimachinery's IsDNS1123Subdomain has it.
bool is_subdomain(const std::string& name) {
  char before = '.';
  for (const char c : name) {
    const bool letter = is_alnum(c) && (c < 'A' || c > 'Z');
    const bool dash = c == '-' && before != '.';
    const bool dot = c == '.' && is_alnum(before);
    if (!letter && !dash && !dot) {
      return false;
    }
    before = c;
  }
  return !name.empty() && name.size() <= 253 && is_alnum(name.back());
}

// What labels' values are, and the part of a label's key after its prefix.
bool is_label_text(const std::string& text) {
  return text.size() <= 63 && (text.empty() || (is_alnum(text.front()) && is_alnum(text.back())))
         && std::ranges::all_of(
             text, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_label_key(const std::string& key) {
  const std::size_t slash = key.find('/');
  const std::string name = slash == std::string::npos ? key : key.substr(slash + 1);
  return !name.empty() && is_label_text(name)
         && (slash == std::string::npos || is_subdomain(key.substr(0, slash)));
}

// Return what is wrong with an object's metadata; empty: nothing.
std::string metadata_error(const Json& metadata) {
  if (!is_subdomain(text_of(metadata, "name"))) {
    return "metadata.name: Invalid value: \"" + text_of(metadata, "name")
           + "\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
             "characters, "
             "'-' or '.', and must start and end with an alphanumeric character";
  }
  for (const auto& [key, value] : object_at(metadata, "labels").items()) {
    if (!is_label_key(key) || !value.is_string() || !is_label_text(value.get<std::string>())) {
      return "metadata.labels: Invalid value: \"" + key + "=" + value.dump()
             + "\": must be no more than 63 characters and consist of alphanumeric characters, "
               "'-', "
               "'_' or '.'";
    }
  }
  std::size_t size = 0;
  for (const auto& [key, value] : object_at(metadata, "annotations").items()) {
    if (!value.is_string()) {
      return "metadata.annotations: Invalid value: \"" + key + "\": must be a string";
    }
    size += key.size() + value.get_ref<const std::string&>().size();
  }
  if (size > max_annotations_size) {
    return "metadata.annotations: Too long: may not be more than 262144 bytes";
  }
  for (const auto& owner : metadata.value("ownerReferences", Json::array())) {
    for (const char* key : {"apiVersion", "kind", "name", "uid"}) {
      if (text_of(owner, key).empty()) {
        return std::string("metadata.ownerReferences.") + key
               + ": Invalid value: \"\": must not be empty";
      }
    }
  }
  return {};
}

// Take out of a pod what an update may change; what is left must be the same before and after.
Json fixed_part_of_pod(Json spec) {
  for (const char* list : {"containers", "initContainers"}) {
    if (spec.contains(list)) {
      for (auto& container : spec[list]) {
        container.erase("image");
      }
    }
  }
  spec.erase("activeDeadlineSeconds");
  spec.erase("tolerations");
  return spec;
}

// As validation.ValidatePodUpdate.
std::string pod_update_error(const Json& before, const Json& after) {
  const Json& old_spec = object_at(before, "spec");
  const Json& new_spec = object_at(after, "spec");
  if (fixed_part_of_pod(old_spec) != fixed_part_of_pod(new_spec)) {
    return "spec: Forbidden: pod updates may not change fields other than "
           "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
           "`spec.tolerations` (only additions to existing tolerations),"
           "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "
           "negative)";
  }
  if (old_spec.contains("activeDeadlineSeconds")) {
    if (!new_spec.contains("activeDeadlineSeconds")) {
      return "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive "
             "integer to nil value";
    }
    if (new_spec["activeDeadlineSeconds"] > old_spec["activeDeadlineSeconds"]) {
      return "spec.activeDeadlineSeconds: Invalid value: must be less than or equal to previous "
             "value";
    }
  }
  if (new_spec.contains("activeDeadlineSeconds")
      && (!new_spec["activeDeadlineSeconds"].is_number_integer()
          || new_spec["activeDeadlineSeconds"] < 1)) {
    return "spec.activeDeadlineSeconds: Invalid value: must be between 1 and 2147483647, inclusive";
  }
  return {};
}

// Seconds that a deletion waits for a kubelet: none unless a pod is bound and has not ended.
std::int64_t grace_of(const ServedKind& kind, const Json& object) {
  const Json& spec = object_at(object, "spec");
  const std::string phase = text_of(object_at(object, "status"), "phase");
  if (kind.resource != pods || text_of(spec, "nodeName").empty() || phase == "Succeeded"
      || phase == "Failed") {
    return 0;
  }
  return spec.value("terminationGracePeriodSeconds", std::int64_t{30});
}

bool spec_differs(const Json& before, const Json& after) {
  const auto rest = [](Json object) {
    object.erase("metadata");
    object.erase("status");
    return object;
  };
  return rest(before) != rest(after);
}

} // namespace

void FakeStore::serve(ServedKind kind) {
  const Resource resource = kind.resource;
  m_kinds[resource].kind = std::move(kind);
}

Result<void> FakeStore::check_served(const Resource& resource) const {
  if (!m_kinds.contains(resource)) {
    return tl::unexpected(error(ApiError::Kind::not_found, 404, "NotFound",
                                "the server could not find the requested resource"));
  }
  return {};
}

Result<Json> FakeStore::get(const Resource& resource, const ObjectKey& key) const {
  if (auto served = check_served(resource); !served) {
    return tl::unexpected(served.error());
  }
  const Kept& kept = m_kinds.at(resource);
  const auto found = kept.objects.find(key);
  if (found == kept.objects.end()) {
    return tl::unexpected(not_found(kept.kind, key.name));
  }
  return found->second;
}

Result<ObjectList> FakeStore::list(const Resource& resource, const Selector& selector) const {
  if (auto served = check_served(resource); !served) {
    return tl::unexpected(served.error());
  }
  const auto labels = TermSelector::parse(selector.labels, TermSelector::Kind::labels);
  const auto fields = TermSelector::parse(selector.fields, TermSelector::Kind::fields);
  if (!labels || !fields) {
    return tl::unexpected(bad_request(labels ? fields.error() : labels.error()));
  }
  ObjectList found{.resource_version = std::to_string(m_version), .items = {}};
  for (const auto& [key, object] : m_kinds.at(resource).objects) {
    if ((selector.namespace_name.empty() || key.namespace_name == selector.namespace_name)
        && labels->matches(object) && fields->matches(object)) {
      found.items.push_back(object);
    }
  }
  return found;
}

std::string FakeStore::new_uid() {
  // Spread like random ones: users of a UID may take a part of it.
  const auto mix = [](std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  };
  const std::uint64_t high = mix(++m_uids);
  const std::uint64_t low = mix(m_uids + 0x10000);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%08x-%04x-4%03x-8%03x-%012llx",
                static_cast<unsigned>(high >> 32), static_cast<unsigned>((high >> 16) & 0xffff),
                static_cast<unsigned>(high & 0xfff), static_cast<unsigned>((low >> 48) & 0xfff),
                static_cast<unsigned long long>(low & 0xffffffffffff));
  return text.data();
}

bool FakeStore::exists(const std::string& uid) const {
  return std::ranges::any_of(m_kinds, [&](const auto& entry) {
    return std::ranges::any_of(entry.second.objects, [&](const auto& stored) {
      return text_of(metadata_of(stored.second), "uid") == uid;
    });
  });
}

// What holds for creations (`before` is null) and for updates.
std::optional<ApiError> FakeStore::check(const ServedKind& kind, const Json& before,
                                         const Json& after) const {
  const std::string name = key_of(after).name;
  if (const std::string wrong = metadata_error(metadata_of(after)); !wrong.empty()) {
    return invalid(kind, name, wrong);
  }
  if (kind.admit) {
    if (const auto wrong = kind.admit(before, after)) {
      return invalid(kind, name, *wrong);
    }
  }
  if (after.dump().size() > max_object_size) {
    return error(ApiError::Kind::too_large, 500, "", "etcdserver: request is too large");
  }
  return std::nullopt;
}

Json FakeStore::commit(Kept& kept, const ObjectKey& key, const Json& before, Json after) {
  after["metadata"]["resourceVersion"] = std::to_string(++m_version);
  m_history.push_back(
      {.resource = kept.kind.resource, .before = before, .after = after, .last = nullptr});
  kept.objects[key] = after;
  return after;
}

void FakeStore::drop(Kept& kept, const ObjectKey& key) {
  auto node = kept.objects.extract(key);
  Json last = node.mapped();
  last["metadata"]["resourceVersion"] = std::to_string(++m_version);
  m_history.push_back({.resource = kept.kind.resource,
                       .before = std::move(node.mapped()),
                       .after = nullptr,
                       .last = std::move(last)});
  if (m_gone) {
    m_gone(kept.kind.resource, key);
  }
}

Result<Json> FakeStore::create(const Resource& resource, Json object, Part part) {
  if (auto served = check_served(resource); !served) {
    return tl::unexpected(served.error());
  }
  Kept& kept = m_kinds.at(resource);
  const ServedKind& kind = kept.kind;
  if (!object.is_object() || text_of(object, "apiVersion") != api_version_of(resource)
      || text_of(object, "kind") != kind.kind) {
    return tl::unexpected(bad_request("the API version or kind in the data ("
                                      + text_of(object, "apiVersion") + ", "
                                      + text_of(object, "kind") + ") does not match the expected ("
                                      + api_version_of(resource) + ", " + kind.kind + ")"));
  }
  Json& metadata = object["metadata"];
  if (!text_of(metadata, "resourceVersion").empty() && part != Part::everything) {
    return tl::unexpected(
        bad_request("resourceVersion should not be set on objects to be created"));
  }
  if (text_of(metadata, "name").empty() && !text_of(metadata, "generateName").empty()) {
    metadata["name"] = text_of(metadata, "generateName") + new_uid().substr(0, 5);
  }
  if (kind.namespaced == text_of(metadata, "namespace").empty()) {
    return tl::unexpected(
        bad_request(kind.namespaced ? "an empty namespace may not be set during creation"
                                    : "namespace may not be set on a cluster-scoped resource"));
  }
  const ObjectKey key = key_of(object);
  if (const auto found = kept.objects.find(key); found != kept.objects.end()) {
    const bool going = metadata_of(found->second).contains("deletionTimestamp");
    return tl::unexpected(error(ApiError::Kind::already_exists, 409, "AlreadyExists",
                                (going ? "object is being deleted: " : "") + qualified(kind) + " \""
                                    + key.name + "\" already exists"));
  }
  metadata["uid"] = new_uid();
  metadata["creationTimestamp"] = to_rfc3339(m_clock());
  metadata.erase("deletionTimestamp");
  metadata.erase("deletionGracePeriodSeconds");
  metadata.erase("resourceVersion");
  if (kind.has_status) {
    metadata["generation"] = 1;
    if (part != Part::everything) {
      object.erase("status");
    }
    if ((resource == pods || resource == claims) && !object.contains("status")) {
      object["status"] = {{"phase", "Pending"}};
    }
  }
  if (kind.prune) {
    kind.prune(object);
  }
  if (const auto wrong = check(kind, nullptr, object)) {
    return tl::unexpected(*wrong);
  }
  return commit(kept, key, nullptr, std::move(object));
}

Result<Json> FakeStore::update(const Resource& resource, const Json& object, Part part) {
  if (auto served = check_served(resource); !served) {
    return tl::unexpected(served.error());
  }
  Kept& kept = m_kinds.at(resource);
  if (part == Part::status && !kept.kind.has_status) {
    return tl::unexpected(error(ApiError::Kind::not_found, 404, "NotFound",
                                "the server could not find the requested resource"));
  }
  const ObjectKey key = key_of(object);
  const auto found = kept.objects.find(key);
  if (found == kept.objects.end()) {
    return tl::unexpected(not_found(kept.kind, key.name));
  }
  if (part != Part::everything && text_of(metadata_of(object), "resourceVersion").empty()) {
    return tl::unexpected(
        invalid(kept.kind, key.name,
                "metadata.resourceVersion: Invalid value: 0: must be specified for an update"));
  }
  const Json before = found->second;
  return store_update(kept, before, object, part);
}

Result<Json> FakeStore::store_update(Kept& kept, const Json& before, Json after, Part part) {
  const ServedKind& kind = kept.kind;
  const ObjectKey key = key_of(before);
  const Json& old_metadata = before.at("metadata");
  const std::string uid = text_of(metadata_of(after), "uid");
  if (!uid.empty() && uid != text_of(old_metadata, "uid")) {
    return tl::unexpected(conflict(kind, key.name,
                                   "Precondition failed: UID in precondition: " + uid
                                       + ", UID in object meta: " + text_of(old_metadata, "uid")));
  }
  if (part != Part::everything
      && text_of(metadata_of(after), "resourceVersion")
             != text_of(old_metadata, "resourceVersion")) {
    return tl::unexpected(modified(kind, key.name));
  }
  if (part == Part::status) {
    Json next = before;
    next["status"] = after.value("status", Json::object());
    after = std::move(next);
  } else if (part == Part::all_but_status && kind.has_status) {
    after.erase("status");
    if (before.contains("status")) {
      after["status"] = before["status"];
    }
  }
  Json& metadata = after["metadata"];
  for (const char* own : {"uid", "creationTimestamp", "generation", "resourceVersion", "name",
                          "namespace", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    if (old_metadata.contains(own)) {
      metadata[own] = old_metadata[own];
    } else {
      metadata.erase(own);
    }
  }
  after["apiVersion"] = before["apiVersion"];
  after["kind"] = before["kind"];
  if (kind.prune) {
    kind.prune(after);
  }
  if (after == before) {
    return before; // the server writes nothing then either
  }
  const bool going = old_metadata.contains("deletionTimestamp");
  if (going && part == Part::all_but_status) {
    const Json old_ones = old_metadata.value("finalizers", Json::array());
    for (const auto& one : metadata.value("finalizers", Json::array())) {
      if (std::ranges::find(old_ones, one) == old_ones.end()) {
        return tl::unexpected(invalid(kind, key.name,
                                      "metadata.finalizers: Forbidden: no new finalizers can be "
                                      "added if the object is being deleted"));
      }
    }
  }
  if (kind.resource == pods && part == Part::all_but_status) {
    if (const std::string wrong = pod_update_error(before, after); !wrong.empty()) {
      return tl::unexpected(invalid(kind, key.name, wrong));
    }
  }
  if (const auto wrong = check(kind, before, after)) {
    return tl::unexpected(*wrong);
  }
  if (kind.has_status && spec_differs(before, after)) {
    metadata["generation"] = old_metadata.value("generation", 0) + 1;
  }
  Json stored = commit(kept, key, before, std::move(after));
  if (going && has_finalizers(before) && !has_finalizers(stored)
      && old_metadata.value("deletionGracePeriodSeconds", 0) == 0) {
    drop(kept, key);
    collect_garbage();
  }
  return stored;
}

Result<Json> FakeStore::patch(const Resource& resource, const ObjectKey& key, PatchType type,
                              const Json& patch) {
  auto stored = get(resource, key);
  if (!stored) {
    return stored;
  }
  Kept& kept = m_kinds.at(resource);
  Json after = *stored;
  if (type == PatchType::merge) {
    if (!patch.is_object()) {
      return tl::unexpected(bad_request("a merge patch must be an object"));
    }
    after.merge_patch(patch);
  } else {
    try {
      after = after.patch(patch);
    } catch (const Json::exception& wrong) { // no patch, a test failed, no such place
      return tl::unexpected(
          error(ApiError::Kind::invalid, 422, "Invalid",
                std::string("the server rejected our request due to an error in our request: ")
                    + wrong.what()));
    }
  }
  if (text_of(metadata_of(after), "uid") != text_of(metadata_of(*stored), "uid")) {
    return tl::unexpected(
        invalid(kept.kind, key.name, "metadata.uid: Invalid value: field is immutable"));
  }
  return store_update(kept, *stored, std::move(after), Part::all_but_status);
}

Result<void> FakeStore::remove(const Resource& resource, const ObjectKey& key,
                               const std::string& uid, bool now) {
  const auto stored = get(resource, key);
  if (!stored) {
    return tl::unexpected(stored.error());
  }
  Kept& kept = m_kinds.at(resource);
  const Json& metadata = stored->at("metadata");
  if (!uid.empty() && uid != text_of(metadata, "uid")) {
    return tl::unexpected(conflict(kept.kind, key.name,
                                   "Precondition failed: UID in precondition: " + uid
                                       + ", UID in object meta: " + text_of(metadata, "uid")));
  }
  const std::int64_t grace = grace_of(kept.kind, *stored);
  if (now || (grace == 0 && !has_finalizers(*stored))) {
    drop(kept, key);
    collect_garbage();
    return {};
  }
  if (!metadata.contains("deletionTimestamp")) {
    Json going = *stored;
    going["metadata"]["deletionTimestamp"] = to_rfc3339(m_clock() + std::chrono::seconds(grace));
    going["metadata"]["deletionGracePeriodSeconds"] = grace;
    if (metadata.contains("generation")) {
      going["metadata"]["generation"] = metadata["generation"].get<std::int64_t>() + 1;
    }
    commit(kept, key, *stored, std::move(going));
  }
  return {};
}

void FakeStore::collect_garbage() {
  for (const auto& [resource, kept] : m_kinds) {
    for (const auto& [key, object] : kept.objects) {
      const Json owners = metadata_of(object).value("ownerReferences", Json::array());
      const bool orphan = !owners.empty() && !metadata_of(object).contains("deletionTimestamp")
                          && std::ranges::none_of(owners, [&](const Json& owner) {
                               return exists(text_of(owner, "uid"));
                             });
      if (orphan) {
        const Resource of =
            resource; // the removal calls this function again: no reference survives
        const ObjectKey which = key;
        (void)remove(of, which, "", false);
        collect_garbage();
        return;
      }
    }
  }
}

} // namespace taskgroup::kube
