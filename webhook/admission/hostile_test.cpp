// SPDX-License-Identifier: Apache-2.0
#include "webhook/admission/review_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace taskgroup::admission {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

TEST(Review, WhatIsNoReviewIsSaidSo) {
  const std::string good = review_of(json_of(bad_group)).dump();
  const auto changed = [&](const char* pointer, const Json& value) {
    Json review = Json::parse(good);
    review[Json::json_pointer(pointer)] = value;
    return review.dump();
  };
  const std::string broken[] = {
      "",
      "{}",
      "null",
      "[]",
      "hello",
      good.substr(0, good.size() / 2),
      good + good,
      "apiVersion: admission.k8s.io/v1\nkind: AdmissionReview\nrequest: {uid: u}",
      changed("/apiVersion", "admission.k8s.io/v1beta1"),
      changed("/kind", "Pod"),
      changed("/request", nullptr),
      changed("/request/uid", 7),
      changed("/request/uid", ""),
      changed("/request/kind", "TaskGroup"),
      changed("/request/operation", nullptr),
      std::string("\xff\xfe", 2),
      std::string(9U << 20U, ' '),
      std::string(1U << 20U, '['),
  };
  for (const std::string& body : broken) {
    const Reviewed reviewed = review(body, finder({}));
    EXPECT_EQ(reviewed.body, "") << body.substr(0, 80);
    EXPECT_THAT(reviewed.error, StartsWith("no AdmissionReview")) << body.substr(0, 80);
    EXPECT_FALSE(reviewed.allowed);
  }
}

Json nested(int depth) {
  Json value = "x";
  for (int i = 0; i < depth; ++i)
    value = Json{{"a", std::move(value)}};
  return value;
}

TEST(Review, AnObjectBeyondTheLimitsIsRefusedAndSoAnswered) {
  Json object = json_of(bad_group);
  object["spec"]["deep"] = nested(98);
  EXPECT_THAT(send(review_of(object)).findings(),
              Contains(HasSubstr("error: spec.deep: unknown field")));
  object["spec"]["deep"] = nested(99);
  const Answer answer = send(review_of(object));
  EXPECT_THAT(answer.findings(), ElementsAre(HasSubstr("nested deeper than")));
  EXPECT_EQ(answer.reviewed.name, "g");
  EXPECT_EQ(answer.reviewed.kind, "TaskGroup");

  std::string twice = review_of(json_of(bad_group)).dump();
  twice = replaced(twice, "\"spec\":", "\"spec\":{},\"spec\":");
  EXPECT_THAT(send(Json::parse(twice)).findings(), SizeIs(1)) << "the test's own parser drops one";
  const Reviewed reviewed = review(twice, finder({}));
  EXPECT_THAT(reviewed.body, HasSubstr("duplicate key \\\"spec\\\""));
  EXPECT_FALSE(reviewed.allowed);
}

TEST(Review, APipelineBeyondTheLimitsIsLetThrough) {
  Json object = json_of(pipeline("  tasks: []"));
  object["spec"]["deep"] = nested(120);
  const Answer answer = send(review_of(object));
  EXPECT_TRUE(answer.allowed());
  EXPECT_THAT(answer.warnings(), ElementsAre(HasSubstr("TaskGroups in it are not checked")));
}

TEST(Review, AnAnswerIsBoundedHoweverMuchIsWrong) {
  Json object = json_of(bad_group);
  Json& spec = object["spec"];
  for (int i = 0; i < 3000; ++i)
    spec["unknown-" + std::to_string(i)] = 1;
  const Answer answer = send(review_of(object));
  EXPECT_EQ(answer.reviewed.errors, 3001U);
  EXPECT_LT(answer.reviewed.body.size(), 64U * 1024);
  EXPECT_THAT(answer.response.at("status").at("details").at("causes"), SizeIs(100));
  EXPECT_THAT(answer.message(), EndsWith(" more"));

  object = json_of(bad_group);
  std::string script;
  for (int i = 0; i < 500; ++i)
    script += "$(param.x" + std::to_string(i) + ") ";
  object["spec"]["tasks"][0]["taskSpec"]["steps"][0]["script"] = script;
  const Answer warned = send(review_of(object));
  EXPECT_EQ(warned.reviewed.warnings, 500U);
  EXPECT_THAT(warned.warnings(), AllOf(SizeIs(100), Contains("and 401 more warnings")));
}

TEST(Review, AMessageIsOneLineForEachErrorWhateverItQuotes) {
  Json object = json_of(bad_group);
  object["spec"]["tasks"][0]["taskSpec"]["steps"][0]["script"] = "x";
  object["spec"]["a\n\x1b[31mb"] = 1;
  const Answer answer = send(review_of(object));
  EXPECT_THAT(answer.message(), AllOf(StartsWith("spec.a\\n\\x1b[31mb: "), Not(HasSubstr("\n"))));
}

TEST(Review, AFinderThatThrowsEndsNothing) {
  const Reviewed reviewed =
      review(review_of(json_of(choosy_run(""))).dump(),
             [](const std::string&, const std::string&) -> std::optional<Json> {
               throw std::runtime_error("gone");
             });
  EXPECT_EQ(reviewed.body, "");
  EXPECT_EQ(reviewed.error, "gone");
}

} // namespace
} // namespace taskgroup::admission
