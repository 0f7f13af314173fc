// SPDX-License-Identifier: Apache-2.0
#include "cli/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace taskgroup {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a person would see, a line each.
class RecordingSink : public StatusSink {
public:
  void notice(std::string_view text) override { lines.push_back("notice " + std::string(text)); }
  void event(const nlohmann::json& event, std::string_view /*line*/) override {
    lines.push_back(event.value("event", "") + " " + event.value("task", event.value("state", "")));
  }
  void output(std::size_t task, std::size_t step, bool is_stderr, std::string_view line) override {
    lines.push_back(std::to_string(task) + "." + std::to_string(step) + (is_stderr ? "! " : "> ")
                    + std::string(line));
  }
  void held(const HeldStep& step) override {
    lines.push_back("held " + step.task + ":" + step.step + (step.before ? " before" : "") + ": "
                    + joined(step.look) + "; " + joined(step.go_on) + "; " + joined(step.fail));
  }

  static std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
      text += (text.empty() ? "" : " ") + word;
    return text;
  }

  std::vector<std::string> lines;
};

// A launcher whose coordinator and steps are functions of the test. They run when they are started.
class FakeLauncher : public Launcher {
public:
  FakeLauncher() : m_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~FakeLauncher() override {
    close_all();
    ::close(m_event);
  }

  std::function<void(const Container&)> on_start = [](const Container&) {};
  std::function<void()> on_kill = [] {};

  std::vector<std::string> notices() const override { return {}; }

  tl::expected<void, Failure> start_coordinator(int journal_fd) override {
    journal = ::dup(journal_fd);
    if (on_coordinator) {
      on_coordinator();
    }
    return {};
  }

  void start(const Container& container, int stdout_fd, int stderr_fd) override {
    m_open.push_back(::dup(stdout_fd));
    m_open.push_back(::dup(stderr_fd));
    on_start(container);
  }

  std::vector<std::string> enter(const Container& container, bool terminal) const override {
    return {terminal ? "talk" : "enter", std::to_string(container.index)};
  }

  int exits_fd() const override { return m_event; }

  std::vector<ContainerExit> read_exits() override {
    if (on_read_exits) {
      on_read_exits(); // called again and again: the descriptor stays readable
    } else {
      std::uint64_t ignored = 0;
      (void)!::read(m_event, &ignored, sizeof ignored);
    }
    return std::exchange(m_exits, {});
  }

  void kill_all() override {
    on_kill();
    close_all();
  }

  // --- For the test's script ---

  std::function<void()> on_coordinator;
  std::function<void()> on_read_exits;
  int journal = -1;

  void write_journal(const std::string& line) const {
    (void)!::write(journal, (line + "\n").data(), line.size() + 1);
  }

  // What the container started last writes.
  void write_stdout(const std::string& text) const {
    (void)!::write(m_open[m_open.size() - 2], text.data(), text.size());
  }
  void write_stderr(const std::string& text) const {
    (void)!::write(m_open.back(), text.data(), text.size());
  }
  void write_stderr_of(std::size_t started, const std::string& text) const {
    (void)!::write(m_open[2 * started + 1], text.data(), text.size());
  }

  void exit(ContainerExit exit) {
    if (exit.coordinator) {
      ::close(std::exchange(journal, -1));
    }
    m_exits.push_back(std::move(exit));
    const std::uint64_t one = 1;
    (void)!::write(m_event, &one, sizeof one);
  }
  void coordinator_exits() { exit({true, 0, 0, ""}); }

private:
  void close_all() {
    for (const int fd : m_open) {
      ::close(fd);
    }
    m_open.clear();
  }

  int m_event;
  std::vector<int> m_open;
  std::vector<ContainerExit> m_exits;
};

class RunnerTest : public ::testing::Test {
protected:
  RunnerTest() {
    char pattern[] = "/tmp/runner_test-XXXXXX";
    folder.root = ::mkdtemp(pattern);
    for (const char* task : {"a", "b"}) {
      PlanTask planned;
      planned.name = task;
      PlanStep step;
      step.name = "run";
      step.container = std::string("step-") + task + "-run";
      planned.steps.push_back(step);
      plan.tasks.push_back(planned);
    }
    std::filesystem::create_directories(folder.control_folder());
  }
  ~RunnerTest() override { std::filesystem::remove_all(folder.root); }

  tl::expected<ExitCode, Failure> follow() {
    return run_to_the_end(plan, folder, launcher, sink, mask, signals);
  }

  nlohmann::json control() const {
    std::ifstream file(folder.control_file());
    return nlohmann::json::parse(file, nullptr, false);
  }

  Plan plan;
  RunFolder folder;
  FakeLauncher launcher;
  RecordingSink sink;
  Mask mask;
  InterruptSignals signals;
};

TEST_F(RunnerTest, StartsWhatIsAnnouncedAndShowsTheEndLast) {
  launcher.on_coordinator = [&] {
    launcher.write_journal(R"({"event":"launch","containers":[1]})");
  };
  launcher.on_start = [&](const Container& container) {
    EXPECT_EQ(container.task, 1U);
    launcher.write_stdout("out\npart");
    launcher.write_stderr("err\n");
    launcher.write_journal(R"({"event":"step","task":"b","step":"run","state":"Running"})");
    launcher.write_journal(R"({"event":"end","state":"Succeeded"})");
    launcher.coordinator_exits();
  };
  const auto code = follow();
  ASSERT_TRUE(code);
  EXPECT_EQ(*code, ExitCode::success);
  EXPECT_THAT(sink.lines,
              ::testing::UnorderedElementsAre("launch ", "step b", "1.0> out", "1.0> part",
                                              "1.0! err", "end Succeeded"));
  EXPECT_EQ(sink.lines.back(), "end Succeeded");
}

// Covers: 2.4.F1
TEST_F(RunnerTest, SaysHowToGoOnFromABreakpoint) {
  launcher.on_coordinator = [&] {
    launcher.write_journal(
        R"({"event":"paused","task":"b","step":"run","reason":"OnFailure","exitCode":3})");
    launcher.write_journal(R"({"event":"paused","task":"a","step":"run","reason":"BeforeStep"})");
    launcher.write_journal(R"({"event":"paused","task":"c","step":"of a later release"})");
    launcher.write_journal(R"({"event":"end","state":"Succeeded"})");
    launcher.coordinator_exits();
  };
  ASSERT_TRUE(follow());
  EXPECT_THAT(sink.lines,
              ElementsAre("paused b",
                          "held b:run: talk 1 sh; enter 1 /tekton/debug/scripts/debug-continue; "
                          "enter 1 /tekton/debug/scripts/debug-fail-continue",
                          "paused a",
                          "held a:run before: talk 0 sh; enter 0 "
                          "/tekton/debug/scripts/debug-beforestep-continue; enter 0 "
                          "/tekton/debug/scripts/debug-beforestep-fail-continue",
                          "paused c", "end Succeeded"));
}

TEST_F(RunnerTest, DropsWhatTheAgentOfAStepThatNeverRanSaysAtTheEnd) {
  launcher.on_coordinator = [&] {
    launcher.write_journal(R"({"event":"launch","containers":[0,1]})");
  };
  launcher.on_start = [&](const Container& container) {
    if (container.task == 0) {
      return;
    }
    launcher.write_journal(R"({"event":"step","task":"b","step":"run","state":"Running"})");
    launcher.write_journal(R"({"event":"end","state":"Failed"})");
    launcher.coordinator_exits();
  };
  launcher.on_kill = [&] {
    launcher.write_stdout("said before\n"); // by what was started last
    launcher.write_stderr_of(0, "cannot connect\n");
  };
  EXPECT_EQ(follow().value(), ExitCode::failed);
  EXPECT_THAT(sink.lines, ::testing::Contains("1.0> said before"));
  EXPECT_THAT(sink.lines, ::testing::Not(::testing::Contains(::testing::HasSubstr("cannot"))));
}

TEST_F(RunnerTest, AFailedGroupIsExitCodeOne) {
  launcher.on_coordinator = [&] {
    launcher.write_journal(R"({"event":"end","state":"Failed"})");
    launcher.coordinator_exits();
  };
  EXPECT_EQ(follow().value(), ExitCode::failed);
}

TEST_F(RunnerTest, ReportsContainersThatCannotStartAsLost) {
  launcher.on_coordinator = [&] {
    launcher.write_journal(R"({"event":"launch","containers":[0]})");
  };
  launcher.on_start = [&](const Container& container) {
    launcher.exit({false, container.index, 0, "no such file"});
    launcher.write_journal(R"({"event":"end","state":"Failed"})");
  };
  // The coordinator ends once it has been told.
  launcher.on_read_exits = [&] {
    if (std::filesystem::exists(folder.control_file()) && launcher.journal >= 0) {
      launcher.coordinator_exits();
    }
  };
  const auto code = follow();
  ASSERT_TRUE(code);
  EXPECT_EQ(control()["lost"]["step-a-run"]["reason"], "StartError");
  EXPECT_EQ(control()["lost"]["step-a-run"]["message"], "no such file");
}

TEST_F(RunnerTest, ACoordinatorThatDiesIsAnInternalError) {
  launcher.on_coordinator = [&] {
    launcher.write_journal(R"({"event":"task","task":"a"})");
    launcher.exit({true, 0, 137, ""});
  };
  const auto code = follow();
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, ExitCode::internal);
  EXPECT_THAT(code.error().message, HasSubstr("exit code 137"));
}

TEST_F(RunnerTest, TheFirstInterruptCancelsAndTheRunGoesOn) {
  launcher.on_coordinator = [&] {
    ::raise(SIGINT);
    launcher.write_journal(R"({"event":"launch","containers":[0]})");
  };
  launcher.on_start = [&](const Container&) {};
  launcher.on_kill = [] {};
  // The coordinator answers the control file; here it is asked for when the signal has been
  // handled.
  struct CancelWatcher : RecordingSink {
    explicit CancelWatcher(std::function<void()> done) : m_done(std::move(done)) {}
    void notice(std::string_view text) override {
      RecordingSink::notice(text);
      m_done();
    }
    std::function<void()> m_done;
  };
  CancelWatcher watcher([&] {
    launcher.write_journal(R"({"event":"end","state":"Cancelled"})");
    launcher.coordinator_exits();
  });
  const auto code = run_to_the_end(plan, folder, launcher, watcher, mask, signals);
  ASSERT_TRUE(code);
  EXPECT_EQ(*code, ExitCode::interrupted);
  EXPECT_EQ(control()["cancel"]["message"], "cancelled by SIGINT");
  EXPECT_EQ(watcher.lines.back(), "end Cancelled");
}

TEST_F(RunnerTest, TheSecondSignalKillsAtOnce) {
  bool killed = false;
  launcher.on_coordinator = [&] { ::raise(SIGTERM); };
  launcher.on_kill = [&] { killed = true; };
  struct Impatient : RecordingSink {
    void notice(std::string_view text) override {
      RecordingSink::notice(text);
      if (lines.size() == 1) {
        ::raise(SIGTERM);
      }
    }
  } impatient;
  const auto code = run_to_the_end(plan, folder, launcher, impatient, mask, signals);
  ASSERT_TRUE(code);
  EXPECT_EQ(*code, ExitCode::terminated);
  EXPECT_TRUE(killed);
}

TEST_F(RunnerTest, HidesSecretsInOutput) {
  mask.add("hunter22");
  launcher.on_coordinator = [&] {
    launcher.write_journal(R"({"event":"launch","containers":[0]})");
  };
  launcher.on_start = [&](const Container&) {
    launcher.write_stdout("my hunter22\n");
    launcher.write_journal(R"({"event":"step","task":"a","step":"run","state":"Running"})");
    launcher.write_journal(R"({"event":"end","state":"Succeeded"})");
    launcher.coordinator_exits();
  };
  ASSERT_TRUE(follow());
  EXPECT_THAT(sink.lines, ::testing::Contains("0.0> my ***"));
}

} // namespace
} // namespace taskgroup
