// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/control.h"

#include "core/run/json.h"

#include <nlohmann/json.hpp>

namespace taskgroup {

namespace {

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

} // namespace

tl::expected<Control, std::string> control_from_json(std::string_view json_text) {
  const std::optional<nlohmann::json> json = parse_json(json_text);
  if (!json || !json->is_object()) {
    return tl::make_unexpected(std::string("it is not a JSON object"));
  }
  Control control;
  const auto seq = json->find("seq");
  if (seq == json->end() || !seq->is_number_integer()) {
    return tl::make_unexpected(std::string("\"seq\" is missing or not a whole number"));
  }
  control.seq = seq->get<std::int64_t>();
  if (const auto cancel = json->find("cancel"); cancel != json->end()) {
    if (!cancel->is_object()) {
      return tl::make_unexpected(std::string("\"cancel\" is not an object"));
    }
    control.cancel = Control::Cancel{text_of(*cancel, "message")};
    if (const auto finally = cancel->find("finally"); finally != cancel->end()) {
      if (!finally->is_boolean()) {
        return tl::make_unexpected(std::string("\"cancel.finally\" is neither true nor false"));
      }
      control.cancel->finally = finally->get<bool>();
    }
  }
  if (const auto lost = json->find("lost"); lost != json->end()) {
    if (!lost->is_object()) {
      return tl::make_unexpected(std::string("\"lost\" is not an object"));
    }
    for (auto entry = lost->begin(); entry != lost->end(); ++entry) {
      if (!entry->is_object()) {
        return tl::make_unexpected("\"lost." + entry.key() + "\" is not an object");
      }
      control.lost.emplace(entry.key(),
                           Control::Lost{text_of(*entry, "reason"), text_of(*entry, "message")});
    }
  }
  if (const auto sidecars = json->find("sidecars"); sidecars != json->end()) {
    for (auto entry = sidecars->begin(); sidecars->is_object() && entry != sidecars->end();
         ++entry) {
      Control::Sidecar& sidecar = control.sidecars[entry.key()];
      sidecar.ready = entry->is_object() && entry->value("ready", nlohmann::json()) == true;
      sidecar.out_of_memory =
          entry->is_object() && entry->value("outOfMemory", nlohmann::json()) == true;
      if (const nlohmann::json code =
              entry->is_object() ? entry->value("exitCode", nlohmann::json()) : nlohmann::json();
          code.is_number_integer()) {
        sidecar.exit_code = code.get<int>();
      }
    }
  }
  return control;
}

} // namespace taskgroup
