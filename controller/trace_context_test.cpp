// SPDX-License-Identifier: Apache-2.0
#include "controller/trace_context.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace taskgroup {
namespace {

const std::string parent = "00-0f57e147e992b304d977436289d10628-73d5909e31793992-01";

CustomRun run_with(const Json& annotations) {
  const auto run = custom_run_of(
      {{"apiVersion", "tekton.dev/v1beta1"},
       {"kind", "CustomRun"},
       {"metadata",
        {{"name", "r"}, {"namespace", "n"}, {"uid", "u"}, {"annotations", annotations}}},
       {"spec",
        {{"customRef", {{"apiVersion", api_version}, {"kind", group_kind}, {"name", "g"}}}}}});
  return run.value_or(CustomRun());
}

TEST(TraceContext, KnowsAValidTraceparent) {
  EXPECT_EQ(trace_context(parent, "").traceparent, parent);
  EXPECT_EQ(trace_context(parent, "").trace_id(), "0f57e147e992b304d977436289d10628");
  EXPECT_EQ(trace_context(parent, "a=b").tracestate, "a=b");
  const std::string later = "cc" + parent.substr(2) + "-what-comes-later";
  EXPECT_EQ(trace_context(later, "").traceparent, later);
}

TEST(TraceContext, TakesNothingElseForOne) {
  const std::vector<std::string> wrong_ones{
      "",
      "00",
      parent.substr(0, 54),
      parent + "-more",
      parent + "x",
      "ff" + parent.substr(2),
      "0G" + parent.substr(2),
      "00-00000000000000000000000000000000-73d5909e31793992-01",
      "00-0f57e147e992b304d977436289d10628-0000000000000000-01",
      "00-0F57E147E992B304D977436289D10628-73d5909e31793992-01",
      "00_0f57e147e992b304d977436289d10628_73d5909e31793992_01",
      "cc" + parent.substr(2) + "-\n",
      "cc" + parent.substr(2) + "-" + std::string(600, 'a')};
  for (const std::string& wrong : wrong_ones) {
    EXPECT_TRUE(trace_context(wrong, "a=b").empty()) << wrong;
    EXPECT_EQ(trace_context(wrong, "a=b").tracestate, "");
    EXPECT_EQ(trace_context(wrong, "a=b").trace_id(), "");
  }
}

TEST(TraceContext, ABadStateIsDroppedAlone) {
  EXPECT_EQ(trace_context(parent, "a=\n").tracestate, "");
  EXPECT_EQ(trace_context(parent, std::string(513, 'a')).tracestate, "");
  EXPECT_EQ(trace_context(parent, std::string(513, 'a')).traceparent, parent);
}

TEST(TraceContext, TheNearestAnnotationCounts) {
  const auto carrier = [](char digit) {
    return R"({"traceparent":"00-)" + std::string(32, digit) + R"(-73d5909e31793992-01"})";
  };
  Json annotations = {{"tekton.dev/pipelinerunSpanContext", carrier('1')}};
  EXPECT_EQ(trace_of_run(run_with(annotations)).trace_id(), std::string(32, '1'));
  annotations["tekton.dev/taskrunSpanContext"] = carrier('2');
  EXPECT_EQ(trace_of_run(run_with(annotations)).trace_id(), std::string(32, '2'));
  annotations["tekton.dev/customrunSpanContext"] = carrier('3');
  EXPECT_EQ(trace_of_run(run_with(annotations)).trace_id(), std::string(32, '3'));
  annotations["tekton.dev/customrunSpanContext"] = "{no JSON";
  EXPECT_EQ(trace_of_run(run_with(annotations)).trace_id(), std::string(32, '2'));
}

TEST(TraceContext, WhatIsNoCarrierIsNone) {
  for (const char* text : {"", "[]", "3", "{}", R"({"traceparent":3})", R"("text")"})
    EXPECT_TRUE(trace_of_run(run_with({{"tekton.dev/customrunSpanContext", text}})).empty());
  EXPECT_TRUE(trace_of_run(run_with(Json::object())).empty());
  EXPECT_TRUE(trace_of_pipeline_run(Json()).empty());
}

TEST(TraceContext, APipelineRunMayHaveBegunTheTrace) {
  const Json run = {
      {"status", {{"spanContext", {{"traceparent", parent}, {"tracestate", "a=b"}}}}}};
  EXPECT_EQ(trace_of_pipeline_run(run).traceparent, parent);
  EXPECT_EQ(trace_of_pipeline_run(run).tracestate, "a=b");
}

} // namespace
} // namespace taskgroup
