// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/coordinate.h"
#include "entrypoint/test_support.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <memory>

namespace taskgroup::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

PlanStep step(const std::string& task, const std::string& name, std::optional<Text> script) {
  PlanStep step;
  step.name = name;
  step.container = "step-" + task + "-" + name;
  step.script = std::move(script);
  return step;
}

// A task with one step, `run`, that is this script.
PlanTask task(const std::string& name, const std::string& script,
              std::vector<std::size_t> after = {}) {
  PlanTask task;
  task.name = name;
  task.after = std::move(after);
  task.steps = {step(name, "run", Text("#!/bin/sh\nset -e\n" + script))};
  return task;
}

Plan plan_of(std::vector<PlanTask> tasks) {
  Plan plan;
  plan.group = "ci";
  plan.nonce = "5f2c";
  plan.tasks = std::move(tasks);
  plan.report_task_results = true;
  return plan;
}

// A coordinator that runs a plan, below a folder in the place of the root.
class Coordinator {
public:
  Coordinator(const TemporaryFolder& root, const Plan& plan, Words more = {})
      : m_root(root), m_plan(plan), m_program(words(root, plan, std::move(more))) {}

  Program& program() { return m_program; }

  // Return the next journal line.
  Json line() {
    const auto line = m_program.line();
    EXPECT_TRUE(line) << "the journal has ended: " << m_program.errors();
    Json json = Json::parse(line.value_or("{}"), nullptr, false);
    EXPECT_EQ(json.value("n", 0), ++m_lines) << json;
    return json;
  }

  // Return the next line with this event; with these members, if some are given.
  Json next(const std::string& event, const Json& members = Json::object()) {
    for (Json json = line(); json.contains("event"); json = line()) {
      const auto fits = [&](const auto& member) {
        return json.contains(member.key()) && json[member.key()] == member.value();
      };
      bool all = json["event"] == event;
      for (auto member = members.begin(); all && member != members.end(); ++member) {
        all = fits(member);
      }
      if (all) {
        return json;
      }
    }
    return {};
  }

  // Return a task's outcome as `State` or `State Reason` at the end of the journal.
  static std::string outcome(const Json& end, const std::string& task) {
    const Json& outcome = end.at("tasks").at(task);
    return outcome.value("state", "") + " " + outcome.value("reason", "");
  }

  std::string socket(std::size_t index) const {
    return m_root / ("sockets/" + std::to_string(index) + "/s");
  }

  // Start the real agent of a task's step.
  Program agent(std::size_t index) const {
    const StepId id = container_order(m_plan).at(index);
    const PlanTask& task = m_plan.tasks[id.task];
    return Program({agent_program(), "step", "--socket", socket(index), "--container",
                    container_at(task, id.step).container, "--nonce", m_plan.nonce, "--root",
                    m_root / ("root-of-" + task.name), "--script", "--"});
  }

  // Come as the agent of a container. The journal's first line says that its socket is open.
  Peer fake_agent(std::size_t index, const std::string& container) const {
    Peer peer = Peer::connect(socket(index));
    peer.send(wire::Hello{wire::version, container});
    return peer;
  }

  // What the control file says; replaced in one step, as the CLI does it.
  void control(const std::string& content) const {
    write_content(m_root / "control/new", content);
    fs::rename(m_root / "control/new", m_root / "control/file");
  }

private:
  static Words words(const TemporaryFolder& root, const Plan& plan, Words more) {
    write_content(root / "plan.json", to_json(plan, PlanParts::run));
    fs::create_directories(root / "control");
    Words all = {agent_program(),
                 "coordinate",
                 "--plan",
                 root / "plan.json",
                 "--sockets",
                 root / "sockets",
                 "--control",
                 root / "control/file",
                 "--termination-log",
                 root / "termination-log"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  const TemporaryFolder& m_root;
  Plan m_plan;
  Program m_program;
  int m_lines = 0;
};

class CoordinateTest : public ::testing::Test {
protected:
  TemporaryFolder root;
};

// Run the step that an agent is told to run.
void play(Peer& agent, int code = 0, std::map<std::string, std::string> results = {}) {
  const auto start = agent.to_agent<wire::Start>();
  agent.send(wire::Started{start.attempt});
  agent.send(wire::Exited{start.attempt, code, {}, std::move(results)});
}

TEST_F(CoordinateTest, RealAgentsRunAPlan) {
  PlanTask build = task("build", "printf 1.2 > " + (root / "root-of-build/tekton/results/version"));
  build.results = {PlanResult{"version", ValueType::string, {}}};
  PlanTask test = task("test", "", {0});
  Text script("#!/bin/sh\nprintf '<%s>' '");
  script.append(*Reference::parse("tasks.build.results.version"));
  script.append("' > " + (root / "tested"));
  test.steps = {step("test", "first", script),
                step("test", "second",
                     Text("#!/bin/sh\ncp " + (root / "tested") + " " + (root / "checked") + "\n"))};
  test.needs = {*Reference::parse("tasks.build.results.version")};
  PlanTask notify = task("notify", "exit 4");
  notify.is_finally = true;
  Plan plan = plan_of({build, test, notify});
  plan.results = {PlanGroupResult{
      "version", ValueType::string, {}, {Text(*Reference::parse("tasks.build.results.version"))}}};
  Coordinator coordinator(root, plan);

  std::vector<Program> agents;
  for (std::size_t i = 0; i < 4; ++i) {
    agents.push_back(coordinator.agent(i));
  }
  EXPECT_EQ(coordinator.next("task", {{"task", "build"}})["state"], "Running");
  EXPECT_EQ(coordinator.next("task", {{"task", "build"}})["state"], "Succeeded");
  EXPECT_EQ(coordinator.next("step", {{"step", "first"}})["state"], "Running");
  EXPECT_EQ(coordinator.next("step", {{"step", "second"}, {"state", "Terminated"}})["exitCode"], 0);
  coordinator.next("finally");
  const Json end = coordinator.next("end");
  EXPECT_EQ(Coordinator::outcome(end, "build"), "Succeeded Succeeded");
  EXPECT_EQ(Coordinator::outcome(end, "test"), "Succeeded Succeeded");
  EXPECT_EQ(Coordinator::outcome(end, "notify"), "Failed StepFailed");
  EXPECT_EQ(end["state"], "Failed");
  EXPECT_EQ(end["results"], Json({{"version", "1.2"}}));
  EXPECT_EQ(content_of(root / "checked"), "<1.2>");
  EXPECT_EQ(coordinator.program().wait(), 0);
  for (Program& agent : agents) {
    EXPECT_EQ(agent.wait(), 0);
  }
  EXPECT_EQ(coordinator.program().rest(), "");
  const Json message = Json::parse(content_of(root / "termination-log").value_or(""));
  EXPECT_EQ(message, Json({{"state", "Failed"},
                           {"reason", "Failed"},
                           {"succeeded", 2},
                           {"failed", 1},
                           {"cancelled", 0},
                           {"skipped", 0},
                           {"first", "notify"}}));
}

TEST_F(CoordinateTest, SocketsAreForAnybodyAndGoWithTheFirstConnection) {
  Coordinator coordinator(root, plan_of({task("a", ""), task("b", "")}));
  coordinator.next("begin");
  for (const std::string& path : {root / "sockets/0", root / "sockets/1", coordinator.socket(1)}) {
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_mode & 07777U, 0777U) << path;
  }
  Peer a = coordinator.fake_agent(0, "step-a-run");
  a.to_agent<wire::Start>();
  EXPECT_FALSE(fs::exists(coordinator.socket(0)));
}

TEST_F(CoordinateTest, ContainersAreAskedForWhenTheyAreWanted) {
  Plan plan = plan_of({task("a", ""), task("b", "", {0}), task("c", "", {1}), task("d", "", {2})});
  plan.launch_on_demand = true;
  Coordinator coordinator(root, plan, {"--ahead", "1"});
  EXPECT_THAT(coordinator.next("launch")["containers"], ElementsAre(0, 1));
  EXPECT_FALSE(fs::exists(coordinator.socket(2)));
  Program a = coordinator.agent(0);
  EXPECT_THAT(coordinator.next("launch")["containers"], ElementsAre(2));
  Program b = coordinator.agent(1);
  EXPECT_THAT(coordinator.next("launch")["containers"], ElementsAre(3));
  Program c = coordinator.agent(2);
  Program d = coordinator.agent(3);
  EXPECT_EQ(coordinator.next("end")["state"], "Succeeded");
  EXPECT_EQ(coordinator.program().wait(), 0);
}

TEST_F(CoordinateTest, EndOfTheRunDoesNotWaitForContainersThatNobodyNeeds) {
  Plan plan = plan_of({task("a", "exit 1"), task("b", "", {0})});
  plan.launch_on_demand = true;
  Coordinator coordinator(root, plan);
  EXPECT_THAT(coordinator.next("launch")["containers"], ElementsAre(0, 1));
  Program a = coordinator.agent(0);
  EXPECT_EQ(Coordinator::outcome(coordinator.next("end"), "b"), "Skipped PipelineRun was stopping");
  EXPECT_EQ(coordinator.program().wait(), 0);
}

TEST_F(CoordinateTest, ContainersOfAPodAllHearThatTheyMayEnd) {
  Coordinator coordinator(root, plan_of({task("a", "exit 1"), task("b", "", {0})}));
  Program a = coordinator.agent(0);
  EXPECT_EQ(coordinator.next("end")["state"], "Failed");
  Program late = coordinator.agent(1);
  EXPECT_EQ(late.wait(), 0);
  EXPECT_EQ(coordinator.program().wait(), 0);
}

TEST_F(CoordinateTest, LostContainerThatStartsAfterTheEndJustEnds) {
  // As one whose image could not be pulled, and was replaced by the agent's.
  Coordinator coordinator(root, plan_of({task("a", ""), task("b", "", {0})}));
  Program a = coordinator.agent(0);
  coordinator.next("task", {{"task", "a"}, {"state", "Succeeded"}});
  coordinator.control(R"({"seq":1,"lost":{"step-b-run":{"reason":"ImagePullBackOff"}}})");
  EXPECT_EQ(Coordinator::outcome(coordinator.next("end"), "b"), "Failed ImagePullBackOff");
  EXPECT_EQ(coordinator.program().wait(), 0);
  Program late = coordinator.agent(1);
  EXPECT_EQ(late.wait(), 0);
}

TEST_F(CoordinateTest, KilledAgentIsALostContainer) {
  PlanTask a = task("a", "echo $$; exec sleep 1000");
  a.retries = 3;
  Coordinator coordinator(root, plan_of({a, task("b", "", {0})}), {});
  Program agent = coordinator.agent(0);
  coordinator.next("step", {{"task", "a"}, {"state", "Running"}});
  agent.signal(SIGKILL);
  EXPECT_EQ(kill(std::stoi(agent.line().value_or("0")), SIGKILL), 0) << "no pid namespace does it";
  const Json end = coordinator.next("end");
  EXPECT_EQ(Coordinator::outcome(end, "a"), "Failed ContainerLost");
  EXPECT_EQ(end["tasks"]["a"]["attempts"], 1) << "no retry in a container that is gone";
  EXPECT_THAT(end["tasks"]["a"].value("message", ""),
              HasSubstr("container \"step-a-run\" is gone without an exit record"));
}

TEST_F(CoordinateTest, StepsEndWithTheCoordinator) {
  Coordinator coordinator(root, plan_of({task("a", "echo $$; exec sleep 1000")}));
  Program agent = coordinator.agent(0);
  const pid_t step = std::stoi(agent.line().value_or("0"));
  coordinator.program().signal(SIGKILL);
  EXPECT_EQ(agent.wait(), 1);
  EXPECT_FALSE(is_alive(step));
}

TEST_F(CoordinateTest, AgentThatMakesNoSenseHarmsItsTaskOnly) {
  const std::string hello = wire::encode(wire::Hello{wire::version, "step-bad-run"});
  const struct {
    std::string bytes;
    const char* message;
  } cases[] = {
      {"garbage\n", "what is no message"},
      {std::string(3, '\0') + "\n", "what is no message"},
      {"{\"type\":\"hello\",\"v\":9,\"container\":\"step-bad-run\"}\n", "another version"},
      {"{\"type\":\"hello\",\"v\":1,\"container\":\"step-good-run\"}\n", "is not the one"},
      {hello + hello, "is not the one"},
      {hello + "{\"type\":\"started\",\"attempt\":5}\n", "not told to start"},
      {wire::encode(wire::Exited{0, 0, {}, {}}), "does not run"},
      {hello + "{\"type\":\"reset\",\"attempt\":1,\"error\":\"\"}\n", "not asked"},
      {std::string(wire::max_message + 1, 'x'), "more than 16 MiB"},
      {std::string(100'000, '[') + "\n", "what is no message"},
      {"", "is gone"},
  };
  for (const auto& bad : cases) {
    const TemporaryFolder folder;
    Coordinator coordinator(folder, plan_of({task("bad", ""), task("good", "")}));
    coordinator.next("begin");
    Peer agent = Peer::connect(coordinator.socket(0));
    agent.send(bad.bytes);
    if (bad.bytes.empty()) {
      agent.close();
    }
    const Json lost = coordinator.next("task", {{"task", "bad"}, {"state", "Failed"}});
    EXPECT_EQ(lost["reason"], "ContainerLost") << bad.message;
    EXPECT_THAT(lost.value("message", ""), HasSubstr(bad.message));
    Program good = coordinator.agent(1);
    EXPECT_EQ(Coordinator::outcome(coordinator.next("end"), "good"), "Succeeded Succeeded");
    EXPECT_EQ(coordinator.program().wait(), 0);
  }
}

TEST_F(CoordinateTest, AgentThatDoesNotReadHoldsUpNobody) {
  Coordinator coordinator(root, plan_of({task("deaf", std::string(1'000'000, '#')),
                                         task("good", ""), task("next", "", {1})}));
  coordinator.next("begin");
  Peer deaf = coordinator.fake_agent(0, "step-deaf-run");
  Peer good = coordinator.fake_agent(1, "step-good-run");
  play(good);
  Peer next = coordinator.fake_agent(2, "step-next-run");
  play(next);
  coordinator.next("task", {{"task", "next"}, {"state", "Succeeded"}});
  play(deaf); // it reads after all
  EXPECT_EQ(coordinator.next("end")["state"], "Succeeded");
}

TEST_F(CoordinateTest, CancelByTheControlFile) {
  PlanTask cleanup = task("cleanup", "");
  cleanup.is_finally = true;
  Coordinator coordinator(root,
                          plan_of({task("a", "exec sleep 1000"), task("b", "", {0}), cleanup}));
  Program a = coordinator.agent(0);
  coordinator.next("step", {{"task", "a"}, {"state", "Running"}});
  coordinator.control(R"({"seq":1,"cancel":{"message":"no longer needed"}})");
  EXPECT_EQ(coordinator.next("stopping")["message"], "no longer needed");
  Program last = coordinator.agent(2);
  const Json end = coordinator.next("end");
  EXPECT_EQ(end["state"], "Cancelled");
  EXPECT_THAT(Coordinator::outcome(end, "a"), HasSubstr("Cancelled"));
  EXPECT_EQ(Coordinator::outcome(end, "cleanup"), "Succeeded Succeeded");
}

TEST_F(CoordinateTest, CancelMayLeaveOutFinally) {
  PlanTask cleanup = task("cleanup", "");
  cleanup.is_finally = true;
  Coordinator coordinator(root, plan_of({task("a", "exec sleep 1000"), cleanup}));
  Program a = coordinator.agent(0);
  coordinator.next("step", {{"task", "a"}, {"state", "Running"}});
  coordinator.control(R"({"seq":1,"cancel":{"message":"at once","finally":false}})");
  const Json end = coordinator.next("end");
  EXPECT_EQ(end["state"], "Cancelled");
  EXPECT_EQ(Coordinator::outcome(end, "cleanup"), "Skipped PipelineRun was stopping");
}

TEST_F(CoordinateTest, ControlFileMayBeThereBeforeTheCoordinator) {
  write_content(root / "control/file", R"({"seq":1,"cancel":{"message":"early"}})");
  Plan plan = plan_of({task("a", "")});
  plan.launch_on_demand = true;
  Coordinator coordinator(root, plan);
  EXPECT_EQ(coordinator.next("end")["state"], "Cancelled");
  EXPECT_EQ(coordinator.program().wait(), 0);
}

TEST_F(CoordinateTest, ControlFileMayBeBehindAFolderThatIsSwapped) {
  // As kubelet projects an annotation: file → ..data/file, ..data → a folder with a time.
  write_content(root / "control/..1/file", "");
  fs::create_symlink("..1", root / "control/..data");
  fs::create_symlink("..data/file", root / "control/file");
  Coordinator coordinator(root, plan_of({task("a", "")}));
  coordinator.next("begin");
  write_content(root / "control/..2/file", R"({"seq":1,"cancel":{"message":"swapped"}})");
  fs::create_symlink("..2", root / "control/..new");
  fs::rename(root / "control/..new", root / "control/..data");
  EXPECT_EQ(coordinator.next("stopping")["message"], "swapped");
}

TEST_F(CoordinateTest, OldOrUnreadableControlIsIgnored) {
  Coordinator coordinator(root, plan_of({task("a", ""), task("b", ""), task("c", "")}));
  coordinator.next("begin");
  coordinator.control(R"({"seq":7,"lost":{"step-a-run":{"reason":"First"}}})");
  EXPECT_EQ(coordinator.next("task", {{"task", "a"}, {"state", "Failed"}})["reason"], "First");
  coordinator.control(R"({"seq":7,"cancel":{"message":"the same number"}})");
  coordinator.control(R"({"seq":3,"cancel":{"message":"a lower number"}})");
  coordinator.control(R"({"cancel":{"message":"no number"}})");
  coordinator.control("garbage");
  coordinator.control(
      R"({"seq":8,"lost":{"step-b-run":{"reason":"Second"},"step-a-run":{},"nobody":{}}})");
  EXPECT_EQ(coordinator.next("task", {{"task", "b"}, {"state", "Failed"}})["reason"], "Second");
  Program c = coordinator.agent(2);
  EXPECT_EQ(coordinator.next("end")["state"], "Failed");
}

TEST_F(CoordinateTest, LostContainerThatComesAfterAllMayEnd) {
  Coordinator coordinator(root, plan_of({task("a", ""), task("b", "")}));
  coordinator.next("begin");
  coordinator.control(
      R"({"seq":1,"lost":{"step-a-run":{"reason":"ImagePullBackOff","message":"no such image"}}})");
  const Json lost = coordinator.next("task", {{"task", "a"}, {"state", "Failed"}});
  EXPECT_EQ(lost["reason"], "ImagePullBackOff");
  EXPECT_EQ(lost["message"], "no such image");
  Program late = coordinator.agent(0);
  EXPECT_EQ(late.wait(), 0);
  Program b = coordinator.agent(1);
  EXPECT_EQ(Coordinator::outcome(coordinator.next("end"), "b"), "Succeeded Succeeded");
  EXPECT_EQ(coordinator.program().wait(), 0);
}

TEST_F(CoordinateTest, TermCancelsAndLetsFinallyRun) {
  PlanTask cleanup = task("cleanup", "");
  cleanup.is_finally = true;
  Coordinator coordinator(root, plan_of({task("a", "exec sleep 1000"), cleanup}));
  Program a = coordinator.agent(0);
  coordinator.next("step", {{"task", "a"}, {"state", "Running"}});
  coordinator.program().signal(SIGTERM);
  EXPECT_THAT(coordinator.next("stopping").value("message", ""), HasSubstr("SIGTERM"));
  Program last = coordinator.agent(1);
  EXPECT_EQ(Coordinator::outcome(coordinator.next("end"), "cleanup"), "Succeeded Succeeded");
  EXPECT_EQ(coordinator.program().wait(), 0);
}

TEST_F(CoordinateTest, StepMayBelongToAnotherUser) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root can start another user's agent";
  }
  PlanTask a = task("a", "id -u > \"$RESULT\"");
  a.results = {PlanResult{"user", ValueType::string, {}}};
  Coordinator coordinator(root, plan_of({a}));
  // What a container gives to any user: the program, and a folder for results. There is none for
  // scripts, so they run from memory.
  Program install({agent_program(), "install", root / "bin"});
  ASSERT_EQ(install.wait(), 0);
  const std::string results = root / "root-of-a/tekton/results";
  fs::create_directories(results);
  fs::permissions(results, fs::perms::all);
  fs::permissions(root.path(), fs::perms::all & ~fs::perms::group_write & ~fs::perms::others_write);
  coordinator.next("begin");
  Program agent({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                 root / "bin/taskgroup-agent", "step", "--socket", coordinator.socket(0),
                 "--container", "step-a-run", "--nonce", "5f2c", "--root", root / "root-of-a",
                 "--script", "--"},
                {"RESULT=" + results + "/user"});
  const Json end = coordinator.next("end");
  EXPECT_EQ(Coordinator::outcome(end, "a"), "Succeeded Succeeded") << end;
  EXPECT_EQ(end["tasks"]["a"]["results"]["user"], "65534\n");
  EXPECT_EQ(agent.wait(), 0);
}

TEST_F(CoordinateTest, FailedAttemptIsRepeatedInTheSameContainers) {
  PlanTask flaky =
      task("flaky", "[ -e leftover ] && exit 9; touch leftover; echo attempt >> "
                        + (root / "attempts") + "; [ $(wc -l < " + (root / "attempts") + ") = 3 ]");
  flaky.steps[0].working_dir = Text(root / "workspace");
  flaky.steps.push_back(step("flaky", "after", Text("#!/bin/sh\nexit 0\n")));
  flaky.retries = 5;
  flaky.emptied = {root / "workspace"};
  Coordinator coordinator(root, plan_of({flaky}));
  Program first = coordinator.agent(0);
  Program second = coordinator.agent(1);
  EXPECT_EQ(coordinator.next("retry")["attempt"], 0);
  EXPECT_EQ(coordinator.next("retry")["attempt"], 1);
  const Json end = coordinator.next("end");
  EXPECT_EQ(end["tasks"]["flaky"]["state"], "Succeeded");
  EXPECT_EQ(end["tasks"]["flaky"]["attempts"], 3);
}

TEST_F(CoordinateTest, TimeoutDoesNotWaitForAContainerThatDoesNotCome) {
  PlanTask a = task("a", "");
  a.timeout = Millis(20);
  Coordinator coordinator(root, plan_of({a}));
  EXPECT_EQ(Coordinator::outcome(coordinator.next("end"), "a"), "Failed TaskRunTimeout");
  Program late = coordinator.agent(0);
  EXPECT_EQ(late.wait(), 0);
  EXPECT_EQ(coordinator.program().wait(), 0);
}

TEST_F(CoordinateTest, StepThatIgnoresTermIsKilledAfterTheGracePeriod) {
  PlanTask a = task("a", "trap '' TERM; while :; do sleep 1000; done");
  a.steps[0].timeout = Millis(300);
  Coordinator coordinator(root, plan_of({a}), {"--grace-ms", "1"});
  Program agent = coordinator.agent(0);
  const Json ended = coordinator.next("step", {{"state", "Terminated"}});
  EXPECT_EQ(ended["reason"], "TimeoutExceeded");
  EXPECT_EQ(coordinator.next("end")["state"], "Failed");
}

TEST_F(CoordinateTest, PlanMayTravelInTheEnvironment) {
  // {"version":1,"group":"g","nonce":"1","tasks":[{"name":"a","steps":[{"name":"s",
  // "container":"c"}]}]}
  const Words env = {
      "PLAN_0=eyJ2ZXJzaW9uIjoxLCJncm91cCI6ImciLCJub25jZSI6IjEiLCJ0YXNrcyI6W3sibmFtZSI6ImEi",
      "PLAN_1=LCJzdGVwcyI6W3sibmFtZSI6InMiLCJjb250YWluZXIiOiJjIn1dfV19"};
  Program program({agent_program(), "coordinate", "--plan-env", "PLAN_", "--sockets", root / "s"},
                  env);
  EXPECT_THAT(program.line().value_or(""), HasSubstr("\"event\":\"begin\""));
}

TEST_F(CoordinateTest, PlanMayBePacked) {
  const std::string plan = gzip(to_json(plan_of({task("a", "")}), PlanParts::run));
  write_content(root / "plan.gz", plan);
  Program of_file(
      {agent_program(), "coordinate", "--plan", root / "plan.gz", "--sockets", root / "s"});
  EXPECT_THAT(of_file.line().value_or(""), HasSubstr("\"event\":\"begin\""));

  // The same text as above, packed.
  Program of_env({agent_program(), "coordinate", "--plan-env", "PLAN_", "--sockets", root / "t"},
                 {"PLAN_0=H4sIAAAAAAACA1XIsQqAMAyE4Xe5uUvXvoo4hBBKEZPSVJfiuxtHueW/b+GW4c0UJ",
                  "PLAN_1=SfUYVdHQUWCmrJE5+hJfjjKtqB0fkiBPqX/0APZdFJTGfEZzx57AbiY95BjAAAA"});
  EXPECT_THAT(of_env.line().value_or(""), HasSubstr("\"event\":\"begin\""));
}

TEST_F(CoordinateTest, PlanThatCannotBeReadIsAnInternalError) {
  write_content(root / "bad.json", "{}");
  write_content(root / "bad.gz", gzip("{}").substr(0, 20));
  for (const std::string& plan : {root / "bad.json", root / "bad.gz", root / "missing.json"}) {
    Program program({agent_program(), "coordinate", "--plan", plan, "--sockets", root / "s",
                     "--install", root / "bin", "--termination-log", root / "termination-log"});
    EXPECT_EQ(program.wait(), 70);
    EXPECT_THAT(program.errors(), HasSubstr("plan"));
    EXPECT_THAT(content_of(root / "termination-log").value_or(""), HasSubstr("plan"));
    EXPECT_FALSE(fs::exists(root / "bin")) << "nobody's step shall start";
  }
}

TEST_F(CoordinateTest, ProgramIsInstalledOnceTheSocketsAreOpen) {
  Coordinator coordinator(root, plan_of({task("a", "")}), {"--install", root / "bin"});
  Program hook({agent_program(), "wait", "--limit-ms", "60000", root / "bin"});
  EXPECT_EQ(hook.wait(), 0);
  EXPECT_TRUE(fs::exists(coordinator.socket(0)));
  Program step({root / "bin/taskgroup-agent", "step", "--socket", coordinator.socket(0),
                "--container", "step-a-run", "--nonce", "5f2c", "--root", root / "root", "--script",
                "--"});
  EXPECT_EQ(coordinator.next("end")["state"], "Succeeded");
  EXPECT_EQ(step.wait(), 0);
}

TEST(TerminationMessageTest, ErrorIsCutTo190Bytes) {
  const std::string message = termination_message(std::string(500, '"') + "ü");
  EXPECT_LE(message.size(), 190U);
  EXPECT_GT(message.size(), 180U);
  EXPECT_TRUE(Json::accept(message));
  EXPECT_EQ(termination_message("no plan"), R"({"error":"no plan"})");
}

TEST(TerminationMessageTest, FitsIn190Bytes) {
  Plan plan;
  Outcome outcome;
  outcome.state = GroupState::failed;
  outcome.reason = "PipelineValidationFailed";
  for (int i = 0; i < 1000; ++i) {
    plan.tasks.emplace_back().name = std::string(63, 'n');
    outcome.tasks.emplace_back().state = TaskState::failed;
  }
  const std::string message = termination_message(outcome, plan);
  EXPECT_LE(message.size(), 190U);
  EXPECT_EQ(Json::parse(message)["failed"], 1000);
}

// Covers: 1.8.F1 7.F3
TEST_F(CoordinateTest, RunsATasksSidecarAroundItsSteps) {
  Plan plan = plan_of({task("a", "test -e " + root / "up")});
  PlanSidecar& sidecar = plan.tasks[0].sidecars.emplace_back();
  static_cast<PlanStep&>(sidecar) =
      step("a", "db", Text("#!/bin/sh\ntouch " + root / "up" + "\nsleep 1000\n"));
  sidecar.container = "sidecar-a-db";
  sidecar.care.readiness = {
      {.handler = {.command = {"test", "-e", root / "up"}}, .timeout = Millis(60'000)}};
  Coordinator coordinator(root, plan);
  coordinator.next("begin");
  Program step_agent = coordinator.agent(0);
  Program sidecar_agent = coordinator.agent(1);
  EXPECT_EQ(coordinator.next("sidecar").value("state", ""), "Running");
  EXPECT_EQ(coordinator.next("step").value("state", ""), "Running");
  const Json stopped = coordinator.next("sidecar", {{"state", "Terminated"}});
  EXPECT_EQ(stopped.value("sidecar", ""), "db");
  EXPECT_EQ(stopped.value("reason", ""), "Stopped");
  EXPECT_EQ(Coordinator::outcome(coordinator.next("end"), "a"), "Succeeded Succeeded");
  EXPECT_EQ(step_agent.wait(), 0);
  EXPECT_EQ(sidecar_agent.wait(), 0);
  EXPECT_EQ(coordinator.program().wait(), 0);
}

} // namespace
} // namespace taskgroup::testing
