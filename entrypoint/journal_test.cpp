// SPDX-License-Identifier: Apache-2.0
#include "entrypoint/fd.h"
#include "entrypoint/journal.h"
#include "entrypoint/test_support.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <vector>

namespace taskgroup::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

using Json = nlohmann::json;

class JournalTest : public ::testing::Test {
protected:
  JournalTest() {
    plan.group = "ci";
    for (const char* const name : {"build", "test"}) {
      PlanTask& task = plan.tasks.emplace_back();
      task.name = name;
      task.steps.emplace_back().name = "run";
    }
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }

  // A record whose line is longer than `size` bytes.
  static Record long_record(std::size_t size) {
    return record::TaskChanged{0, TaskState::failed, "Failed", std::string(size, 'x'), 0};
  }

  // Flush until nothing is left, and return all lines.
  std::vector<Json> lines(Journal& journal) {
    std::string text;
    std::array<char, 65536> buffer{};
    do {
      journal.flush();
      pollfd ready{reader.get(), POLLIN, 0};
      while (poll(&ready, 1, 0) == 1) {
        const ssize_t size = read(reader.get(), buffer.data(), buffer.size());
        text.append(buffer.data(), static_cast<std::size_t>(size));
      }
    } while (journal.pending());
    std::vector<Json> result;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      result.push_back(Json::parse(text.substr(begin, end - begin)));
      EXPECT_EQ(result.back()["n"], result.size());
      EXPECT_TRUE(result.back()["time"].is_number_integer());
      begin = end + 1;
    }
    return result;
  }

  static std::size_t count(const std::vector<Json>& lines, const std::string& event) {
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(), [&](const Json& line) { return line["event"] == event; }));
  }

  Plan plan;
  Fd reader;
  Fd writer;
};

TEST_F(JournalTest, LinesAreNumbered) {
  Journal journal(plan, writer.get());
  journal.write(record::GroupBegan{});
  journal.launch({0, 1});
  journal.heartbeat();
  const std::vector<Json> all = lines(journal);
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0]["event"], "begin");
  EXPECT_EQ(all[1]["event"], "launch");
  EXPECT_THAT(all[1]["containers"], ElementsAre(0, 1));
  EXPECT_EQ(all[2]["event"], "heartbeat");
}

TEST_F(JournalTest, ReaderThatIsSlowIsNotWaitedFor) {
  Journal journal(plan, writer.get());
  for (int i = 0; i < 100; ++i) {
    journal.write(long_record(10'000));
    journal.flush(); // a pipe holds 64 KiB
  }
  EXPECT_TRUE(journal.pending());
  EXPECT_EQ(count(lines(journal), "task"), 100U);
  EXPECT_FALSE(journal.pending());
}

TEST_F(JournalTest, ReaderThatIsGoneIsTold) {
  std::signal(SIGPIPE, SIG_IGN);
  Journal journal(plan, writer.get());
  reader.reset();
  journal.heartbeat();
  journal.flush();
  std::signal(SIGPIPE, SIG_DFL);
  EXPECT_TRUE(journal.broken());
  EXPECT_FALSE(journal.pending());
}

TEST_F(JournalTest, FileIsWrittenAtOnce) {
  const TemporaryFolder folder;
  const Fd file(open((folder / "journal").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  Journal journal(plan, file.get());
  journal.write(long_record(200'000));
  journal.flush();
  EXPECT_FALSE(journal.pending());
  EXPECT_GT(content_of(folder / "journal").value_or("").size(), 200'000U);
}

TEST_F(JournalTest, SnapshotComesWithEach256KiB) {
  Journal journal(plan, writer.get());
  for (int i = 0; i < 60; ++i) {
    journal.write(long_record(10'000));
  }
  EXPECT_EQ(count(lines(journal), "snapshot"), 2U);
}

TEST_F(JournalTest, InstancesOfAMatrixThatMayNotComeAreNotTold) {
  plan.matrices = {{.task = "m", .first = 0, .count = 2, .params = {{"p", {"x"}}}}};
  Journal journal(plan, writer.get());
  journal.write(record::GroupBegan{});
  Outcome outcome{.state = GroupState::succeeded};
  outcome.tasks = {{.state = TaskState::succeeded},
                   {.state = TaskState::skipped, .reason = std::string(no_combination)}};
  journal.write(record::GroupEnded{outcome});
  const std::vector<Json> written = lines(journal);
  EXPECT_EQ(written[0]["tasks"], Json::array({"build"}));
  EXPECT_FALSE(written[1]["tasks"].contains("test"));
  EXPECT_FALSE(written[2]["tasks"].contains("test"));
}

TEST_F(JournalTest, SnapshotTellsOfTheStepsOfTheLastAttempt) {
  plan.tasks[0].steps.resize(3);
  plan.tasks[0].steps[1].name = "second";
  plan.tasks[0].steps[2].name = "third";
  Journal journal(plan, writer.get());
  for (const int attempt : {0, 1}) {
    journal.write(record::TaskChanged{0, TaskState::running, {}, {}, attempt});
    journal.write(record::StepChanged{0, 0, attempt});
    if (attempt == 0) {
      journal.write(record::StepChanged{0, 1, attempt, true, 9, "Error", "of the first attempt"});
    }
  }
  journal.write(record::StepChanged{0, 0, 1, true, 4, "Continued", "why"});
  journal.write(record::StepChanged{0, 1, 1});
  journal.write(record::GroupEnded{});
  const std::vector<Json> all = lines(journal);
  const Json& steps = all[all.size() - 2]["tasks"]["build"]["steps"];
  ASSERT_EQ(steps.size(), 2U) << steps;
  EXPECT_EQ(steps["run"]["state"], "Terminated");
  EXPECT_EQ(steps["run"]["exitCode"], 4);
  EXPECT_EQ(steps["run"]["reason"], "Continued");
  EXPECT_EQ(steps["run"]["message"], "why");
  EXPECT_GT(steps["run"]["finished"], 0);
  EXPECT_EQ(steps["second"]["state"], "Running");
  EXPECT_GT(steps["second"]["started"], 0);
  EXPECT_FALSE(steps["second"].contains("exitCode"));
}

TEST_F(JournalTest, ResultsBeyond2MiBAreNamedAndLeftOut) {
  record::GroupEnded end;
  for (const auto& [name, size] : {std::pair("a", 900'000), std::pair("b", 1'000'000),
                                   std::pair("c", 400'000), std::pair("d", 1'500'000)}) {
    end.outcome.group_results.emplace(name, std::string(static_cast<std::size_t>(size), 'x'));
  }
  {
    Journal journal(plan, writer.get());
    journal.write(end);
    const Json line = lines(journal).back();
    EXPECT_EQ(line["omitted"], Json({{"b", 1'000'000}, {"d", 1'500'000}}));
    EXPECT_EQ(line["results"].size(), 2U);
    EXPECT_EQ(line["results"]["a"].get<std::string>().size(), 900'000U);
  }
  plan.report_task_results = true; // a file on a laptop takes them all
  Journal journal(plan, writer.get());
  journal.write(end);
  EXPECT_EQ(lines(journal).back()["results"].size(), 4U);
}

TEST_F(JournalTest, SnapshotTellsTheStateOfEverything) {
  plan.tasks[1].is_finally = true;
  Journal journal(plan, writer.get());
  journal.write(record::TaskChanged{0, TaskState::running, {}, {}, 1});
  journal.write(record::GroupStopping{"Cancelled", "why"});
  journal.write(record::FinallyBegan{});
  journal.write(record::TaskChanged{1, TaskState::skipped, "reason",
                                    std::string(Journal::snapshot_each, 'm'), 0});
  const std::vector<Json> all = lines(journal);
  ASSERT_THAT(all, SizeIs(5));
  const Json& snapshot = all.back();
  EXPECT_EQ(snapshot["event"], "snapshot");
  EXPECT_EQ(snapshot["version"], plan_version);
  EXPECT_EQ(snapshot["group"], "ci");
  EXPECT_EQ(snapshot["finally"], true);
  EXPECT_EQ(snapshot["stopping"], "Cancelled");
  const Json& build = snapshot["tasks"]["build"];
  EXPECT_EQ(build["state"], "Running");
  EXPECT_EQ(build["attempts"], 2);
  EXPECT_GT(build["started"], 0);
  EXPECT_FALSE(build.contains("finished") || build.contains("finally"));
  EXPECT_EQ(build["steps"], Json::object());
  EXPECT_EQ(snapshot["tasks"]["test"]["state"], "Skipped");
  EXPECT_EQ(snapshot["tasks"]["test"]["finally"], true);
  EXPECT_GT(snapshot["tasks"]["test"]["finished"], 0);
  EXPECT_EQ(snapshot["tasks"]["test"]["reason"], "reason");
  EXPECT_EQ(snapshot["tasks"]["test"]["attempts"], 0);
}

TEST_F(JournalTest, Beyond4MiBOnlySnapshotsLaunchesAndTheEndAreWritten) {
  Journal journal(plan, writer.get());
  for (std::size_t size = 0; size < Journal::limit; size += 10'000) {
    journal.write(long_record(10'000));
  }
  const std::size_t before = lines(journal).size();
  journal.write(record::TaskChanged{0, TaskState::failed, "Failed", "left out", 0});
  journal.launch({1});
  journal.heartbeat();
  journal.heartbeat();
  journal.write(record::GroupEnded{});

  std::array<char, 65536> buffer{};
  journal.flush();
  const ssize_t size = read(reader.get(), buffer.data(), buffer.size());
  const std::string text(buffer.data(), static_cast<std::size_t>(size));
  std::vector<std::string> events;
  std::size_t number = before;
  for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    const Json line = Json::parse(text.substr(begin, text.find('\n', begin) - begin));
    EXPECT_EQ(line["n"], ++number);
    events.push_back(line["event"]);
    if (line["event"] == "snapshot") {
      EXPECT_EQ(line["tasks"]["build"]["message"], "left out");
    }
  }
  EXPECT_THAT(events, ElementsAre("launch", "snapshot", "heartbeat", "snapshot", "end"));
}

} // namespace
} // namespace taskgroup::testing
