// SPDX-License-Identifier: Apache-2.0
// Any bytes as an AdmissionReview: there is an answer, or a reason why not; a denial has its code,
// reason and causes; and the same bytes get the same answer.
#include "webhook/admission/review.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

using nlohmann::json;
using taskgroup::Reviewed;

void check(bool holds) {
  if (!holds)
    std::abort();
}

std::optional<json> find_group(const std::string&, const std::string& name) {
  if (name == "none")
    return std::nullopt;
  return json{{"spec",
               {{"params", {{{"name", "p"}}, {{"name", "list"}, {"type", "array"}}}},
                {"tasks",
                 {{{"name", "a"},
                   {"taskSpec", {{"steps", {{{"image", "i"}, {"script", "$(params.p)"}}}}}}}}}}}};
}

void check_answer(const Reviewed& reviewed) {
  check(reviewed.body.empty() != reviewed.error.empty());
  check(reviewed.allowed == (!reviewed.body.empty() && reviewed.errors == 0));
  if (reviewed.body.empty())
    return;
  const json answer = json::parse(reviewed.body);
  const json& response = answer.at("response");
  check(!response.at("uid").get<std::string>().empty());
  check(response.at("allowed") == reviewed.allowed);
  check(reviewed.body.size() < (1U << 20U));
  if (reviewed.allowed)
    return;
  const json& status = response.at("status");
  check(status.at("code") == 422 && status.at("reason") == "Invalid");
  check(!status.at("message").get<std::string>().empty());
  check(!status.at("details").at("causes").empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Reviewed reviewed = taskgroup::review(bytes, find_group);
  check_answer(reviewed);
  check(taskgroup::review(bytes, find_group).body == reviewed.body);
  return 0;
}
