// SPDX-License-Identifier: Apache-2.0
#include "cli/containers/container_flags.h"
#include "cli/containers/fake_dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace taskgroup::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ContainerFlags : public ::testing::Test {
protected:
  Command flags(const std::string& fields, const std::string& pod = "") {
    auto made = container_flags(fields, pod, image, engine);
    EXPECT_TRUE(made) << made.error();
    return made ? *made : Command();
  }
  std::string error(const std::string& fields) {
    const auto made = container_flags(fields, "", image, engine);
    return made ? "no error" : made.error();
  }

  FakeDialect engine;
  Image image;
};

TEST_F(ContainerFlags, NothingAsksForNothing) {
  EXPECT_THAT(flags(""), IsEmpty());
  EXPECT_THAT(flags("{}"), IsEmpty());
}

TEST_F(ContainerFlags, TheContainersUserIsOverThePods) {
  const std::string pod = R"({"runAsUser":1,"runAsGroup":2,"fsGroup":3})";
  EXPECT_THAT(flags("{}", pod), ElementsAre("--user=1:2"));
  EXPECT_THAT(flags(R"({"securityContext":{"runAsUser":7}})", pod), ElementsAre("--user=7:2"));
  EXPECT_THAT(flags(R"({"securityContext":{"runAsUser":7}})"), ElementsAre("--user=7"));
  EXPECT_THAT(flags(R"({"securityContext":{"runAsGroup":7}})"), ElementsAre("--user=0:7"));
}

TEST_F(ContainerFlags, PrivilegesAreAsWritten) {
  EXPECT_THAT(flags(R"({"securityContext":{"privileged":true,"readOnlyRootFilesystem":true,)"
                    R"("allowPrivilegeEscalation":false,"capabilities":{"add":["NET_ADMIN"],)"
                    R"("drop":["ALL"]}}})"),
              ElementsAre("--privileged", "--read-only", "--security-opt=no-new-privileges",
                          "--cap-drop=ALL", "--cap-add=NET_ADMIN"));
  EXPECT_THAT(flags(R"({"securityContext":{"privileged":false,"allowPrivilegeEscalation":true}})"),
              IsEmpty());
}

TEST_F(ContainerFlags, LimitsAreSetWhereTheEngineCan) {
  const std::string fields =
      R"({"resources":{"limits":{"memory":"64Mi","cpu":"250m"},"requests":{"memory":"1Gi"}}})";
  EXPECT_THAT(flags(fields), ElementsAre("--memory=67108864", "--cpus=0.250"));
  engine.limits_memory = false;
  EXPECT_THAT(flags(fields), ElementsAre("--cpus=0.250"));
  EXPECT_FALSE(is_honoured("spec.steps[0].computeResources.limits", engine));
  engine.limits_cpu = false;
  EXPECT_THAT(flags(fields), IsEmpty());
}

TEST_F(ContainerFlags, MoreProcessorsThanThereAreAreNoLimit) {
  EXPECT_THAT(flags(R"({"resources":{"limits":{"cpu":100000}}})"), IsEmpty());
}

TEST_F(ContainerFlags, RunAsNonRootRefusesRootAsKubeletDoes) {
  const std::string non_root = R"({"securityContext":{"runAsNonRoot":true}})";
  EXPECT_THAT(error(non_root), HasSubstr("the image runs as root"));
  image.user = "nobody";
  EXPECT_THAT(error(non_root), HasSubstr("\"nobody\" is no number"));
  image.user = "65532:65532";
  EXPECT_THAT(flags(non_root), IsEmpty());
  image.user = "";
  EXPECT_THAT(flags(R"({"securityContext":{"runAsNonRoot":true,"runAsUser":5}})"),
              ElementsAre("--user=5"));
  EXPECT_THAT(error(R"({"securityContext":{"runAsNonRoot":true,"runAsUser":0}})"),
              HasSubstr("set runAsUser"));
}

TEST_F(ContainerFlags, SaysWhatItHonours) {
  EXPECT_TRUE(is_honoured("spec.steps[0].image", engine));
  EXPECT_TRUE(is_honoured("spec.steps[0].securityContext.runAsUser", engine));
  EXPECT_TRUE(is_honoured("spec.steps[0].computeResources.limits", engine));
  EXPECT_FALSE(is_honoured("spec.steps[0].computeResources.requests", engine));
  EXPECT_FALSE(is_honoured("spec.podTemplate.nodeSelector", engine));
}

TEST(MountFlag, PathsMayHoldWhatSeparates) {
  EXPECT_EQ(mount_flag("/a", "/b", false), R"(--mount=type=bind,"source=/a","target=/b")");
  EXPECT_EQ(mount_flag(R"(/a,"b":c)", "/b", true),
            R"(--mount=type=bind,"source=/a,""b"":c","target=/b",readonly)");
}

} // namespace
} // namespace taskgroup::containers
