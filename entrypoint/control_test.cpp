// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/control.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(ControlTest, OnlyTheNumberMustBeThere) {
  const auto control = control_from_json(R"({"seq":3,"later":1})");
  ASSERT_TRUE(control);
  EXPECT_EQ(control->seq, 3);
  EXPECT_FALSE(control->cancel);
  EXPECT_THAT(control->lost, IsEmpty());
}

TEST(ControlTest, SaysWhatIsCancelledAndLost) {
  const auto control = control_from_json(
      R"({"seq":4,"cancel":{"message":"enough"},"lost":{"step-a-b":{"reason":"ErrImagePull","message":"no"},"step-c-d":{}}})");
  ASSERT_TRUE(control);
  ASSERT_TRUE(control->cancel);
  EXPECT_EQ(control->cancel->message, "enough");
  EXPECT_TRUE(control->cancel->finally);
  ASSERT_THAT(control->lost, SizeIs(2));
  EXPECT_EQ(control->lost.at("step-a-b").reason, "ErrImagePull");
  EXPECT_EQ(control->lost.at("step-a-b").message, "no");
  EXPECT_EQ(control->lost.at("step-c-d").reason, "");
}

TEST(ControlTest, CancelNeedsNoMessage) {
  const auto control = control_from_json(R"({"seq":1,"cancel":{}})");
  ASSERT_TRUE(control && control->cancel);
  EXPECT_EQ(control->cancel->message, "");
}

TEST(ControlTest, CancelMayLeaveOutFinally) {
  const auto control = control_from_json(R"({"seq":1,"cancel":{"finally":false}})");
  ASSERT_TRUE(control && control->cancel);
  EXPECT_FALSE(control->cancel->finally);
}

TEST(ControlTest, AnythingElseIsRefusedWithTheField) {
  const struct {
    const char* text;
    const char* error;
  } cases[] = {
      {"", "JSON object"},
      {"[]", "JSON object"},
      {"{", "JSON object"},
      {"{}", "\"seq\""},
      {R"({"seq":"1"})", "\"seq\""},
      {R"({"seq":1.5})", "\"seq\""},
      {R"({"seq":1,"cancel":true})", "\"cancel\""},
      {R"({"seq":1,"cancel":{"finally":"no"}})", "\"cancel.finally\""},
      {R"({"seq":1,"lost":[]})", "\"lost\""},
      {R"({"seq":1,"lost":{"step-a-b":"gone"}})", "\"lost.step-a-b\""},
  };
  for (const auto& bad : cases) {
    const auto control = control_from_json(bad.text);
    ASSERT_FALSE(control) << bad.text;
    EXPECT_THAT(control.error(), HasSubstr(bad.error)) << bad.text;
  }
}

} // namespace
} // namespace taskgroup
