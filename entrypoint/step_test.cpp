// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/files.h"
#include "entrypoint/test_support.h"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

namespace taskgroup::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

using Words = std::vector<std::string>;

// A step agent, with the test as its coordinator, below a folder in the place of the root.
class Agent {
public:
  explicit Agent(const TemporaryFolder& root, Words command, Words env = {}, bool script = false,
                 Words wrapper = {})
      : m_listener(listen_at(root / "s")),
        m_program(words(root, std::move(wrapper), std::move(command), script), std::move(env)),
        m_peer(Peer::accept(m_listener)) {
    const auto hello = m_peer.from_agent<wire::Hello>();
    EXPECT_EQ(hello.version, wire::version);
    EXPECT_EQ(hello.container, "step-build-compile");
  }

  Peer& peer() { return m_peer; }
  Program& program() { return m_program; }

  // Start the step, which must start.
  void start(const wire::Start& start) {
    m_peer.send(start);
    EXPECT_EQ(m_peer.from_agent<wire::Started>().attempt, start.attempt);
  }

  wire::Exited exited() { return m_peer.from_agent<wire::Exited>(); }

  // Run the step to its end.
  wire::Exited run(const wire::Start& message) {
    start(message);
    return exited();
  }

private:
  static Words words(const TemporaryFolder& root, Words all, Words command, bool script) {
    for (const std::string& word :
         Words{agent_program(), "step", "--socket", root / "s", "--container", "step-build-compile",
               "--nonce", "5f2c", "--root", root.path()}) {
      all.push_back(word);
    }
    if (script) {
      all.emplace_back("--script");
    }
    all.emplace_back("--");
    all.insert(all.end(), command.begin(), command.end());
    return all;
  }

  Fd m_listener;
  Program m_program;
  Peer m_peer;
};

Words shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

wire::Start attempt(int number = 0) {
  wire::Start start;
  start.attempt = number;
  start.step = "compile";
  return start;
}

wire::Start with_script(std::string script) {
  wire::Start start = attempt();
  start.script = std::move(script);
  return start;
}

wire::Start with_values(std::map<std::string, Value> values) {
  wire::Start start = attempt();
  start.values = std::move(values);
  return start;
}

wire::Start with_results(std::vector<std::string> names) {
  wire::Start start = attempt();
  start.results = std::move(names);
  return start;
}

pid_t pid_in(const std::string& path) { return std::stoi(content_of(path).value_or("0")); }

class StepTest : public ::testing::Test {
protected:
  std::string result(const std::string& name) const { return root / ("tekton/results/" + name); }

  TemporaryFolder root;
};

TEST_F(StepTest, ReportsTheExitCode) {
  Agent agent(root, shell("exit 3"));
  const auto exited = agent.run(attempt());
  EXPECT_EQ(exited.attempt, 0);
  EXPECT_EQ(exited.code, 3);
  EXPECT_EQ(exited.error, "");
}

// Covers: 2.2.F2
TEST_F(StepTest, ReportsTheSignalThatEndedIt) {
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGSEGV, SIGPIPE, SIGALRM,
                           SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU}) {
    const TemporaryFolder folder;
    Agent agent(folder, shell("ulimit -c 0; kill -" + std::to_string(number) + " $$"));
    EXPECT_EQ(agent.run(attempt()).code, 128 + number);
  }
}

TEST_F(StepTest, ContainerThatComesTooLateJustEnds) {
  {
    const Fd listener = listen_at(root / "s");
  }
  Program agent({agent_program(), "step", "--socket", root / "s", "--container", "c", "--nonce",
                 "5f2c", "--", "/bin/false"});
  EXPECT_EQ(agent.wait(), 0);
  EXPECT_THAT(agent.errors(), HasSubstr("ECONNREFUSED"));
}

// Its image could not be pulled, so the controller has put the agent's own in its place, and the
// coordinator may hear of that later than of the agent.
TEST_F(StepTest, AContainerWithTheAgentsOwnImageRunsNoStep) {
  ASSERT_TRUE(write_file(root / "taskgroup-agent", "", 0755));
  Agent agent(root, {"/bin/true"});
  agent.peer().send(attempt());
  agent.peer().send(wire::Reset{1, {}});
  EXPECT_EQ(agent.peer().from_agent<wire::ResetDone>().attempt, 1) << "nothing was started before";
  agent.peer().send(wire::Done{});
  EXPECT_EQ(agent.program().wait(), 0);
}

// The chart's test has no other image that is sure to be there.
TEST_F(StepTest, StepThatIsTheAgentItselfIsRunInItsImage) {
  ASSERT_TRUE(write_file(root / "taskgroup-agent", "", 0755));
  Agent agent(root, {"/taskgroup-agent", "self-test"});
  agent.peer().send(attempt());
  EXPECT_EQ(agent.peer().from_agent<wire::Exited>().attempt, 0) << "it was tried";
  agent.peer().send(wire::Done{});
  EXPECT_EQ(agent.program().wait(), 0);
}

TEST_F(StepTest, SocketMayComeLaterThanItsAgent) {
  Program agent({agent_program(), "step", "--socket", root / "s", "--container", "c", "--nonce",
                 "5f2c", "--", "/bin/true"});
  Peer peer = Peer::accept(listen_at(root / "s"));
  EXPECT_EQ(peer.from_agent<wire::Hello>().container, "c");
}

TEST_F(StepTest, ReportsThatMemoryRanOut) {
  const std::string events = root / "sys/fs/cgroup/memory.events";
  write_content(events, "oom 7\noom_kill 1\n");
  Agent agent(root, shell("printf 'oom_kill 2\\n' > " + events + "; kill -KILL $$"));
  EXPECT_TRUE(agent.run(attempt(0)).out_of_memory);
  EXPECT_FALSE(agent.run(attempt(1)).out_of_memory) << "not those of an attempt before";
}

TEST_F(StepTest, ObeysNoSignal) {
  Agent agent(root, shell("exit 0"));
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP,
                           SIGTTIN, SIGTTOU, SIGALRM, SIGWINCH}) {
    agent.program().signal(number);
  }
  EXPECT_EQ(agent.run(attempt()).code, 0);
  agent.peer().send(wire::Done{});
  EXPECT_EQ(agent.program().wait(), 0);
}

TEST_F(StepTest, StepHasNoSignalBlockedOrIgnored) {
  // The agent's own parent ignores some, which exec hands on.
  std::signal(SIGUSR1, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  Agent agent(root, shell("grep -c -E '^Sig(Blk|Ign):\t0+$' /proc/self/status"));
  std::signal(SIGUSR1, SIG_DFL);
  std::signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(agent.run(attempt()).code, 0);
  EXPECT_EQ(agent.program().line(), "2");
}

TEST_F(StepTest, StepLeadsASessionOfItsOwn) {
  Agent agent(root, shell("read -r pid name state parent group session rest < /proc/$$/stat; "
                          "[ $session = $$ ] && [ $group = $$ ]"));
  EXPECT_EQ(agent.run(attempt()).code, 0);
}

TEST_F(StepTest, StepHasThreeDescriptorsAndAnEmptyStdin) {
  const Fd inherited(open("/dev/null", O_RDONLY)); // without O_CLOEXEC: the agent gets it
  Agent agent(root, shell("[ -z \"$(cat)\" ] && ls /proc/$$/fd"));
  EXPECT_EQ(agent.run(attempt()).code, 0);
  agent.peer().send(wire::Done{});
  EXPECT_EQ(agent.program().rest(), "0\n1\n2\n");
}

// Covers: 2.2.F1
TEST_F(StepTest, NothingOutlivesTheStep) {
  Agent agent(root, shell("sleep 1000 & echo $! > " + (root / "child")
                          + "; setsid sh -c 'trap \"\" TERM HUP; sleep 1000 & echo $! > "
                          + (root / "own-session") + "; wait' & while ! [ -s "
                          + (root / "own-session") + " ]; do :; done"));
  EXPECT_EQ(agent.run(attempt()).code, 0);
  EXPECT_FALSE(is_alive(pid_in(root / "child")));
  EXPECT_FALSE(is_alive(pid_in(root / "own-session")));
}

TEST_F(StepTest, OrphansAreReapedWhileTheStepRuns) {
  // The step ends only when the orphan's zombie is gone.
  Agent agent(root, shell("sh -c 'sh -c \"exit 7\" & echo $! > " + (root / "orphan")
                          + "'; while [ -e /proc/$(cat " + (root / "orphan") + ") ]; do :; done"));
  EXPECT_EQ(agent.run(attempt()).code, 0);
}

TEST_F(StepTest, CommandThatIsNotThereIs127) {
  Agent agent(root, {"no-such-program", "x"});
  agent.peer().send(attempt());
  const auto exited = agent.exited();
  EXPECT_EQ(exited.code, 127);
  EXPECT_THAT(exited.error, HasSubstr("\"no-such-program\" is in no folder of PATH"));
}

TEST_F(StepTest, CommandThatCannotBeRunIs126) {
  write_content(root / "data", "text");
  Agent agent(root, {root / "data"});
  agent.peer().send(attempt());
  const auto exited = agent.exited();
  EXPECT_EQ(exited.code, 126);
  EXPECT_THAT(exited.error, HasSubstr("Permission denied (EACCES)"));
}

// Covers: 1.5.F3
TEST_F(StepTest, MissingInterpreterIsNamedAsTheReason) {
  Agent agent(root, {}, {}, true);
  agent.peer().send(with_script("#!/no/such/shell\n"));
  const auto exited = agent.exited();
  EXPECT_EQ(exited.code, 127);
  EXPECT_THAT(exited.error, HasSubstr("its interpreter is not there"));
}

TEST_F(StepTest, MarkersInArgsBecomeValuesOnce) {
  Agent agent(root, {"/usr/bin/printf", "<%s>\\n", "a @{tasks.a.results.r#5f2c} b",
                     "@{tasks.a.results.list[*]#5f2c}", "@{tasks.a.results.list[1]#5f2c}",
                     "@{tasks.a.results.fields.url#5f2c}", "@{tasks.a.results.r#beef}",
                     "$(tasks.a.results.r)"});
  const std::string tricky = "$(X) @{tasks.a.results.other#5f2c}";
  EXPECT_EQ(agent
                .run(with_values({{"tasks.a.results.r", Value(tricky)},
                                  {"tasks.a.results.list", Value(Value::Array{"1", "", "2 3"})},
                                  {"tasks.a.results.fields", Value(Value::Object{{"url", "u"}})}}))
                .code,
            0);
  agent.peer().send(wire::Done{});
  EXPECT_EQ(agent.program().rest(), "<a " + tricky
                                        + " b>\n<1>\n<>\n<2 3>\n<>\n<u>\n"
                                          "<@{tasks.a.results.r#beef}>\n<$(tasks.a.results.r)>\n");
}

TEST_F(StepTest, MarkersInTheEnvironmentBecomeValues) {
  Agent agent(root, shell("printf '%s|%s' \"$LATE\" \"$OTHER\""),
              {"LATE=v@{tasks.a.results.r#5f2c}", "OTHER=@{tasks.a.results.r#beef}"});
  EXPECT_EQ(agent.run(with_values({{"tasks.a.results.r", Value("1.2")}})).code, 0);
  agent.peer().send(wire::Done{});
  EXPECT_EQ(agent.program().rest(), "v1.2|@{tasks.a.results.r#beef}");
}

TEST_F(StepTest, MarkerWithoutAValueIsAnError) {
  Agent agent(root, {"/bin/echo", "@{tasks.a.results.r#5f2c}"});
  agent.peer().send(attempt());
  const auto exited = agent.exited();
  EXPECT_EQ(exited.code, 1);
  EXPECT_THAT(exited.error, HasSubstr("\"r\""));
}

TEST_F(StepTest, NulInAnArgumentIsAnError) {
  Agent agent(root, {"/bin/echo", "@{tasks.a.results.r#5f2c}"});
  agent.peer().send(with_values({{"tasks.a.results.r", Value(std::string("a\0b", 3))}}));
  EXPECT_THAT(agent.exited().error, HasSubstr("NUL"));
}

TEST_F(StepTest, ArgumentsThatAreTooLongAreAnError) {
  Agent agent(root, {"/bin/echo", "@{tasks.a.results.r#5f2c}"});
  agent.peer().send(with_values({{"tasks.a.results.r", Value(std::string(200'000, 'x'))}}));
  const auto exited = agent.exited();
  EXPECT_EQ(exited.code, 126);
  EXPECT_THAT(exited.error, HasSubstr("E2BIG"));
}

struct Interpreter {
  const char* name;
  const char* script;
};

class ScriptTest : public ::testing::TestWithParam<Interpreter> {
protected:
  // Run the script with two arguments; return what it prints.
  std::string run() {
    Agent agent(root, {"one", "two three"}, {}, true);
    const auto exited = agent.run(with_script(GetParam().script));
    EXPECT_EQ(exited.code, 0);
    EXPECT_EQ(exited.error, "");
    agent.peer().send(wire::Done{});
    EXPECT_EQ(agent.program().wait(), 0);
    return agent.program().rest();
  }

  TemporaryFolder root;
};

TEST_P(ScriptTest, RunsFromItsFolder) {
  EXPECT_EQ(run(), "one|two three\n");
  EXPECT_TRUE(std::filesystem::is_empty(root / "tekton/scripts"));
}

TEST_P(ScriptTest, RunsFromMemoryWhereThatFolderCannotBe) {
  write_content(root / "tekton/scripts", "a file in the place of the folder");
  EXPECT_EQ(run(), "one|two three\n");
}

INSTANTIATE_TEST_SUITE_P(
    Interpreters, ScriptTest,
    ::testing::Values(Interpreter{"sh", "#!/bin/sh\nset -e\necho \"$1|$2\"\n"},
                      Interpreter{"bash", "#!/bin/bash\nwords=(\"$@\"); echo \"${words[0]}|$2\"\n"},
                      Interpreter{"env", "#!/usr/bin/env sh\necho \"$1|$2\"\n"},
                      Interpreter{
                          "python3",
                          "#!/usr/bin/env python3\nimport sys\nprint('|'.join(sys.argv[1:]))\n"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST_F(StepTest, ScriptMayBeLong) {
  Agent agent(root, {}, {}, true);
  EXPECT_EQ(agent.run(with_script("#!/bin/sh\n" + std::string(3'000'000, '#') + "\nexit 4\n")).code,
            4);
}

TEST_F(StepTest, ContainerThatExpectsAScriptMustGetOne) {
  Agent agent(root, {"x"}, {}, true);
  agent.peer().send(attempt());
  EXPECT_THAT(agent.exited().error, HasSubstr("script"));
}

// Covers: 1.6.F1
TEST_F(StepTest, WorkingDirIsMadeBelowWorkspace) {
  Agent agent(root, shell("pwd; stat -c %a ."));
  wire::Start start = attempt();
  start.working_dir = "source/app";
  EXPECT_EQ(agent.run(start).code, 0);
  EXPECT_EQ(agent.program().line(), root / "workspace/source/app");
  EXPECT_EQ(agent.program().line(), "755");
}

// Covers: 1.6.F2
TEST_F(StepTest, AbsoluteWorkingDirIsTakenAsItIs) {
  Agent agent(root, shell("pwd"));
  wire::Start start = attempt();
  start.working_dir = root / "elsewhere";
  EXPECT_EQ(agent.run(start).code, 0);
  EXPECT_EQ(agent.program().line(), root / "elsewhere");
}

TEST_F(StepTest, WorkingDirThatIsAFileIsAnError) {
  write_content(root / "file", "");
  Agent agent(root, shell("pwd"));
  wire::Start start = attempt();
  start.working_dir = root / "file";
  agent.peer().send(start);
  EXPECT_THAT(agent.exited().error, HasSubstr("workingDir: cannot make the folder"));
}

TEST_F(StepTest, ResultsAreThoseThatExist) {
  Agent agent(root, shell("cd " + root.path()
                          + "/tekton/results; echo sha256:1 > digest; "
                            "printf 'a\\200b' > raw; : > empty; echo no > unasked; exit 1"));
  const auto exited = agent.run(with_results({"digest", "raw", "empty", "missing"}));
  EXPECT_EQ(exited.code, 1); // results of a failed step count as well
  EXPECT_THAT(exited.results, UnorderedElementsAre(Pair("digest", "sha256:1\n"),
                                                   Pair("raw", "a\xEF\xBF\xBD"
                                                               "b"),
                                                   Pair("empty", "")));
}

TEST_F(StepTest, LargeResultsTravel) {
  Agent agent(root, shell("head -c 2000000 /dev/zero | tr '\\0' '\\001' > " + result("large")));
  const auto exited = agent.run(with_results({"large"}));
  EXPECT_EQ(exited.error, "");
  EXPECT_EQ(exited.results.at("large"), std::string(2'000'000, '\1'));
}

// Covers: 3.1.F2
TEST_F(StepTest, ResultsThatAreTooLargeAreAnError) {
  Agent agent(root, shell("head -c 1500000 /dev/zero > " + result("a") + "; cp " + result("a") + " "
                          + result("b")));
  const auto exited = agent.run(with_results({"a", "b"}));
  EXPECT_EQ(exited.code, 0);
  EXPECT_THAT(exited.error, HasSubstr("result \"b\""));
  EXPECT_THAT(exited.results, IsEmpty());
}

TEST_F(StepTest, ResultThatIsNoFileIsAnError) {
  Agent agent(root, shell("mkfifo " + result("pipe")));
  EXPECT_THAT(agent.run(with_results({"pipe"})).error, HasSubstr("not a regular file"));
}

// Covers: 1.2.F2 2.1.F4
TEST_F(StepTest, ExitCodeIsWrittenForLaterStepsOfTheTask) {
  const std::string file = root / "tekton/steps/step-compile/exitCode";
  {
    Agent agent(root, shell("exit 0"));
    agent.run(attempt());
    EXPECT_EQ(content_of(file), "0");
    EXPECT_EQ(content_of(root / "tekton/steps/0/exitCode"), "0");
  }
  std::filesystem::remove_all(root / "tekton");
  std::filesystem::remove(root / "s");
  {
    Agent agent(root, shell("exit 5"));
    agent.run(attempt());
    EXPECT_EQ(content_of(file), std::nullopt) << "it ends its task";
    wire::Start carry_on = attempt(1);
    carry_on.carry_on = true;
    agent.run(carry_on);
    EXPECT_EQ(content_of(file), "5");
  }
}

TEST_F(StepTest, StoppedStepMayCleanUp) {
  Agent agent(root,
              shell("trap 'echo cleaned; exit 5' TERM; echo ready; while :; do sleep 1; done"));
  wire::Start start = attempt();
  start.carry_on = true;
  agent.start(start);
  EXPECT_EQ(agent.program().line(), "ready");
  agent.peer().send(wire::Stop{0, Millis(60'000)});
  EXPECT_EQ(agent.exited().code, 5);
  EXPECT_EQ(agent.program().line(), "cleaned");
  EXPECT_EQ(content_of(root / "tekton/steps/step-compile/exitCode"), std::nullopt);
}

TEST_F(StepTest, StoppedStepThatIgnoresTermIsKilled) {
  Agent agent(root, shell("trap '' TERM; echo ready; while :; do sleep 1000; done"));
  agent.start(attempt());
  EXPECT_EQ(agent.program().line(), "ready");
  agent.peer().send(wire::Stop{0, Millis(1)});
  EXPECT_EQ(agent.exited().code, 128 + SIGKILL);
}

// Covers: 2.2.F1
TEST_F(StepTest, StopReachesEveryProcess) {
  const std::string told = root / "told";
  Agent agent(root, shell("trap : TERM; setsid sh -c 'trap \"touch " + told
                          + "; exit\" TERM; echo ready; while :; do sleep 1; done' & "
                            "until [ -e "
                          + told + " ]; do wait $!; done; exit 7"));
  agent.start(attempt());
  EXPECT_EQ(agent.program().line(), "ready");
  agent.peer().send(wire::Stop{0, Millis(60'000)});
  EXPECT_EQ(agent.exited().code, 7);
}

TEST_F(StepTest, StopOfAStepThatHasEndedChangesNothing) {
  Agent agent(root, shell("exit 0"));
  agent.run(attempt(0));
  agent.peer().send(wire::Stop{0, Millis(1)});
  EXPECT_EQ(agent.run(attempt(1)).code, 0);
}

TEST_F(StepTest, ResetMakesRoomForTheNextAttempt) {
  Agent agent(
      root, shell("[ -e file ] && exit 9; touch file; mkdir -p cache/mod && touch cache/mod/go.mod "
                  "&& chmod -R a-w cache; exit 1"));
  wire::Start start = attempt();
  start.working_dir = "source";
  EXPECT_EQ(agent.run(start).code, 1);
  agent.peer().send(wire::Reset{1, {root / "workspace", root / "not/there"}});
  const auto reset = agent.peer().from_agent<wire::ResetDone>();
  EXPECT_EQ(reset.attempt, 1);
  EXPECT_EQ(reset.error, "");
  EXPECT_TRUE(std::filesystem::is_empty(root / "workspace"));
  start.attempt = 1;
  EXPECT_EQ(agent.run(start).code, 1);
}

TEST_F(StepTest, DoneEndsTheAgentWell) {
  Agent agent(root, shell("exit 1"));
  agent.run(attempt());
  agent.peer().send(wire::Done{});
  EXPECT_EQ(agent.program().wait(), 0);
}

TEST_F(StepTest, DoneEndsARunningStep) {
  Agent agent(root, shell("echo $$; exec sleep 1000"));
  agent.start(attempt());
  const pid_t step = std::stoi(agent.program().line().value_or("0"));
  agent.peer().send(wire::Done{});
  EXPECT_EQ(agent.program().wait(), 0);
  EXPECT_FALSE(is_alive(step));
}

TEST_F(StepTest, StepEndsWithItsCoordinator) {
  Agent agent(root, shell("trap '' TERM; echo $$; while :; do sleep 1000; done"));
  agent.start(attempt());
  const pid_t step = std::stoi(agent.program().line().value_or("0"));
  agent.peer().close();
  EXPECT_EQ(agent.program().wait(), 1);
  EXPECT_FALSE(is_alive(step));
}

TEST_F(StepTest, CoordinatorThatMakesNoSenseIsNotObeyed) {
  for (const char* const nonsense :
       {"garbage\n", "{\"type\":\"dance\"}\n", "{\"type\":\"start\"}\n", "[[[[\n"}) {
    const TemporaryFolder folder;
    Agent agent(folder, shell("exit 0"));
    agent.peer().send(nonsense);
    EXPECT_EQ(agent.program().wait(), 1) << nonsense;
  }
}

// The agent as it is in a container: pid 1 of a pid namespace.
class PidOneTest : public StepTest {
protected:
  void SetUp() override {
    Program attempt({"/usr/bin/unshare", "--pid", "--fork", "true"});
    if (attempt.wait() != 0) {
      GTEST_SKIP() << "this machine has no pid namespaces for us: " << attempt.errors();
    }
  }

  Agent agent(const std::string& script) {
    return Agent(root, shell(script), {}, false,
                 {"/usr/bin/unshare", "--pid", "--fork", "--kill-child"});
  }
};

TEST_F(PidOneTest, NothingOutlivesTheStep) {
  Agent one = agent("setsid sh -c 'trap \"\" TERM; exec 9> " + (root / "held") + "; echo ready > "
                    + (root / "up")
                    + "; while :; do sleep 1000; done' & while ! "
                      "[ -s "
                    + (root / "up") + " ]; do :; done; echo $PPID");
  EXPECT_EQ(one.run(attempt()).code, 0);
  EXPECT_EQ(one.program().line(), "1");
  one.peer().send(wire::Done{});
  EXPECT_EQ(one.program().wait(), 0);
  EXPECT_EQ(one.program().rest(), "") << "somebody still holds the pipe";
}

TEST_F(PidOneTest, StopReachesEveryProcess) {
  const std::string told = root / "told";
  Agent one = agent("trap : TERM; setsid sh -c 'trap \"touch " + told
                    + "; exit\" TERM; echo ready; while :; do sleep 1; done' & until [ -e " + told
                    + " ]; do wait $!; done; exit 7");
  one.start(attempt());
  EXPECT_EQ(one.program().line(), "ready");
  one.peer().send(wire::Stop{0, Millis(60'000)});
  EXPECT_EQ(one.exited().code, 7);
}

TEST_F(PidOneTest, OrphansAreReapedWhileTheStepRuns) {
  // A zombie can still be sent signals: the loop ends when it is gone.
  Agent one = agent("sh -c 'sh -c \"exit 7\" & echo $! > " + (root / "orphan")
                    + "'; while kill -0 $(cat " + (root / "orphan") + ") 2> /dev/null; do :; done");
  EXPECT_EQ(one.run(attempt()).code, 0);
}

TEST_F(PidOneTest, StepEndsWithItsCoordinator) {
  Agent one = agent("trap '' TERM; echo ready; while :; do sleep 1000; done");
  one.start(attempt());
  EXPECT_EQ(one.program().line(), "ready");
  one.peer().close();
  EXPECT_EQ(one.program().wait(), 1);
  EXPECT_EQ(one.program().rest(), "");
}

TEST_F(StepTest, ArgumentsThatAreNotUnderstoodEndWell) {
  for (const Words& words : std::vector<Words>{{},
                                               {"dance"},
                                               {"step"},
                                               {"step", "--nonsense", "--"},
                                               {"coordinate", "--nonsense"},
                                               {"install"}}) {
    Words argv = words;
    argv.insert(argv.begin(), agent_program());
    Program program(argv);
    EXPECT_EQ(program.wait(), 0);
    EXPECT_THAT(program.errors(), HasSubstr("nothing to do"));
  }
}

TEST_F(StepTest, InstallCopiesTheProgram) {
  Program install({agent_program(), "install", root / "bin"});
  EXPECT_EQ(install.wait(), 0);
  EXPECT_EQ(content_of(root / "bin/taskgroup-agent"), content_of(agent_program()));
  struct stat status{};
  ASSERT_EQ(stat((root / "bin/taskgroup-agent").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0555U);
  Program copy({root / "bin/taskgroup-agent", "install", root / "again"});
  EXPECT_EQ(copy.wait(), 0);
  Program over({root / "again/taskgroup-agent", "install", root / "bin"});
  EXPECT_EQ(over.wait(), 0);
}

// --- Sidecars ---

wire::Start as_sidecar(const PlanCare& care) {
  wire::Start start = attempt();
  start.care = to_json(care);
  return start;
}

PlanHandler shell_action(const std::string& script) { return {.command = shell(script)}; }

TEST_F(StepTest, ASidecarSaysWhenItIsReadyAndRunsItsHooks) {
  const std::string log = root / "log";
  PlanCare care;
  care.post_start = shell_action("echo postStart >> " + log);
  care.readiness = {{.handler = shell_action("test -e " + root / "up"), .timeout = Millis(60'000)}};
  care.pre_stop = shell_action("echo preStop >> " + log);
  Agent agent(root, shell("trap 'echo TERM >> " + log + "; exit 7' TERM; touch " + root / "up"
                          + "; while true; do sleep 0.02; done"));
  agent.start(as_sidecar(care));
  EXPECT_EQ(agent.peer().from_agent<wire::Ready>().attempt, 0);
  agent.peer().send(wire::Stop{0, Millis(60'000)});
  const auto exited = agent.exited();
  EXPECT_EQ(exited.code, 7);
  EXPECT_EQ(exited.error, "");
  EXPECT_EQ(content_of(log), "postStart\npreStop\nTERM\n");
  EXPECT_FALSE(content_of(root / "tekton/steps/step-compile/exitCode"));
}

TEST_F(StepTest, ASidecarWithoutProbesIsReadyAtOnceAndMayBeStartedAgain) {
  Agent agent(root, shell("sleep 1000"));
  for (int number = 0; number < 2; ++number) {
    wire::Start start = as_sidecar({});
    start.attempt = number;
    agent.start(start);
    EXPECT_EQ(agent.peer().from_agent<wire::Ready>().attempt, number);
    agent.peer().send(wire::Stop{number, Millis(60'000)});
    EXPECT_EQ(agent.exited().code, 128 + SIGTERM);
    agent.peer().send(wire::Reset{number + 1, {}});
    EXPECT_EQ(agent.peer().from_agent<wire::ResetDone>().error, "");
  }
}

TEST_F(StepTest, ASidecarWhoseProbeFailsIsEndedAndTheReasonIsTold) {
  PlanCare care;
  care.liveness = {
      {.handler = shell_action("false"), .timeout = Millis(60'000), .failure_threshold = 1}};
  Agent agent(root, shell("sleep 1000"));
  agent.start(as_sidecar(care));
  agent.peer().from_agent<wire::Ready>();
  const auto exited = agent.exited();
  EXPECT_EQ(exited.code, 128 + SIGTERM);
  EXPECT_EQ(exited.error, "its liveness probe failed 1 time");
}

TEST_F(StepTest, ASidecarThatMindsNoTermIsKilledAfterItsGracePeriod) {
  PlanCare care;
  care.pre_stop = {.kind = PlanHandler::Kind::sleep, .duration = Millis(60'000)};
  Agent agent(root, shell("trap '' TERM; while true; do sleep 0.02; done"));
  agent.start(as_sidecar(care));
  agent.peer().from_agent<wire::Ready>();
  agent.peer().send(wire::Stop{0, Millis(100)});
  EXPECT_EQ(agent.exited().code, 128 + SIGKILL);
}

} // namespace
} // namespace taskgroup::testing
