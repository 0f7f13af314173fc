// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/cluster_fixture.h"

namespace taskgroup::cluster {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

kube::ApiError error_of(kube::ApiError::Kind kind, int code, const std::string& message) {
  return {.kind = kind, .code = code, .reason = {}, .message = message, .retry_after = {}};
}

class StatusTest : public CommandTest {
protected:
  Done status(StatusFlags flags) {
    return capture([&] { return show_status(cluster, flags, {}); });
  }
};

TEST_F(StatusTest, OfARunByItsName) {
  put_run("run", status_of("Unknown", "Running", "1 of 2 tasks done",
                           {{"tasks", {{{"name", "build"}, {"state", "Succeeded"}}}}}));
  const Done done = status({.run = "run"});
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_THAT(done.out, HasSubstr("run: Running for 0s\n"));
  EXPECT_THAT(done.out, HasSubstr("1 of 2 tasks done\n"));
  EXPECT_THAT(done.out, HasSubstr("build  Succeeded"));
  EXPECT_THAT(done.err, IsEmpty());
}

TEST_F(StatusTest, OfAPipelineRunAreThoseOfItsGroups) {
  const Json pipeline_run = put_pipeline_run("release");
  put_run("release-a", status_of("True", "Succeeded"), of_task(pipeline_run, "a"));
  put_run("release-b", status_of("False", "Failed"), of_task(pipeline_run, "b"));
  // Of a PipelineRun of that name that was deleted.
  put_run("old", status_of("True", "Succeeded"),
          of_task({{"metadata", {{"name", "release"}, {"uid", "another"}}}}, "a"));
  // Another custom task of it.
  put_run("wait", Json::object(), [&] {
    Json more = of_task(pipeline_run, "wait");
    more["spec"]["customSpec"] = {{"apiVersion", "wait.dev/v1"}, {"kind", "Wait"}};
    return more;
  }());

  const Done both = status({.run = "release", .format = "json"});
  const Json document = Json::parse(both.out);
  ASSERT_THAT(document["runs"], SizeIs(2));
  EXPECT_EQ(document["runs"][0]["name"], "release-a");
  EXPECT_EQ(document["runs"][1]["pipelineTask"], "b");

  const Done one = status({.run = "pipelinerun/release", .group = "b"});
  EXPECT_THAT(one.out, HasSubstr("release-b: Failed"));
  EXPECT_THAT(one.out, Not(HasSubstr("release-a")));

  const Done none = status({.run = "release", .group = "bb"});
  EXPECT_EQ(none.code, ExitCode::bad_input);
  EXPECT_EQ(none.err, "error: --group: PipelineRun \"release\" has no run of a TaskGroup for a "
                      "task \"bb\"; it has a, b\n");
}

TEST_F(StatusTest, OfAPipelineRunWithoutGroups) {
  put_pipeline_run("release");
  EXPECT_EQ(status({.run = "release"}).out,
            "PipelineRun \"release\" has no run of a TaskGroup yet\n");
  end_pipeline_run("release", "True");
  const Done done = status({.run = "release"});
  EXPECT_EQ(done.code, ExitCode::bad_input);
  EXPECT_THAT(done.err, HasSubstr("has ended, and there is no run of a TaskGroup"));
}

TEST_F(StatusTest, OneRunIsOneDocument) {
  put_run("run", status_of("True", "Succeeded", "all done"));
  EXPECT_EQ(Json::parse(status({.run = "run", .format = "json"}).out)["state"], "Succeeded");
  EXPECT_THAT(status({.run = "customrun.tekton.dev/run", .format = "yaml"}).out,
              HasSubstr("state: Succeeded\nreason: Succeeded\nmessage: \"all done\"\n"));
}

TEST_F(StatusTest, WithoutARunLists) {
  EXPECT_THAT(status({}).err, HasSubstr("no runs of TaskGroups in namespace \"ci\""));
  put_run("one", status_of("True", "Succeeded"));
  EXPECT_THAT(status({}).out, HasSubstr("one  Succeeded    8s"));
  EXPECT_THAT(Json::parse(status({.format = "json"}).out)["runs"], SizeIs(1));
  EXPECT_EQ(status({.watch = true}).code, ExitCode::bad_input);
}

TEST_F(StatusTest, WhatIsNotThereIsAnsweredWithWhatIs) {
  EXPECT_EQ(status({.run = "run"}).err,
            "error: there is no CustomRun and no PipelineRun \"run\" in namespace \"ci\", nor any "
            "run of a TaskGroup; -n NAMESPACE looks elsewhere\n");
  const Json pipeline_run = put_pipeline_run("release-1");
  put_run("build-1", status_of("True", "Succeeded"), of_task(pipeline_run, "build"));
  const Done near = status({.run = "biuld-1"});
  EXPECT_EQ(near.code, ExitCode::bad_input);
  EXPECT_THAT(near.err, HasSubstr("(did you mean \"build-1\"?)"));
  EXPECT_THAT(status({.run = "releaes-1"}).err, HasSubstr("(did you mean \"release-1\"?)"));
  EXPECT_THAT(status({.run = "quite-different"}).err,
              HasSubstr("The latest runs of TaskGroups there:\n  build-1  Succeeded\n"));
  EXPECT_THAT(status({.run = "taskrun/x"}).err, HasSubstr("is of no kind that has TaskGroups"));
}

TEST_F(StatusTest, OtherKindsAreNamed) {
  put_run("wait", Json::object(),
          {{"spec", {{"customSpec", {{"apiVersion", "wait.dev/v1"}, {"kind", "Wait"}}}}}});
  const Done done = status({.run = "wait"});
  EXPECT_EQ(done.code, ExitCode::bad_input);
  EXPECT_EQ(done.err,
            "error: CustomRun \"wait\" asks for Wait (wait.dev/v1), which is no TaskGroup\n");
}

TEST_F(StatusTest, AMissingRightIsNamed) {
  api->set_read_hook([](const std::string&, const kube::Resource&, const std::string&) {
    return error_of(kube::ApiError::Kind::forbidden, 403, "User \"jane\" cannot get it");
  });
  const Done done = status({.run = "run"});
  EXPECT_EQ(done.code, ExitCode::prerequisite_missing);
  EXPECT_THAT(done.err,
              HasSubstr("error: you may not get customruns.tekton.dev in namespace \"ci\"\n"));
  EXPECT_THAT(done.err, HasSubstr("User \"jane\" cannot get it\n"));
  EXPECT_THAT(done.err, HasSubstr("kubectl auth can-i get customruns.tekton.dev --namespace ci\n"));
}

TEST_F(StatusTest, AClusterThatDoesNotAnswerIsNamed) {
  api->set_read_hook([](const std::string&, const kube::Resource&, const std::string&) {
    return error_of(kube::ApiError::Kind::transport, 0, "connection refused");
  });
  const Done done = status({.run = "run"});
  EXPECT_EQ(done.code, ExitCode::prerequisite_missing);
  EXPECT_EQ(done.err,
            "error: no answer from the cluster at https://cluster:6443\n  connection refused\n");
}

TEST_F(StatusTest, AClusterWithoutTektonIsNamed) {
  cluster.api = std::make_shared<kube::FakeKubeApi>();
  const Done done = status({.run = "run"});
  EXPECT_EQ(done.code, ExitCode::prerequisite_missing);
  EXPECT_THAT(done.err, HasSubstr("has no Tekton Pipelines that knows CustomRuns"));
}

TEST_F(StatusTest, WatchTellsEachChangeAndEndsWithTheOutcome) {
  const auto with_task = [](const std::string& state) {
    return Json{{"tasks", {{{"name", "build"}, {"state", state}}}}};
  };
  put_run("run", status_of("Unknown", "Running", "", with_task("Pending")));
  const Done done =
      capture([&] { return show_status(cluster, {.run = "run", .watch = true}, {}); },
              [&] {
                set_status("run", status_of("Unknown", "Running", "", with_task("Running")));
                set_status("run", status_of("False", "Failed", "1 failed", with_task("Failed")));
              });
  EXPECT_EQ(done.code, ExitCode::failed);
  EXPECT_THAT(done.out, HasSubstr("run Failed\nrun/build Failed\n\nrun: Failed in 8s\n"));
}

TEST_F(StatusTest, WatchDrawsInPlaceOnATerminal) {
  put_run("run", status_of("True", "Succeeded"));
  const Done done = capture([&] {
    return show_status(cluster, {.run = "run", .watch = true},
                       {.colour = false, .sticky = true, .width = 80});
  });
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_TRUE(done.out.starts_with("\033[H\033[2Jrun: Succeeded in 8s\033[K\n"));
  EXPECT_TRUE(done.out.ends_with("\033[J"));
}

TEST_F(StatusTest, WatchEndsWhenTheRunIsDeleted) {
  put_run("run", status_of("Unknown", "Running"));
  const Done done = capture([&] { return show_status(cluster, {.run = "run", .watch = true}, {}); },
                            [&] { api->erase(custom_runs, {"ci", "run"}); });
  EXPECT_EQ(done.code, ExitCode::failed);
  EXPECT_EQ(done.err, "error: \"run\" has been deleted\n");
}

TEST_F(StatusTest, WatchOfAPipelineRunWaitsForTheWhole) {
  const Json pipeline_run = put_pipeline_run("release");
  put_run("release-a", status_of("True", "Succeeded"), of_task(pipeline_run, "a"));
  const Done done = capture(
      [&] { return show_status(cluster, {.run = "release", .format = "json", .watch = true}, {}); },
      [&] {
        put_run("release-b", status_of("True", "Succeeded"), of_task(pipeline_run, "b"));
        end_pipeline_run("release", "False");
      });
  EXPECT_EQ(done.code, ExitCode::failed);
  EXPECT_THAT(done.out, HasSubstr("release-b"));
}

class LogsTest : public CommandTest {
protected:
  Done logs(const LogsFlags& flags) {
    return capture([&] { return show_logs(cluster, flags, {}); });
  }

  // A run that is done, with the log of its pod.
  void put_finished_run() {
    const Json pod = put_pod("pod", "terminated");
    put_run("run", status_of("True", "Succeeded", "", in_pod(pod)));
    write("pod", "step-report-say", "said");
    write("pod", "step-build-check", "checked\n");
    write("pod", "step-build-make", "made\nit\n");
    for (const char* container : {"step-report-say", "step-build-check", "step-build-make"})
      end("pod", container);
  }
};

constexpr const char* in_order = "build:make  │ made\n"
                                 "build:make  │ it\n"
                                 "build:check │ checked\n"
                                 "report      │ said\n";

TEST_F(LogsTest, OfAFinishedRunAreInPlanOrder) {
  put_finished_run();
  const Done done = logs({.run = "run"});
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_EQ(done.out, in_order);
  EXPECT_EQ(done.err, "");
}

TEST_F(LogsTest, OfChosenTasks) {
  put_finished_run();
  EXPECT_EQ(logs({.run = "run", .tasks = {"report"}}).out, "report │ said\n");
  const Done wrong = logs({.run = "run", .tasks = {"reprot"}});
  EXPECT_EQ(wrong.code, ExitCode::bad_input);
  EXPECT_THAT(wrong.err, HasSubstr("(did you mean \"report\"?)"));
}

TEST_F(LogsTest, AsEvents) {
  put_finished_run();
  EXPECT_EQ(logs({.run = "run", .tasks = {"report"}, .json = true}).out,
            R"({"event":"run","run":"run","attempt":1})"
            "\n"
            R"({"event":"output","task":"report","step":"say","stream":"stdout","line":"said"})"
            "\n");
}

TEST_F(LogsTest, OfAPipelineRunAreThoseOfEachGroup) {
  const Json pipeline_run = put_pipeline_run("release");
  for (const std::string task : {"a", "b"}) {
    const Json pod = put_pod("pod-" + task, "terminated");
    put_run("release-" + task, status_of("True", "Succeeded", "", in_pod(pod)),
            of_task(pipeline_run, task));
    for (const char* container : {"step-build-make", "step-build-check", "step-report-say"}) {
      write("pod-" + task, container, task + "\n");
      end("pod-" + task, container);
    }
  }
  EXPECT_EQ(logs({.run = "release", .tasks = {"report"}}).out,
            "== release-a\nreport │ a\n== release-b\nreport │ b\n");
}

TEST_F(LogsTest, OfAnEarlierAttempt) {
  Json status = status_of("Unknown", "Running", "", in_pod(put_pod("second", "terminated")));
  status["retriesStatus"] =
      Json::array({status_of("False", "Failed", "", in_pod(put_pod("first", "terminated")))});
  put_run("run", status);
  for (const char* container : {"step-build-make", "step-build-check", "step-report-say"}) {
    for (const char* pod : {"first", "second"}) {
      write(pod, container, std::string(pod) + "\n");
      end(pod, container);
    }
  }
  EXPECT_EQ(logs({.run = "run", .tasks = {"report"}}).out, "report │ second\n");
  EXPECT_EQ(logs({.run = "run", .tasks = {"report"}, .attempt = 1}).out, "report │ first\n");
  EXPECT_EQ(logs({.run = "run", .attempt = 3}).code, ExitCode::bad_input);
  EXPECT_EQ(logs({.run = "run", .attempt = 1, .follow = true}).code, ExitCode::bad_input);
}

TEST_F(LogsTest, WithoutAPodSaysWhy) {
  put_run("run", status_of("False", "TaskGroupValidationFailed", "spec.tasks[0]: is wrong"));
  const Done done = logs({.run = "run"});
  EXPECT_EQ(done.code, ExitCode::failed);
  EXPECT_EQ(done.err, "error: run has no pod, and so no log: spec.tasks[0]: is wrong\n");
  const Done followed = logs({.run = "run", .follow = true});
  EXPECT_EQ(followed.code, ExitCode::failed);
  EXPECT_EQ(followed.err, "run: Failed: spec.tasks[0]: is wrong\n");
}

TEST_F(LogsTest, AnotherPodOfTheSameNameIsNotShown) {
  put_run("run", status_of("True", "Succeeded", "", in_pod(put_pod("pod"))));
  api->erase_now(kube::pods, {"ci", "pod"});
  put_pod("pod", "terminated");
  EXPECT_THAT(logs({.run = "run"}).err, HasSubstr("pod \"pod\" of run is gone"));
}

// What a run's coordinator tells, up to its end.
std::string record(int number, const std::string& rest) {
  return "{\"n\":" + std::to_string(number) + ",\"time\":" + std::to_string(number * 1000) + ","
         + rest + "}\n";
}
std::string begin_record() {
  return record(1, R"("event":"begin","version":1,"group":"run","tasks":["build"],)"
                   R"("finally":["report"])");
}
std::string task_record(int number, const std::string& task, const std::string& state) {
  return record(number,
                R"("event":"task","task":")" + task + R"(","attempt":0,"state":")" + state + "\"");
}
std::string step_record(int number, const std::string& task, const std::string& step,
                        const std::string& state) {
  return record(number, R"("event":"step","task":")" + task + R"(","step":")" + step
                            + R"(","attempt":0,"state":")" + state + "\"");
}
std::string end_record(int number, const std::string& state) {
  return record(number, R"("event":"end","state":")" + state + R"(","reason":")" + state
                            + R"(","message":"m","tasks":{"build":{"state":"Succeeded",)"
                              R"("attempts":1},"report":{"state":"Succeeded","attempts":1}},)"
                              R"("results":{})");
}

TEST_F(LogsTest, FollowsAsItIsWrittenAndEndsWithTheOutcome) {
  const Json pod = put_pod("pod");
  put_run("run", status_of("Unknown", "Running", "", in_pod(pod)));
  const Done done =
      capture([&] { return show_logs(cluster, {.run = "run", .follow = true}, {}); },
              [&] {
                write("pod", "coordinator", begin_record() + "not a record\n");
                write("pod", "coordinator", task_record(2, "build", "Running"));
                write("pod", "coordinator", step_record(3, "build", "make", "Running"));
                // The journal is ahead of the log: the task's end waits for its last line.
                write("pod", "coordinator", step_record(4, "build", "make", "Terminated"));
                write("pod", "coordinator", task_record(5, "build", "Succeeded"));
                api->wait_for_logs(1);
                write("pod", "step-build-make", "made\nlast words");
                end("pod", "step-build-make");
                write("pod", "coordinator", end_record(8, "Failed"));
                end("pod", "coordinator");
                set_status("run", status_of("False", "Failed", "m", in_pod(pod)));
              });
  EXPECT_EQ(done.code, ExitCode::failed);
  EXPECT_THAT(done.out, HasSubstr("build:make  │ made\nbuild:make  │ last words\n"
                                  "✔ build 3.0s\n\nTASK "));
  EXPECT_THAT(done.out, HasSubstr("run: Failed in 7.0s - m\n"));
  EXPECT_EQ(done.err, "");
}

TEST_F(LogsTest, WhatBeginsAfterATaskIsShownAfterItsEnd) {
  const Json pod = put_pod("pod");
  put_run("run", status_of("Unknown", "Running", "", in_pod(pod)));
  const Done done = capture([&] { return show_logs(cluster, {.run = "run", .follow = true}, {}); },
                            [&] {
                              write("pod", "step-report-say", "said\n");
                              end("pod", "step-report-say");
                              write("pod", "step-build-make", "made\n");
                              write("pod", "coordinator",
                                    begin_record() + task_record(2, "build", "Running")
                                        + step_record(3, "build", "make", "Running")
                                        + step_record(4, "build", "make", "Terminated")
                                        + task_record(5, "build", "Succeeded")
                                        + task_record(6, "report", "Running")
                                        + step_record(7, "report", "say", "Running")
                                        + step_record(8, "report", "say", "Terminated")
                                        + task_record(9, "report", "Succeeded"));
                              api->wait_for_logs(2); // the journal, and what build still writes
                              write("pod", "step-build-make", "and more\n");
                              end("pod", "step-build-make");
                              write("pod", "coordinator", end_record(10, "Succeeded"));
                              set_status("run", status_of("True", "Succeeded", "m", in_pod(pod)));
                            });
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_THAT(done.out, HasSubstr("build:make  │ made\nbuild:make  │ and more\n✔ build 3.0s\n"
                                  "report      │ said\n✔ report 3.0s\n"));
}

TEST_F(LogsTest, StepsOfATaskAreInTheirOrderToWhoComesLate) {
  const Json pod = put_pod("pod");
  put_run("run", status_of("Unknown", "Running", "", in_pod(pod)));
  const Done done =
      capture([&] { return show_logs(cluster, {.run = "run", .follow = true}, {}); },
              [&] {
                for (const char* step : {"step-build-check", "step-build-make"}) {
                  write("pod", step, std::string(step) + "\n");
                  end("pod", step);
                }
                write("pod", "coordinator",
                      begin_record() + task_record(2, "build", "Running")
                          + step_record(3, "build", "make", "Running")
                          + step_record(4, "build", "make", "Terminated")
                          + step_record(5, "build", "check", "Running")
                          + step_record(6, "build", "check", "Terminated"));
                api->wait_for_logs(1);
                write("pod", "coordinator",
                      task_record(7, "build", "Succeeded") + end_record(8, "Succeeded"));
                set_status("run", status_of("True", "Succeeded", "m", in_pod(pod)));
              });
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_THAT(done.out, HasSubstr("build:make  │ step-build-make\n"
                                  "build:check │ step-build-check\n✔ build"));
}

TEST_F(LogsTest, FollowsOverABrokenConnection) {
  const Json pod = put_pod("pod");
  put_run("run", status_of("Unknown", "Running", "", in_pod(pod)));
  const Done done =
      capture([&] { return show_logs(cluster, {.run = "run", .follow = true}, {}); },
              [&] {
                write("pod", "step-build-make", "one\n");
                write("pod", "coordinator",
                      begin_record() + task_record(2, "build", "Running")
                          + step_record(3, "build", "make", "Running"));
                api->wait_for_logs(2);
                api->cut_logs({"ci", "pod"});
                write("pod", "step-build-make", "two\n");
                end("pod", "step-build-make");
                write("pod", "coordinator",
                      step_record(4, "build", "make", "Terminated")
                          + task_record(5, "build", "Succeeded") + end_record(6, "Succeeded"));
                set_status("run", status_of("True", "Succeeded", "m", in_pod(pod)));
              });
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_THAT(done.out, HasSubstr("build:make  │ one\nbuild:make  │ two\n✔ build 3.0s\n"));
}

TEST_F(LogsTest, FollowsTheNextAttempt) {
  const Json first = put_pod("first");
  const Json second = put_pod("second");
  put_run("run", status_of("Unknown", "Running", "", in_pod(first)), {{"spec", {{"retries", 1}}}});
  for (const char* pod : {"first", "second"}) {
    write(pod, "step-report-say", std::string(pod) + "\n");
    end(pod, "step-report-say");
  }
  const std::string journal = begin_record() + task_record(2, "report", "Running")
                              + step_record(3, "report", "say", "Running")
                              + step_record(4, "report", "say", "Terminated");
  const Done done = capture([&] { return show_logs(cluster, {.run = "run", .follow = true}, {}); },
                            [&] {
                              write("first", "coordinator", journal);
                              api->wait_for_logs(1);
                              write("first", "coordinator", end_record(5, "Failed"));
                              Json status = status_of("Unknown", "ToBeRetried", "once more");
                              status["retriesStatus"] =
                                  Json::array({status_of("False", "Failed", "", in_pod(first))});
                              set_status("run", status);
                              status["conditions"][0]["reason"] = "Running";
                              status["extraFields"] = in_pod(second);
                              set_status("run", status);
                              write("second", "coordinator", journal);
                              api->wait_for_logs(1);
                              write("second", "coordinator", end_record(5, "Succeeded"));
                              status["conditions"][0]["status"] = "True";
                              set_status("run", status);
                            });
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_THAT(done.out, HasSubstr("report      │ first\n"));
  EXPECT_THAT(done.out, HasSubstr("== run, attempt 2 of 2\nreport      │ second\n"));
}

TEST_F(LogsTest, WaitsForAPodThatHasNotBegun) {
  const Json pod = put_pod("pod", "waiting");
  put_run("run", status_of("Unknown", "Running", "", in_pod(pod)));
  const Done done = capture(
      [&] { return show_logs(cluster, {.run = "run", .follow = true}, {}); },
      [&] {
        api->wait_for_watches(2); // of the run and of the pod
        api->modify(kube::pods, {"ci", "pod"}, [](Json& changed) {
          changed["status"]["conditions"] = Json::array({{{"type", "PodScheduled"},
                                                          {"status", "False"},
                                                          {"reason", "Unschedulable"},
                                                          {"message", "no node"}}});
        });
        write("pod", "coordinator", begin_record() + end_record(2, "Succeeded"));
        api->modify(kube::pods, {"ci", "pod"}, [](Json& changed) {
          changed["status"]["containerStatuses"][0]["state"] = {{"running", Json::object()}};
        });
        set_status("run", status_of("True", "Succeeded", "", in_pod(pod)));
      });
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_EQ(done.err, "pod \"pod\" waits: Unschedulable: no node\n");
}

TEST_F(LogsTest, OfAPodThatGoesAwaySaysHowTheRunEnded) {
  const Json pod = put_pod("pod");
  put_run("run", status_of("Unknown", "Running", "", in_pod(pod)));
  const Done done = capture(
      [&] { return show_logs(cluster, {.run = "run", .follow = true}, {}); },
      [&] {
        write("pod", "coordinator", begin_record());
        api->wait_for_logs(1);
        api->erase_now(kube::pods, {"ci", "pod"});
        set_status("run", status_of("False", "PodLost", "the pod was deleted", in_pod(pod)));
      });
  EXPECT_EQ(done.code, ExitCode::failed);
  EXPECT_THAT(done.err, HasSubstr("pod \"pod\" is gone, and its log with it\n"));
  EXPECT_THAT(done.err, HasSubstr("run: Failed: the pod was deleted\n"));
}

TEST_F(LogsTest, AJournalOfALaterReleaseIsNotGuessedAt) {
  const Json pod = put_pod("pod");
  put_run("run", status_of("Unknown", "Running", "", in_pod(pod)));
  const Done done =
      capture([&] { return show_logs(cluster, {.run = "run", .follow = true}, {}); },
              [&] {
                write("pod", "coordinator", "nothing yet\n");
                api->wait_for_logs(1);
                write("pod", "coordinator", record(1, R"("event":"begin","version":2)"));
                set_status("run", status_of("True", "Succeeded", "", in_pod(pod)));
              });
  EXPECT_THAT(done.err, HasSubstr("is of version 2, and this program reads 1"));
}

class CancelTest : public CommandTest {
protected:
  Done cancel_run(const CancelFlags& flags) {
    return capture([&] { return cancel(cluster, flags); });
  }
};

TEST_F(CancelTest, AsksAsTektonDoes) {
  const Json run = put_run("run", status_of("Unknown", "Running"));
  const Done done = cancel_run({.run = "run"});
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_THAT(done.out, HasSubstr("taskgroup status run -n ci --watch"));
  ASSERT_THAT(api->writes(), SizeIs(1));
  EXPECT_EQ(api->writes()[0].verb, kube::FakeWrite::Verb::patch);
  EXPECT_EQ(api->writes()[0].body["metadata"]["uid"], run["metadata"]["uid"]);
  const Json asked = *api->find(custom_runs, {"ci", "run"});
  EXPECT_EQ(asked["spec"]["status"], "RunCancelled");
  EXPECT_NE(asked["spec"]["statusMessage"], "");

  EXPECT_EQ(cancel_run({.run = "run"}).out, "run is being cancelled already\n");
  EXPECT_THAT(api->writes(), SizeIs(1));
}

TEST_F(CancelTest, WhatHasEndedStaysEnded) {
  put_run("run", status_of("True", "Succeeded"));
  const Done done = cancel_run({.run = "run"});
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_EQ(done.out, "run has ended already: Succeeded\n");
  EXPECT_THAT(api->writes(), IsEmpty());
}

TEST_F(CancelTest, OfAPipelineRunTheOneThatRuns) {
  const Json pipeline_run = put_pipeline_run("release");
  put_run("release-a", status_of("True", "Succeeded"), of_task(pipeline_run, "a"));
  put_run("release-b", status_of("Unknown", "Running"), of_task(pipeline_run, "b"));
  const Done done = cancel_run({.run = "release"});
  EXPECT_EQ(done.code, ExitCode::success);
  EXPECT_THAT(done.out, HasSubstr("release-b is asked to end"));
  EXPECT_THAT(done.out, HasSubstr("tkn pipelinerun cancel release -n ci"));

  put_run("release-c", status_of("Unknown", "Running"), of_task(pipeline_run, "c"));
  const Done several = cancel_run({.run = "release"});
  EXPECT_EQ(several.code, ExitCode::bad_input);
  EXPECT_THAT(several.err, HasSubstr("by `taskgroup cancel NAME`:\n  release-b  Cancelling\n"
                                     "  release-c  Running\n"));
  EXPECT_EQ(cancel_run({.run = "release", .group = "c"}).code, ExitCode::success);
}

TEST_F(CancelTest, AMissingRightIsNamed) {
  put_run("run", status_of("Unknown", "Running"));
  api->set_write_hook([](const kube::FakeWrite&) {
    return kube::Fate{kube::Fate::Kind::refuse,
                      error_of(kube::ApiError::Kind::forbidden, 403, "no")};
  });
  const Done done = cancel_run({.run = "run"});
  EXPECT_EQ(done.code, ExitCode::prerequisite_missing);
  EXPECT_THAT(done.err, HasSubstr("you may not patch customruns.tekton.dev"));
  EXPECT_THAT(done.err, HasSubstr("the cluster role \"edit\""));
}

} // namespace
} // namespace taskgroup::cluster
