// SPDX-License-Identifier: Apache-2.0
#include "cli/request_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace taskgroup {
namespace {

using ::testing::HasSubstr;

ParamSpec declare(const std::string& name, ValueType type) {
  ParamSpec spec;
  spec.name.text = name;
  spec.type = type;
  return spec;
}

class RequestFlagsTest : public ::testing::Test {
protected:
  RequestFlagsTest() {
    declared = {declare("version", ValueType::string), declare("targets", ValueType::array),
                declare("image", ValueType::object)};
    GroupWorkspace source;
    source.name.text = "source";
    workspaces = {source};
  }

  std::string error(const RequestFlags& flags) {
    RunRequest ignored;
    const auto applied = apply_flags(flags, declared, workspaces, ignored);
    if (applied) {
      return "";
    }
    EXPECT_EQ(applied.error().code, ExitCode::bad_input);
    return applied.error().message;
  }

  std::vector<ParamSpec> declared;
  std::vector<GroupWorkspace> workspaces;
  RunRequest request;
};

TEST_F(RequestFlagsTest, AStringParamIsTakenAsItIs) {
  ASSERT_TRUE(apply_flags({{"version=[1]=2"}, {}, ""}, declared, workspaces, request));
  ASSERT_EQ(request.params.size(), 1U);
  EXPECT_EQ(std::get<Located>(request.params[0].value.data).text, "[1]=2");
}

TEST_F(RequestFlagsTest, AnArrayParamTakesJson) {
  ASSERT_TRUE(apply_flags({{R"(targets=["a", 2, true])"}, {}, ""}, declared, workspaces, request));
  const auto& items = std::get<std::vector<Located>>(request.params[0].value.data);
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].text, "a");
  EXPECT_EQ(items[1].text, "2");
  EXPECT_EQ(items[2].text, "true");
}

TEST_F(RequestFlagsTest, TheLastFlagWinsOverTheDocument) {
  ASSERT_TRUE(apply_flags({{"version=1"}, {}, ""}, declared, workspaces, request));
  ASSERT_TRUE(apply_flags({{"version=2", "version=3"}, {}, ""}, declared, workspaces, request));
  ASSERT_EQ(request.params.size(), 1U);
  EXPECT_EQ(std::get<Located>(request.params[0].value.data).text, "3");
}

TEST_F(RequestFlagsTest, SaysWhatIsWrongWithAParam) {
  EXPECT_THAT(error({{"version"}, {}, ""}), HasSubstr("-p version: expected name=value"));
  EXPECT_THAT(error({{"verison=1"}, {}, ""}), HasSubstr("did you mean \"version\""));
  EXPECT_THAT(error({{"targets=a"}, {}, ""}), HasSubstr("expected JSON such as [\"a\",\"b\"]"));
  EXPECT_THAT(error({{R"(image=["a"])"}, {}, ""}), HasSubstr("found a list"));
}

TEST_F(RequestFlagsTest, BindsFoldersAndReadOnlySecrets) {
  ASSERT_TRUE(apply_flags({{}, {"source=/usr/."}, "90s"}, declared, workspaces, request));
  ASSERT_EQ(request.workspaces.size(), 1U);
  EXPECT_EQ(request.workspaces[0].source, "/usr");
  EXPECT_FALSE(request.workspaces[0].read_only);
  EXPECT_EQ(request.timeout.text, "90s");

  ASSERT_TRUE(
      apply_flags({{}, {"source=secret:/etc/hostname"}, ""}, declared, workspaces, request));
  ASSERT_EQ(request.workspaces.size(), 1U);
  EXPECT_EQ(request.workspaces[0].source, "/etc/hostname");
  EXPECT_TRUE(request.workspaces[0].read_only);
}

TEST_F(RequestFlagsTest, SaysWhatIsWrongWithAWorkspace) {
  EXPECT_THAT(error({{}, {"sauce=/usr"}, ""}), HasSubstr("did you mean \"source\""));
  EXPECT_THAT(error({{}, {"source=/nowhere"}, ""}), HasSubstr("cannot use \"/nowhere\""));
  EXPECT_THAT(error({{}, {"source=/etc/passwd"}, ""}), HasSubstr("is not a folder"));
}

} // namespace
} // namespace taskgroup
