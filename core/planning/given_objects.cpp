// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/given_objects.h>
#include <taskgroup/nearest.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string_view>
#include <vector>

namespace taskgroup {
namespace {

using nlohmann::json;
using Failed = tl::unexpected<std::string>;

json parse(const std::string& text) {
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string text_of(const json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_optional(const json& object) {
  const auto found = object.find("optional");
  return found != object.end() && *found == true;
}

template <typename Value>
std::vector<std::string_view> keys_of(const std::map<std::string, Value>& map) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : map)
    keys.push_back(key);
  return keys;
}

// Find an object; null: it is optional and not there.
tl::expected<const KeyedData*, std::string> find_object(const char* kind, const std::string& name,
                                                        bool optional, const GivenObjects& given) {
  const auto& objects = std::string_view(kind) == "Secret" ? given.secrets : given.config_maps;
  const auto found = objects.find(name);
  if (found != objects.end())
    return &found->second;
  if (optional)
    return nullptr;
  return Failed(fmt::format("there is no {} \"{}\" in the given files{}; add the file that holds "
                            "it to the command line",
                            kind, name, did_you_mean(name, keys_of(objects))));
}

std::string no_key(const char* kind, const std::string& name, const std::string& key,
                   const KeyedData& data) {
  return fmt::format("the {} \"{}\" has no key \"{}\"{}", kind, name, key,
                     did_you_mean(key, keys_of(data)));
}

// Return whether a path leads nowhere but below its folder.
bool stays_below(const std::string& path) {
  return !path.empty() && path.front() != '/'
         && ("/" + path + "/").find("/../") == std::string::npos;
}

unsigned mode_of(const json& object, const char* field, unsigned otherwise) {
  const auto found = object.find(field);
  return found != object.end() && found->is_number_unsigned() ? found->get<unsigned>() & 0777U
                                                              : otherwise;
}

// Add an object's keys as files: those of `items`, or all.
tl::expected<void, std::string> add_files(const char* kind, const std::string& name,
                                          const json& source, unsigned mode,
                                          const GivenObjects& given,
                                          std::vector<GivenFile>& files) {
  const auto object = find_object(kind, name, is_optional(source), given);
  if (!object)
    return Failed(object.error());
  if (*object == nullptr)
    return {};
  const KeyedData& data = **object;
  const json items = source.value("items", json::array());
  if (!items.is_array() || items.empty()) {
    for (const auto& [key, content] : data)
      files.push_back({key, content, mode});
    return {};
  }
  for (const json& item : items) {
    const std::string key = text_of(item, "key");
    const std::string path = text_of(item, "path");
    if (!stays_below(path))
      return Failed(fmt::format("items: found the path \"{}\", expected a relative one without "
                                "\"..\"",
                                path));
    const auto found = data.find(key);
    if (found != data.end())
      files.push_back({path, found->second, mode_of(item, "mode", mode)});
    else if (!is_optional(source))
      return Failed(no_key(kind, name, key, data));
  }
  return {};
}

tl::expected<void, std::string> add_projected(const json& projected, const GivenObjects& given,
                                              std::vector<GivenFile>& files) {
  const unsigned mode = mode_of(projected, "defaultMode", 0644);
  for (const json& source : projected.value("sources", json::array())) {
    for (const auto& [name, part] : source.items()) {
      tl::expected<void, std::string> added;
      if (name == "configMap")
        added = add_files("ConfigMap", text_of(part, "name"), part, mode, given, files);
      else if (name == "secret")
        added = add_files("Secret", text_of(part, "name"), part, mode, given, files);
      else
        added = Failed(fmt::format("a projected {} comes from a cluster; leave it out, or bind a "
                                   "folder with `-w`",
                                   name));
      if (!added)
        return added;
    }
  }
  return {};
}

} // namespace

tl::expected<std::optional<std::string>, std::string> given_value(const std::string& source,
                                                                  const GivenObjects& given) {
  const json parsed = parse(source);
  for (const auto& [field, kind] :
       {std::pair{"configMapKeyRef", "ConfigMap"}, std::pair{"secretKeyRef", "Secret"}}) {
    const auto found = parsed.find(field);
    if (found == parsed.end() || !found->is_object())
      continue;
    const std::string name = text_of(*found, "name");
    const std::string key = text_of(*found, "key");
    const auto object = find_object(kind, name, is_optional(*found), given);
    if (!object)
      return Failed(object.error());
    if (*object == nullptr)
      return std::nullopt;
    if (const auto value = (*object)->find(key); value != (*object)->end())
      return value->second;
    if (is_optional(*found))
      return std::nullopt;
    return Failed(no_key(kind, name, key, **object));
  }
  return Failed(fmt::format("{} is about a pod, and here there is none; use a variable such as "
                            "`$(context.taskRun.name)`, or pass the value as a param",
                            parsed.empty() ? "valueFrom" : parsed.begin().key()));
}

tl::expected<std::vector<std::pair<std::string, std::string>>, std::string>
given_variables(const std::string& sources, const GivenObjects& given) {
  std::vector<std::pair<std::string, std::string>> variables;
  for (const json& source : parse(sources)) {
    const std::string prefix = text_of(source, "prefix");
    for (const auto& [field, kind] :
         {std::pair{"configMapRef", "ConfigMap"}, std::pair{"secretRef", "Secret"}}) {
      const auto found = source.find(field);
      if (found == source.end() || !found->is_object())
        continue;
      const auto object = find_object(kind, text_of(*found, "name"), is_optional(*found), given);
      if (!object)
        return Failed(object.error());
      if (*object == nullptr)
        continue;
      for (const auto& [key, value] : **object)
        variables.emplace_back(prefix + key, value);
    }
  }
  return variables;
}

tl::expected<GivenVolume, std::string> given_volume(const std::string& source,
                                                    const GivenObjects& given) {
  const json parsed = parse(source);
  GivenVolume volume;
  if (parsed.size() != 1 || !parsed.begin()->is_object())
    return Failed(fmt::format("found {}, expected the source of a volume", source));
  const std::string kind = parsed.begin().key();
  const json& inside = *parsed.begin();
  tl::expected<void, std::string> added;
  if (kind == "configMap") {
    added = add_files("ConfigMap", text_of(inside, "name"), inside,
                      mode_of(inside, "defaultMode", 0644), given, volume.files);
  } else if (kind == "secret") {
    added = add_files("Secret", text_of(inside, "secretName"), inside,
                      mode_of(inside, "defaultMode", 0644), given, volume.files);
  } else if (kind == "projected") {
    added = add_projected(inside, given, volume.files);
  } else if (kind == "persistentVolumeClaim") {
    volume.claim = text_of(inside, "claimName");
    if (!given.claims.contains(volume.claim))
      added = Failed(fmt::format(
          "there is no PersistentVolumeClaim \"{}\" in the given files{}; "
          "add the file that holds it, and it is an empty folder of the "
          "run",
          volume.claim,
          did_you_mean(volume.claim,
                       std::vector<std::string_view>(given.claims.begin(), given.claims.end()))));
  } else {
    added = Failed(fmt::format("only a cluster has a volume of the kind {}", kind));
  }
  if (!added)
    return Failed(added.error());
  return volume;
}

} // namespace taskgroup
