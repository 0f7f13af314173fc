// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_control.h"

#include "controller/pod_builder.h"
#include "kube/json_fields.h"

#include <fmt/format.h>

namespace taskgroup {

PodControl control_of(const nlohmann::json& pod) {
  const nlohmann::json& annotations = object_at(object_at(pod, "metadata"), "annotations");
  const nlohmann::json said =
      nlohmann::json::parse(text_at(annotations, control_annotation), nullptr, false);
  PodControl control;
  if (!said.is_object())
    return control;
  control.seq = integer_at(said, "seq");
  if (const nlohmann::json& cancel = object_at(said, "cancel"); said.contains("cancel")) {
    control.cancel = PodControl::Cancel{text_at(cancel, "message"),
                                        !cancel.contains("finally") || bool_at(cancel, "finally"),
                                        bool_at(cancel, "timedOut"), integer_at(cancel, "at")};
  }
  for (const auto& [container, lost] : object_at(said, "lost").items())
    control.lost[container] = {text_at(lost, "reason"), text_at(lost, "message")};
  for (const auto& [container, told] : object_at(said, "sidecars").items()) {
    PodControl::Sidecar& sidecar = control.sidecars[container];
    sidecar.ready = bool_at(told, "ready");
    sidecar.out_of_memory = bool_at(told, "outOfMemory");
    if (told.is_object() && told.contains("exitCode"))
      sidecar.exit_code = static_cast<int>(integer_at(told, "exitCode"));
  }
  return control;
}

std::string to_text(const PodControl& control) {
  nlohmann::json said = {{"seq", control.seq}};
  if (control.cancel) {
    said["cancel"] = {{"message", control.cancel->message},
                      {"finally", control.cancel->run_finally},
                      {"timedOut", control.cancel->timed_out},
                      {"at", control.cancel->at}};
  }
  for (const auto& [container, lost] : control.lost)
    said["lost"][container] = {{"reason", lost.reason}, {"message", lost.message}};
  for (const auto& [container, sidecar] : control.sidecars) {
    nlohmann::json& told = said["sidecars"][container];
    told["ready"] = sidecar.ready;
    if (sidecar.exit_code)
      told["exitCode"] = *sidecar.exit_code;
    if (sidecar.out_of_memory)
      told["outOfMemory"] = true;
  }
  return said.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json patch_for(const PodView& pod) {
  return nlohmann::json::array({{{"op", "test"}, {"path", "/metadata/uid"}, {"value", pod.uid()}}});
}

void add_control(nlohmann::json& patch, const PodControl& control) {
  std::string name;
  for (const char c : std::string_view(control_annotation))
    name += c == '/' ? std::string("~1") : std::string(1, c); // RFC 6901
  patch.push_back({{"op", "add"},
                   {"path", fmt::format("/metadata/annotations/{}", name)},
                   {"value", to_text(control)}});
}

void add_image(nlohmann::json& patch, const PodView& pod, const std::string& container,
               const std::string& image) {
  const auto index = pod.index_of(container);
  if (!index)
    return;
  const std::string path = fmt::format("/spec/containers/{}", *index);
  patch.push_back({{"op", "test"}, {"path", path + "/name"}, {"value", container}});
  patch.push_back({{"op", "replace"}, {"path", path + "/image"}, {"value", image}});
}

void add_forced_end(nlohmann::json& patch) {
  patch.push_back({{"op", "add"}, {"path", "/spec/activeDeadlineSeconds"}, {"value", 1}});
}

bool end_forced(const nlohmann::json& pod) {
  return integer_at(object_at(pod, "spec"), "activeDeadlineSeconds") == 1;
}

} // namespace taskgroup
