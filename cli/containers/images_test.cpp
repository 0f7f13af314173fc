// SPDX-License-Identifier: Apache-2.0
#include "cli/containers/fake_dialect.h"
#include "cli/containers/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Finished found{0,
                     R"([{"Id":"sha256:1","Config":{"Entrypoint":["/e"],"Cmd":["c","d"],)"
                     R"("User":"65532"}}])",
                     ""};
const Finished missing{1, "[]\n", "Error: no such image\n"};

TEST(ImageSearch, TakesTheImageThatIsThere) {
  const FakeDialect engine;
  ImageSearch search(engine, "golang", PullPolicy::if_not_present);
  EXPECT_THAT(*search.command(), ElementsAre("engine", "image", "inspect", "golang"));
  search.take(found);
  EXPECT_FALSE(search.command());
  ASSERT_TRUE(search.result());
  EXPECT_EQ(search.result()->id, "sha256:1");
  EXPECT_EQ(search.result()->user, "65532");
  EXPECT_THAT(search.result()->entrypoint, ElementsAre("/e"));
  EXPECT_THAT(search.result()->cmd, ElementsAre("c", "d"));
}

TEST(ImageSearch, PullsAMissingImageByTheNameItHasInAPod) {
  const FakeDialect engine;
  ImageSearch search(engine, "golang", PullPolicy::if_not_present);
  search.take(missing);
  EXPECT_TRUE(search.pulls());
  EXPECT_THAT(*search.command(), ElementsAre("engine", "pull", "--quiet", "hub/golang"));
  search.take({0, "", ""});
  EXPECT_THAT(*search.command(), ElementsAre("engine", "image", "inspect", "hub/golang"));
  search.take(found);
  EXPECT_TRUE(search.result());
}

TEST(ImageSearch, SaysWhyAnImageCannotBePulled) {
  const FakeDialect engine;
  ImageSearch search(engine, "golang", PullPolicy::if_not_present);
  search.take(missing);
  search.take({125, "", "Trying to pull …\nError: no such host\n"});
  EXPECT_FALSE(search.command());
  EXPECT_EQ(search.result().error(), "engine cannot pull the image \"golang\": no such host");
}

TEST(ImageSearch, PolicyNeverDoesNotPull) {
  const FakeDialect engine;
  ImageSearch search(engine, "golang", pull_policy("Never"));
  search.take(missing);
  EXPECT_FALSE(search.command());
  EXPECT_THAT(search.result().error(), HasSubstr("imagePullPolicy is Never"));
}

TEST(ImageSearch, PolicyAlwaysPullsFirst) {
  const FakeDialect engine;
  ImageSearch search(engine, "golang", pull_policy("Always"));
  EXPECT_TRUE(search.pulls());
}

TEST(ImageSearch, AnImageWithoutConfigurationHasNoCommand) {
  const FakeDialect engine;
  ImageSearch search(engine, "golang", PullPolicy::if_not_present);
  search.take({0, R"([{"Id":"sha256:1","Config":{"Entrypoint":null,"Cmd":null}}])", ""});
  ASSERT_TRUE(search.result());
  EXPECT_TRUE(search.result()->entrypoint.empty());
  EXPECT_EQ(search.result()->user, "");
}

TEST(ImageSearch, WhatCannotBeReadIsAnError) {
  const FakeDialect engine;
  ImageSearch search(engine, "golang", PullPolicy::if_not_present);
  search.take({0, "what?", ""});
  EXPECT_THAT(search.result().error(), HasSubstr("cannot be read"));
}

TEST(Podman, PullsFromWhereAPodWould) {
  const auto podman = make_podman();
  EXPECT_EQ(podman->pulled_name("golang:1.22"), "docker.io/library/golang:1.22");
  EXPECT_EQ(podman->pulled_name("owner/tool"), "docker.io/owner/tool");
  EXPECT_EQ(podman->pulled_name("ghcr.io/owner/tool"), "ghcr.io/owner/tool");
  EXPECT_EQ(podman->pulled_name("localhost/tool"), "localhost/tool");
  EXPECT_EQ(podman->pulled_name("registry:5000/tool"), "registry:5000/tool");
}

TEST(LastLine, IsWhatAnEngineFailedOf) {
  EXPECT_EQ(last_line("Trying …\nError: no such host\n"), "no such host");
  EXPECT_EQ(last_line("docker: Error response from daemon: no\n"), "no");
  EXPECT_EQ(last_line(""), "it does not say why");
}

} // namespace
} // namespace taskgroup::containers
