// SPDX-License-Identifier: Apache-2.0
// Coordinator and step agents as a pod runs them: any users, no capabilities, a root file system
// that is read-only, and folders that only kubelet has made.
#include <taskgroup/plan.h>

#include "entrypoint/test_support.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace taskgroup::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

constexpr const char* confine = R"(
set -eu
uid=$1 volumes=$2
shift 2
for volume in $volumes; do mount --bind "$volume" "$volume"; done
mount -o remount,bind,ro /
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --bounding-set=-all --inh-caps=-all \
  --ambient-caps=-all --no-new-privs "$@"
)";

struct Users {
  const char* name;
  const char* coordinator;
  const char* first; // of the first task's steps, which share its folders
  const char* second;
};

class IdentityTest : public ::testing::TestWithParam<Users> {
protected:
  void SetUp() override {
    if (geteuid() != 0 || Program({"/usr/bin/unshare", "--mount", "/bin/true"}).wait() != 0) {
      GTEST_SKIP() << "only root can be several users";
    }
    fs::permissions(root.path(), fs::perms(0755));
  }

  // Make what kubelet mounts for an emptyDir.
  std::string volume(const std::string& name) {
    fs::create_directories(root / name);
    fs::permissions(root / name, fs::perms::all);
    return root / name;
  }

  // Run a program as a user who may write to nothing but the volumes.
  static Program run_as(const char* uid, const std::string& volumes, const Words& program,
                        Words env = {}) {
    Words words = {"/usr/bin/unshare", "--mount", "/bin/sh", "-c", confine, "sh", uid, volumes};
    words.insert(words.end(), program.begin(), program.end());
    return Program(std::move(words), std::move(env));
  }

  TemporaryFolder root;
};

PlanStep step(const std::string& container, Text script) {
  PlanStep step;
  step.name = container;
  step.container = container;
  step.script = std::move(script);
  return step;
}

TEST_P(IdentityTest, PlanRunsToItsEnd) {
  PlanTask a;
  a.name = "a";
  a.retries = 1;
  a.results = {PlanResult{"uid", ValueType::string, {}}};
  const std::string tekton = root / "a/tekton";
  const std::string flag = root / "shared/tried"; // a bound workspace: not reset between attempts
  a.emptied = {root / "a/workspace", tekton + "/home"};
  a.steps = {step("write", Text("#!/bin/sh -e\n[ ! -e " + root / "a/workspace/left" + " ]\n"
                                + "touch " + root / "a/workspace/left" + " " + tekton
                                + "/home/left\nid -u > " + tekton + "/results/uid\n" + "if touch "
                                + root / "a/nowhere" + "; then exit 9; fi\n")),
             step("read", Text("#!/bin/sh -e\ncat " + tekton + "/results/uid\n[ -e " + flag
                               + " ] || { touch " + flag + "; exit 1; }\n"))};
  PlanTask b;
  b.name = "b";
  b.after = {0};
  b.needs = {*Reference::parse("tasks.a.results.uid")};
  Text script("#!/bin/sh -e\n[ '");
  script.append(*Reference::parse("tasks.a.results.uid"));
  script.append(std::string("' = '") + GetParam().first + "\n' ]\n");
  b.steps = {step("check", script)};
  Plan plan;
  plan.group = "ci";
  plan.nonce = "5f2c";
  plan.tasks = {a, b};
  plan.results = {PlanGroupResult{
      "uid", ValueType::string, {}, {Text(*Reference::parse("tasks.a.results.uid"))}}};

  // The image, and what kubelet makes before the first container starts.
  ASSERT_EQ(Program({agent_program(), "install", root / "image"}).wait(), 0);
  write_content(root / "plan/plan", gzip(to_json(plan, PlanParts::run)));
  write_content(root / "termination-log", "");
  fs::permissions(root / "termination-log", fs::perms(0666));
  fs::create_directories(root / "control");
  const std::string bin = volume("bin");
  std::string sockets;
  for (const char* const index : {"0", "1", "2"}) {
    sockets += volume(std::string("sockets/") + index) + " ";
  }
  const std::string shared = volume("shared");
  std::map<std::string, std::string> volumes;
  for (const std::string task : {"a", "b"}) {
    for (const char* const folder :
         {"/tekton/results", "/tekton/home", "/tekton/steps", "/tekton/scripts", "/workspace"}) {
      volumes[task] += volume(task + folder) + " ";
    }
  }

  Program coordinator =
      run_as(GetParam().coordinator, bin + " " + sockets + " " + root / "termination-log",
             {root / "image/taskgroup-agent", "coordinate", "--plan", root / "plan/plan",
              "--sockets", root / "sockets", "--control", root / "control/control", "--install",
              bin, "--termination-log", root / "termination-log"});
  Program hook = run_as(GetParam().coordinator, bin,
                        {root / "image/taskgroup-agent", "wait", "--limit-ms", "60000", bin});
  ASSERT_EQ(hook.wait(), 0) << hook.errors() << coordinator.errors();

  std::vector<Program> agents;
  const auto start = [&](const char* uid, const std::string& task, const std::string& index,
                         const std::string& container) {
    agents.push_back(run_as(uid, volumes[task] + sockets + shared,
                            {bin + "/taskgroup-agent", "step", "--socket",
                             root / ("sockets/" + index + "/s"), "--container", container,
                             "--nonce", "5f2c", "--root", root / task, "--script", "--"}));
  };
  start(GetParam().first, "a", "0", "write");
  start(GetParam().second, "a", "1", "read");
  start(GetParam().second, "b", "2", "check");

  Json end;
  while (const auto line = coordinator.line()) {
    end = Json::parse(*line, nullptr, false);
  }
  EXPECT_EQ(end.value("state", ""), "Succeeded") << end << coordinator.errors();
  EXPECT_EQ(end["results"]["uid"], GetParam().first + std::string("\n"));
  EXPECT_EQ(end["tasks"]["a"]["attempts"], 2);
  EXPECT_EQ(coordinator.wait(), 0);
  for (Program& agent : agents) {
    EXPECT_EQ(agent.wait(), 0) << agent.errors();
  }
  EXPECT_FALSE(content_of(root / "termination-log").value_or("").empty());
  struct stat status{};
  ASSERT_EQ(stat((bin + "/taskgroup-agent").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0555U);
}

INSTANTIATE_TEST_SUITE_P(
    AsInAPod, IdentityTest,
    ::testing::Values(Users{"OneUser", "65532", "65532", "65532"},
                      Users{"StepOf1001BesideARootCoordinator", "0", "1001", "1001"},
                      Users{"RootStepBesideACoordinatorOf65532", "65532", "0", "0"},
                      Users{"UsersThatAPlatformAssigns", "1000740000", "1000740000", "1000740000"},
                      Users{"EachContainerAnother", "65532", "1001", "0"}),
    [](const auto& one) { return std::string(one.param.name); });

} // namespace
} // namespace taskgroup::testing
