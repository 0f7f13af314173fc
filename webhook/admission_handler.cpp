// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission_handler.h"

#include <stop_token>
#include <utility>

namespace taskgroup {

namespace {

HttpAnswer refuse(int status, const std::string& why) {
  return {.status = status, .content_type = "text/plain", .body = why + "\n"};
}

} // namespace

HttpHandler admission_handler(FindGroup find_group,
                              std::function<void(const Reviewed& reviewed)> on_review) {
  return [find_group = std::move(find_group),
          on_review = std::move(on_review)](const HttpRequest& request) -> HttpAnswer {
    if (request.path != admission_path)
      return refuse(404, std::string("there is nothing but ") + admission_path);
    if (request.method != "POST")
      return refuse(405, "POST an AdmissionReview");
    if (request.content_type != "application/json")
      return refuse(415, "Content-Type is not application/json");
    Reviewed reviewed = review(request.body, find_group);
    on_review(reviewed);
    if (reviewed.body.empty())
      return refuse(400, reviewed.error);
    return {.status = 200, .content_type = "application/json", .body = std::move(reviewed.body)};
  };
}

FindGroup group_finder(kube::KubeApi& api, std::string only_namespace) {
  return [&api, only_namespace = std::move(only_namespace)](
             const std::string& namespace_name,
             const std::string& name) -> std::optional<nlohmann::json> {
    if (!only_namespace.empty() && namespace_name != only_namespace)
      return std::nullopt;
    static const kube::Resource groups{
        .group = "taskgroup.dev", .version = "v1alpha1", .plural = "taskgroups"};
    auto group = api.get(groups, {namespace_name, name}, std::stop_token());
    if (!group)
      return std::nullopt;
    return std::move(*group);
  };
}

} // namespace taskgroup
