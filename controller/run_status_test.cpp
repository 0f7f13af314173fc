// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_outline.h"
#include "controller/progress.h"
#include "controller/run_status.h"

#include <gmock/gmock.h>

namespace taskgroup {
namespace {

using testing::ElementsAre;

std::vector<std::string> shown(const Progress& progress, const Outline& outline) {
  std::vector<std::string> result;
  for (const Json& task : tasks_of(progress, outline, nullptr))
    result.push_back(task.at("name").get<std::string>() + " "
                     + task.at("state").get<std::string>());
  return result;
}

// A matrix over a result is planned for more instances than may come.
class TasksOf : public testing::Test {
protected:
  TasksOf() {
    for (const char* name : {"list", "build-0", "build-1", "build-2"})
      outline.tasks.push_back({.name = name});
    hear("list", "Succeeded");
  }

  void hear(const std::string& name, const std::string& state) {
    TaskProgress& task = progress.tasks.emplace_back();
    task.name = name;
    task.state = state;
  }

  Outline outline;
  Progress progress;
};

TEST_F(TasksOf, InstancesThatMayComeArePending) {
  EXPECT_THAT(shown(progress, outline), ElementsAre("list Succeeded", "build-0 Pending",
                                                    "build-1 Pending", "build-2 Pending"));
}

TEST_F(TasksOf, InstancesThatDidNotComeAreNotThereAtTheEnd) {
  hear("build-0", "Succeeded");
  progress.ended = true;
  EXPECT_THAT(shown(progress, outline), ElementsAre("list Succeeded", "build-0 Succeeded"));
}

} // namespace
} // namespace taskgroup
