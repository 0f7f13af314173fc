// SPDX-License-Identifier: Apache-2.0
#include "kube/fake_kube_api.h"
#include "webhook/admission_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace taskgroup {
namespace {

using nlohmann::json;

HttpRequest review_of(const json& object) {
  return {.method = "POST",
          .path = "/validate",
          .query = "timeout=5s",
          .content_type = "application/json",
          .body =
              json{{"apiVersion", "admission.k8s.io/v1"},
                   {"kind", "AdmissionReview"},
                   {"request",
                    {{"uid", "4711"},
                     {"operation", "CREATE"},
                     {"kind",
                      {{"group", "taskgroup.dev"}, {"version", "v1alpha1"}, {"kind", "TaskGroup"}}},
                     {"object", object}}}}
                  .dump()};
}

const json group{
    {"apiVersion", "taskgroup.dev/v1alpha1"},
    {"kind", "TaskGroup"},
    {"metadata", {{"name", "g"}, {"namespace", "ns"}}},
    {"spec",
     {{"tasks",
       {{{"name", "a"}, {"taskSpec", {{"steps", {{{"image", "i"}, {"script", "true"}}}}}}}}}}}};

class AdmissionHandler : public testing::Test {
protected:
  HttpHandler handler =
      admission_handler([](const std::string&, const std::string&) { return std::nullopt; },
                        [this](const Reviewed& reviewed) { told.push_back(reviewed); });
  std::vector<Reviewed> told;
};

TEST_F(AdmissionHandler, AnswersAReviewWith200WhetherAllowedOrDenied) {
  const auto allowed = handler(review_of(group));
  EXPECT_EQ(allowed.status, 200);
  EXPECT_EQ(allowed.content_type, "application/json");
  const json answer = json::parse(allowed.body);
  EXPECT_EQ(answer["response"]["uid"], "4711");
  EXPECT_EQ(answer["response"]["allowed"], true) << answer;

  json wrong = group;
  wrong["spec"]["tasks"][0]["runAfter"] = {"b"};
  const auto denied = handler(review_of(wrong));
  EXPECT_EQ(denied.status, 200);
  EXPECT_EQ(json::parse(denied.body)["response"]["allowed"], false);
  EXPECT_EQ(json::parse(denied.body)["response"]["status"]["code"], 422);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].kind, "TaskGroup");
  EXPECT_FALSE(told[1].allowed);
}

TEST_F(AdmissionHandler, RefusesWhatIsNoReview) {
  HttpRequest request = review_of(group);
  request.path = "/metrics";
  EXPECT_EQ(handler(request).status, 404);
  request = review_of(group);
  request.method = "GET";
  EXPECT_EQ(handler(request).status, 405);
  request = review_of(group);
  request.content_type = "application/x-www-form-urlencoded";
  EXPECT_EQ(handler(request).status, 415);
  EXPECT_TRUE(told.empty());
  request = review_of(group);
  request.body = "{";
  const auto answer = handler(request);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.content_type, "text/plain");
  EXPECT_EQ(told.size(), 1U);
}

TEST(GroupFinder, ReadsTheGroupThatIsThereAndAllowed) {
  kube::FakeKubeApi api;
  const kube::Resource groups{
      .group = "taskgroup.dev", .version = "v1alpha1", .plural = "taskgroups"};
  api.serve({.resource = groups, .kind = "TaskGroup"});
  api.put(groups, group);
  EXPECT_EQ(group_finder(api, "")("ns", "g").value()["spec"], group["spec"]);
  EXPECT_EQ(group_finder(api, "ns")("ns", "g").value()["spec"], group["spec"]);
  EXPECT_FALSE(group_finder(api, "")("ns", "another"));
  EXPECT_FALSE(group_finder(api, "other")("ns", "g"));
  api.set_read_hook([](const std::string&, const kube::Resource&, const std::string&) {
    return std::optional<kube::ApiError>(kube::ApiError{.kind = kube::ApiError::Kind::timeout});
  });
  EXPECT_FALSE(group_finder(api, "")("ns", "g"));
}

} // namespace
} // namespace taskgroup
