// SPDX-License-Identifier: Apache-2.0
#include "cli/container_launcher.h"
#include "cli/containers/fake_dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taskgroup {
namespace {

using ::testing::ElementsAre;

TEST(ContainerCommand, RunsTheAgentInTheStepsImage) {
  const containers::FakeDialect engine;
  ContainerRecipe recipe;
  recipe.name = "step-a-b";
  recipe.image = "golang";
  recipe.argv = {"/tekton/bin/taskgroup-agent", "step", "--", "go", "test"};
  recipe.env = {{"A", "1"}, {"B", "two\nlines"}};
  recipe.mounts = {{"/run-1/volumes/x", "/workspace", false},
                   {"/agent", "/tekton/bin/agent", true}};
  EXPECT_THAT(
      container_command(engine, {"/tmp/taskgroup-abc", "/dev/shm/y"}, recipe, "sha256:1",
                        {"--user=1001"}),
      ElementsAre("engine", "run", "--rm", "--name=taskgroup-abc-step-a-b",
                  "--label=dev.taskgroup.folder=/tmp/taskgroup-abc", "--network=host",
                  "--pull=never", "--log-driver=none", "--security-opt=label=disable", "--own-flag",
                  "--user=1001", "--env=A=1", "--env=B=two\nlines",
                  R"(--mount=type=bind,"source=/run-1/volumes/x","target=/workspace")",
                  R"(--mount=type=bind,"source=/agent","target=/tekton/bin/agent",readonly)",
                  "--entrypoint=/tekton/bin/taskgroup-agent", "sha256:1", "step", "--", "go",
                  "test"));
}

} // namespace
} // namespace taskgroup
