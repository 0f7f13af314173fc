// SPDX-License-Identifier: Apache-2.0
#include "controller/progress.h"
#include "entrypoint/fd.h"
#include "entrypoint/files.h"
#include "entrypoint/journal.h"

#include <gmock/gmock.h>

#include <sys/mman.h>

#include <functional>
#include <numeric>

namespace taskgroup {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

using Lines = std::vector<std::string>;

// What the coordinator writes for these records.
Lines journal_of(const Plan& plan, const std::function<void(Journal&)>& write) {
  const Fd file(memfd_create("journal", MFD_CLOEXEC));
  Journal journal(plan, file.get());
  write(journal);
  while (journal.pending()) {
    journal.flush();
  }
  const auto text =
      read_file("/proc/self/fd/" + std::to_string(file.get()), std::size_t{1} << 30U).value_or("");
  Lines lines;
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    lines.push_back(text.substr(begin, end + 1 - begin));
  }
  return lines;
}

std::string joined(const Lines& lines, std::size_t first = 0) {
  return std::accumulate(lines.begin() + static_cast<std::ptrdiff_t>(first), lines.end(),
                         std::string());
}

// A progress as text, all that a reader can know; `times`: those of tasks and steps as well.
std::string text_of(const Progress& progress, bool times = true) {
  std::string text = progress.state + "," + progress.reason + "," + progress.message + ","
                     + progress.stopping + (progress.gap ? ",gap" : "")
                     + (progress.finally_begun ? ",finally" : "") + (progress.ended ? ",ended" : "")
                     + "\n";
  const auto between = [times](std::int64_t started, std::int64_t finished) {
    return times ? " " + std::to_string(started) + "-" + std::to_string(finished) : std::string();
  };
  for (const TaskProgress& task : progress.tasks) {
    text += task.name + (task.is_finally ? "(finally)" : "") + " " + task.state + " " + task.reason
            + " " + task.message + " " + std::to_string(task.attempts)
            + between(task.started, task.finished) + "\n";
    for (const StepProgress& step : task.steps) {
      text += "  " + step.name + " " + step.state + " "
              + std::to_string(step.exit_code.value_or(-1)) + " " + step.reason + " " + step.message
              + between(step.started, step.finished) + "\n";
    }
  }
  for (const auto& [name, value] : progress.results) {
    text += name + "=" + value.to_text() + "\n";
  }
  for (const auto& [name, bytes] : progress.omitted) {
    text += name + ":" + std::to_string(bytes) + "\n";
  }
  return text;
}

Progress read(const std::string& journal) {
  JournalReader reader;
  reader.feed(journal);
  EXPECT_EQ(reader.error(), "");
  return reader.progress();
}

class JournalReaderTest : public ::testing::Test {
protected:
  JournalReaderTest() {
    plan.group = "ci";
    for (const char* const name : {"test", "build", "deploy", "report"}) {
      PlanTask& task = plan.tasks.emplace_back();
      task.name = name;
      task.steps.emplace_back().name = "prepare";
      task.steps.emplace_back().name = "run";
    }
    plan.tasks[3].is_finally = true;
  }

  // A run with a retry, a failure, a skip, finally and results.
  void write_run(Journal& journal) {
    journal.write(record::GroupBegan{});
    journal.write(record::TaskChanged{0, TaskState::running, {}, {}, 0});
    journal.write(record::StepChanged{0, 0, 0});
    journal.write(record::TaskChanged{1, TaskState::running, {}, {}, 0});
    journal.write(record::StepChanged{0, 0, 0, true, 3, "Error", "no disk"});
    journal.write(record::StepChanged{0, 1, 0, true, -1, "Skipped"});
    journal.write(record::TaskRetried{0, 0, "StepFailed", "\"step-prepare\" exited with code 3"});
    journal.heartbeat();
    journal.write(record::TaskChanged{0, TaskState::running, {}, {}, 1});
    journal.write(record::StepChanged{0, 0, 1});
    journal.write(record::StepChanged{0, 0, 1, true, 0, "Completed"});
    journal.write(record::StepChanged{0, 1, 1});
    journal.write(record::StepChanged{0, 1, 1, true, 7, "Error"});
    journal.write(record::TaskChanged{0, TaskState::failed, "StepFailed", "ü ⛵", 1});
    journal.write(record::TaskChanged{2, TaskState::skipped, "PipelineRun was stopping", "", 0});
    journal.write(record::GroupStopping{"Cancelled", "by somebody"});
    journal.write(record::StepChanged{1, 0, 0, true, -1, "Cancelled"});
    journal.write(record::TaskChanged{1, TaskState::cancelled, "TaskRunCancelled", "", 0});
    journal.write(record::FinallyBegan{});
    journal.write(record::TaskChanged{3, TaskState::running, {}, {}, 0});
    journal.write(record::StepChanged{3, 0, 0});
    journal.write(record::StepChanged{3, 0, 0, true, 0, "Completed"});
    journal.write(record::TaskChanged{3, TaskState::succeeded, "Succeeded", "all done", 0});
    record::GroupEnded end;
    end.outcome = {.state = GroupState::cancelled,
                   .reason = "Cancelled",
                   .message = "Tasks Completed: 3",
                   .tasks = {{TaskState::failed, "StepFailed", "ü ⛵", 2, {}},
                             {TaskState::cancelled, "TaskRunCancelled", "", 1, {}},
                             {TaskState::skipped, "PipelineRun was stopping", "", 0, {}},
                             {TaskState::succeeded, "Succeeded", "all done", 1, {}}},
                   .group_results = {{"digest", "sha256:1"},
                                     {"list", Value::Array{"a", "b"}},
                                     {"map", Value::Object{{"k", "v"}}}}};
    journal.write(end);
  }

  Lines run() {
    return journal_of(plan, [this](Journal& journal) { write_run(journal); });
  }

  Plan plan;
};

// Covers: 3.1.F1 3.2.F1 3.2.F2
TEST_F(JournalReaderTest, TellsAllOfARun) {
  const Lines lines = run();
  const Progress progress = read(joined(lines));
  EXPECT_EQ(text_of(progress, false),
            "Cancelled,Cancelled,Tasks Completed: 3,Cancelled,finally,ended\n"
            "test Failed StepFailed ü ⛵ 2\n"
            "  prepare Terminated 0 Completed \n"
            "  run Terminated 7 Error \n"
            "build Cancelled TaskRunCancelled  1\n"
            "  prepare Terminated -1 Cancelled \n"
            "deploy Skipped PipelineRun was stopping  0\n"
            "report(finally) Succeeded Succeeded all done 1\n"
            "  prepare Terminated 0 Completed \n"
            "digest=sha256:1\n"
            "list=[\"a\",\"b\"]\n"
            "map={\"k\":\"v\"}\n");
  EXPECT_EQ(progress.lines, lines.size());
  EXPECT_EQ(progress.foreign, 0U);
}

// Covers: 4.1.F1
TEST_F(JournalReaderTest, TellsTheTimesOfTasksAndSteps) {
  JournalReader reader;
  const auto line = [&](std::uint64_t n, std::int64_t time, const std::string& rest) {
    reader.feed(R"({"n":)" + std::to_string(n) + R"(,"time":)" + std::to_string(time) + rest
                + "}\n");
    return reader.progress().tasks.empty() ? TaskProgress() : reader.progress().tasks[0];
  };
  line(1, 10, R"(,"event":"begin","version":1,"tasks":["a"])");
  EXPECT_EQ(line(2, 20, R"(,"event":"task","task":"a","attempt":0,"state":"Running")").started, 20);
  line(3, 30, R"(,"event":"step","task":"a","attempt":0,"step":"s","state":"Running")");
  const TaskProgress ended = line(
      4, 40,
      R"(,"event":"step","task":"a","attempt":0,"step":"s","state":"Terminated","exitCode":1)");
  EXPECT_EQ(ended.steps.at(0).started, 30);
  EXPECT_EQ(ended.steps.at(0).finished, 40);
  EXPECT_EQ(ended.finished, 0);
  const TaskProgress again =
      line(5, 50, R"(,"event":"task","task":"a","attempt":1,"state":"Running")");
  EXPECT_EQ(again.started, 20) << "of the first attempt";
  EXPECT_THAT(again.steps, IsEmpty()) << "of the last attempt";
  EXPECT_EQ(line(6, 60, R"(,"event":"task","task":"a","attempt":1,"state":"Failed")").finished, 60);
}

TEST_F(JournalReaderTest, ChangesGrowWithTheStatesOfTasksOnly) {
  JournalReader reader;
  std::vector<std::uint64_t> changes;
  for (const std::string& line : run()) {
    const std::uint64_t before = reader.progress().changes;
    reader.feed(line);
    if (reader.progress().changes != before) {
      changes.push_back(reader.progress().lines);
    }
  }
  EXPECT_THAT(changes, ElementsAre(2, 4, 9, 14, 15, 18, 20, 23));
}

TEST_F(JournalReaderTest, TellsWhichStepsAreHeld) {
  const auto held = [this](const std::function<void(Journal&)>& write) {
    const Progress progress = read(joined(journal_of(plan, [&](Journal& journal) {
      journal.write(record::TaskChanged{0, TaskState::running, {}, {}, 0});
      write(journal);
    })));
    std::string text;
    for (const StepProgress& step : progress.tasks[0].steps)
      text += step.name + "=" + step.paused + " ";
    return text;
  };
  const record::StepPaused before{.task = 0, .step = 0, .before = true};
  const record::StepPaused failed{.task = 0, .step = 0, .exit_code = 3};
  EXPECT_EQ(held([&](Journal& journal) { journal.write(before); }), "prepare=BeforeStep ");
  EXPECT_EQ(held([&](Journal& journal) {
              journal.write(before);
              journal.write(record::StepChanged{0, 0, 0});
            }),
            "prepare= ");
  EXPECT_EQ(held([&](Journal& journal) {
              journal.write(record::StepChanged{0, 0, 0});
              journal.write(failed);
            }),
            "prepare=OnFailure ");
  EXPECT_EQ(held([&](Journal& journal) {
              journal.write(failed);
              journal.write(record::StepChanged{0, 0, 0, true, 0, "Completed"});
            }),
            "prepare= ");
}

// A snapshot tells of them, too: the line of their own may be gone.
TEST_F(JournalReaderTest, SnapshotTellsWhichStepsAreHeld) {
  const Lines lines = journal_of(plan, [](Journal& journal) {
    journal.write(record::GroupBegan{});
    journal.write(record::TaskChanged{0, TaskState::running, {}, {}, 0});
    journal.write(record::StepPaused{.task = 0, .step = 0, .before = true});
    journal.write(
        record::TaskRetried{1, 0, "StepFailed", std::string(Journal::snapshot_each, 'x')});
  });
  const Progress progress = read(lines.back() + "\n");
  EXPECT_EQ(progress.tasks.at(0).steps.at(0).paused, "BeforeStep");
  EXPECT_EQ(progress.tasks.at(0).steps.at(0).state, "");
}

TEST_F(JournalReaderTest, PiecesMayBeCutAnywhere) {
  const std::string journal = joined(run());
  const std::string whole = text_of(read(journal));
  for (std::size_t cut = 0; cut <= journal.size(); ++cut) {
    JournalReader reader;
    reader.feed(std::string_view(journal).substr(0, cut));
    reader.feed(std::string_view(journal).substr(cut));
    ASSERT_EQ(text_of(reader.progress()), whole) << cut;
  }
  JournalReader reader;
  for (const char byte : journal) {
    reader.feed({&byte, 1});
  }
  EXPECT_EQ(text_of(reader.progress()), whole);
}

TEST_F(JournalReaderTest, JournalWhoseBeginningIsGoneTellsTheSame) {
  const Lines lines = run();
  const std::string whole = text_of(read(joined(lines)));
  for (std::size_t first = 0; first + 1 < lines.size(); ++first) {
    EXPECT_EQ(text_of(read(joined(lines, first))), whole) << first;
  }
  // Of the last line alone only what it holds.
  const Progress end = read(lines.back());
  EXPECT_TRUE(end.ended);
  EXPECT_FALSE(end.gap);
  ASSERT_THAT(end.tasks, SizeIs(4));
  EXPECT_EQ(end.tasks[0].name, "test") << "in plan order";
  EXPECT_EQ(end.tasks[0].state, "Failed");
  EXPECT_EQ(end.tasks[0].attempts, 2);
  EXPECT_NE(end.tasks[0].finished, 0);
  EXPECT_EQ(end.results.at("digest"), Value("sha256:1"));
}

TEST_F(JournalReaderTest, SnapshotMakesUpForLinesThatAreGone) {
  const std::string text(Journal::snapshot_each, 'x');
  const Lines lines = journal_of(plan, [&](Journal& journal) {
    journal.write(record::GroupBegan{});
    journal.write(record::TaskChanged{1, TaskState::running, {}, {}, 0});
    journal.write(record::TaskChanged{0, TaskState::running, {}, {}, 0});
    journal.write(record::StepChanged{0, 0, 0});
    journal.write(record::StepChanged{0, 0, 0, true, 1, "Error", text});
    journal.write(record::TaskChanged{3, TaskState::running, {}, {}, 0});
  });
  ASSERT_THAT(lines, SizeIs(7));
  JournalReader reader;
  reader.feed(lines[0]);
  reader.feed(lines[1]);
  EXPECT_FALSE(reader.progress().gap);
  reader.feed(lines[4]);
  EXPECT_TRUE(reader.progress().gap);
  reader.feed(lines[5]);
  EXPECT_FALSE(reader.progress().gap);
  reader.feed(lines[6]);
  EXPECT_EQ(text_of(reader.progress()), text_of(read(joined(lines))));
}

TEST_F(JournalReaderTest, LinesReadBeforeAreSkipped) {
  const Lines lines = run();
  const std::string whole = text_of(read(joined(lines)));
  for (std::size_t broken = 0; broken <= lines.size(); ++broken) {
    JournalReader reader;
    for (std::size_t i = 0; i < broken; ++i) {
      reader.feed(lines[i]);
    }
    reader.feed("{\"n\":99999,\"time\":1,\"eve"); // the follow breaks in the middle of a line
    reader.restart();
    reader.feed(joined(lines));
    ASSERT_EQ(text_of(reader.progress()), whole) << broken;
  }
}

TEST_F(JournalReaderTest, LinesThatAreNoRecordsAreCounted) {
  const Lines foreign = {"taskgroup-agent: the control file is ignored\n",
                         "\n",
                         "[1,2]\n",
                         "null\n",
                         "{}\n",
                         "{\"n\":\n",
                         "\xff\xfe\n",
                         "{\"n\":0,\"event\":\"end\"}\n",
                         "{\"n\":-1,\"event\":\"end\"}\n",
                         "{\"n\":1.5,\"event\":\"end\"}\n",
                         "{\"n\":\"1\",\"event\":\"end\"}\n",
                         "{\"n\":1,\"event\":7}\n",
                         std::string(1'000'000, '[') + "\n"};
  const Lines lines = run();
  JournalReader reader;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    reader.feed(foreign[i % foreign.size()]);
    reader.feed(lines[i]);
  }
  EXPECT_EQ(text_of(reader.progress()), text_of(read(joined(lines))));
  EXPECT_EQ(reader.progress().foreign, lines.size());
}

TEST_F(JournalReaderTest, LineOf16MiBIsRead) {
  const std::string head = R"({"n":1,"time":1,"event":"end","state":"Succeeded","results":{"r":")";
  const std::string tail = "\"}}";
  const std::string text(JournalReader::max_line - head.size() - tail.size(), 'x');
  JournalReader reader;
  reader.feed(head + text);
  reader.feed(tail + "\n");
  ASSERT_TRUE(reader.progress().ended);
  EXPECT_EQ(reader.progress().results.at("r").text().size(), text.size());
}

TEST_F(JournalReaderTest, LongerLineIsNoRecord) {
  const std::string head = R"({"n":1,"time":1,"event":"end","message":")";
  const std::string text(JournalReader::max_line, 'x');
  const std::string journal = joined(run());
  JournalReader reader;
  reader.feed(head);
  reader.feed(text);
  reader.feed("\"}\n" + journal);
  EXPECT_EQ(reader.progress().foreign, 1U);
  EXPECT_EQ(text_of(reader.progress()), text_of(read(journal)));
}

TEST_F(JournalReaderTest, WhatALaterReleaseAddsIsSkipped) {
  const Progress progress =
      read(R"({"n":1,"time":5,"event":"begin","version":1,"tasks":["a"],"finally":[],"colour":1})"
           "\n"
           R"({"n":2,"time":6,"event":"sunrise","task":"a"})"
           "\n"
           R"({"n":3,"time":7,"event":"task","task":"a","attempt":0,"state":"Running","mood":[{}]})"
           "\n");
  EXPECT_EQ(progress.lines, 3U);
  EXPECT_EQ(progress.foreign, 0U);
  ASSERT_THAT(progress.tasks, SizeIs(1));
  EXPECT_EQ(progress.tasks[0].state, "Running");
}

TEST_F(JournalReaderTest, VersionsItDoesNotKnowAreRefused) {
  for (const char* const line :
       {R"({"n":1,"time":5,"event":"begin","version":2,"tasks":["a"]})",
        R"({"n":9,"time":5,"event":"snapshot","version":0,"tasks":{"a":{"state":"Running"}}})",
        R"({"n":1,"time":5,"event":"begin","version":"1","tasks":["a"]})"}) {
    JournalReader reader;
    reader.feed(std::string(line) + "\n");
    reader.feed(R"({"n":10,"time":5,"event":"end","state":"Succeeded"})"
                "\n");
    EXPECT_THAT(reader.error(), HasSubstr("this controller reads 1 to 1")) << line;
    EXPECT_THAT(reader.progress().tasks, IsEmpty());
    EXPECT_FALSE(reader.progress().ended);
  }
}

TEST_F(JournalReaderTest, NothingCountsAfterTheEnd) {
  JournalReader reader;
  reader.feed(joined(run()));
  const std::string whole = text_of(reader.progress());
  reader.feed(R"({"n":1000,"time":5,"event":"task","task":"test","attempt":0,"state":"Running"})"
              "\n");
  EXPECT_EQ(text_of(reader.progress()), whole);
}

TEST_F(JournalReaderTest, ResultsThatAJournalHasNoRoomForAreNamed) {
  const Lines lines = journal_of(plan, [](Journal& journal) {
    record::GroupEnded end;
    end.outcome.group_results = {{"huge", std::string(3'000'000, 'x')}, {"small", "s"}};
    journal.write(end);
  });
  const Progress progress = read(joined(lines));
  EXPECT_THAT(progress.omitted, ElementsAre(Pair("huge", 3'000'000U)));
  EXPECT_THAT(progress.results, ElementsAre(Pair("small", Value("s"))));
}

TEST_F(JournalReaderTest, ValuesThatCannotBeResultsAreSkipped) {
  const Progress progress = read(
      R"({"n":1,"time":5,"event":"end","results":{"a":1,"b":[1],"c":{"d":[]},"e":null,"f":[]},"tasks":3})"
      "\n");
  EXPECT_TRUE(progress.ended);
  EXPECT_THAT(progress.results, ElementsAre(Pair("f", Value(Value::Array{}))));
}

} // namespace
} // namespace taskgroup
