// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#ifdef TASKGROUP_STATIC
#include <nss.h>
#endif

namespace {

using namespace taskgroup;

void add_request_flags(CLI::App& command, RequestFlags& flags) {
  command
      .add_option("-p,--param", flags.params,
                  "Value of a param, as name=value; JSON for an array or object")
      ->allow_extra_args(false);
  command
      .add_option("-w,--workspace", flags.workspaces,
                  "Bind a workspace: name=dir, or read-only name=secret:PATH, name=configmap:PATH")
      ->allow_extra_args(false);
  command.add_option("--timeout", flags.timeout,
                     "Limit of the whole run, such as 90s or 1h; 0 = none");
}

void add_cluster_flags(CLI::App& command, ClusterFlags& flags) {
  command.add_option("--kubeconfig", flags.kubeconfig,
                     "Kubeconfig file; otherwise KUBECONFIG, the pod's own, ~/.kube/config");
  command.add_option("--context", flags.context, "Context of the kubeconfig");
  command.add_option("-n,--namespace", flags.namespace_name, "Namespace; otherwise the context's");
}

ExitCode run_program(int argc, char** argv) {
  CLI::App app{"Run a DAG of Tekton Tasks as one TaskGroup.", "taskgroup"};
  app.set_version_flag("--version", TASKGROUP_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 succeeded, 1 failed or timed out, 2 bad input (nothing was started),\n"
             "3 something this machine must have is missing, or the cluster or a right on it,\n"
             "70 internal error, "
             "130 and 143 cancelled by SIGINT and SIGTERM.");

  const auto files_help = "Files, folders or - (standard input)";

  RunFlags run;
  std::string output = "text";
  CLI::App* run_app = app.add_subcommand("run", "Run a TaskGroup, Pipeline, PipelineRun, Task, "
                                                "TaskRun or CustomRun on this machine");
  run_app->add_option("FILE", run.files, files_help)->required();
  add_request_flags(*run_app, run.request);
  run_app->add_option("--task", run.tasks, "Run only this task and what it needs, then finally")
      ->allow_extra_args(false);
  run_app->add_option("--group", run.group,
                      "The group or run to run, by name, where the files hold several");
  run_app->add_flag("--keep", run.keep, "Leave the run's files where they are and say where");
  run_app->add_option("-o,--output", output, "text, or json: one event a line")
      ->check(CLI::IsMember({"text", "json"}));
  run_app
      ->add_option("--runtime", run.runtime,
                   "What runs the steps: podman or docker, each in its image; host, with this "
                   "machine's own programs; auto, the first of them that works")
      ->check(CLI::IsMember({"auto", "podman", "docker", "host"}))
      ->envname("TASKGROUP_RUNTIME");

  ValidateFlags validate;
  CLI::App* validate_app = app.add_subcommand("validate", "Report every mistake in the files");
  validate_app->add_option("FILE", validate.files, files_help)->required();

  GraphFlags graph;
  graph.format = "text";
  CLI::App* graph_app = app.add_subcommand("graph", "Draw the tasks and their order");
  graph_app->add_option("FILE", graph.file, "File, folder or -")->required();
  graph_app->add_option("--group", graph.group,
                        "The group or run to draw, by name, where there are several");
  graph_app->add_option("-o,--output", graph.format, "text, mermaid or dot")
      ->check(CLI::IsMember({"text", "mermaid", "dot"}));

  PlanFlags plan;
  std::string plan_output = "text";
  CLI::App* plan_app =
      app.add_subcommand("plan", "Show order, requests and what would run, without running it");
  plan_app->add_option("FILE", plan.files, files_help)->required();
  add_request_flags(*plan_app, plan.request);
  plan_app->add_option("--task", plan.tasks, "Plan only this task and what it needs, then finally")
      ->allow_extra_args(false);
  plan_app->add_option("--group", plan.group,
                       "The group or run to plan, by name, where the files hold several");
  plan_app->add_option("-o,--output", plan_output, "text, or json: the plan itself")
      ->check(CLI::IsMember({"text", "json"}));

  const auto run_help = "A CustomRun, or a PipelineRun with TaskGroups in it";
  const auto group_help = "Of a PipelineRun, only the TaskGroup of this task";

  StatusFlags status;
  CLI::App* status_app = app.add_subcommand(
      "status", "Show how a run on the cluster stands; without RUN, the runs of the namespace");
  status_app->add_option("RUN", status.run, run_help);
  add_cluster_flags(*status_app, status.cluster);
  status_app->add_option("--group", status.group, group_help);
  status_app->add_flag("-w,--watch", status.watch,
                       "Show it until its end, and end with its outcome");
  status_app->add_option("-o,--output", status.format, "text, json or yaml")
      ->check(CLI::IsMember({"text", "json", "yaml"}));

  LogsFlags logs;
  std::string logs_output = "text";
  CLI::App* logs_app =
      app.add_subcommand("logs", "Show what the steps of a run on the cluster have written");
  logs_app->add_option("RUN", logs.run, run_help)->required();
  add_cluster_flags(*logs_app, logs.cluster);
  logs_app->add_option("--group", logs.group, group_help);
  logs_app->add_option("--task", logs.tasks, "Only this task")->allow_extra_args(false);
  logs_app->add_option("--attempt", logs.attempt, "An earlier attempt of the run, from 1");
  logs_app->add_flag("-f,--follow", logs.follow,
                     "Show it until the run's end, and end with its outcome");
  logs_app->add_option("-o,--output", logs_output, "text, or json: one event a line")
      ->check(CLI::IsMember({"text", "json"}));

  CancelFlags cancel;
  CLI::App* cancel_app =
      app.add_subcommand("cancel", "End a run on the cluster; its finally tasks still run");
  cancel_app->add_option("RUN", cancel.run, run_help)->required();
  add_cluster_flags(*cancel_app, cancel.cluster);
  cancel_app->add_option("--group", cancel.group, group_help);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are no errors; everything else is bad input.
    return app.exit(error) == 0 ? ExitCode::success : ExitCode::bad_input;
  }
  if (run_app->parsed()) {
    run.json = output == "json";
    return run_command(run);
  }
  if (validate_app->parsed()) {
    return validate_command(validate);
  }
  if (graph_app->parsed()) {
    return graph_command(graph);
  }
  if (status_app->parsed())
    return status_command(status);
  if (logs_app->parsed()) {
    logs.json = logs_output == "json";
    return logs_command(logs);
  }
  if (cancel_app->parsed())
    return cancel_command(cancel);
  plan.json = plan_output == "json";
  return plan_command(plan);
}

} // namespace

int main(int argc, char** argv) {
#ifdef TASKGROUP_STATIC
  // The modules that nsswitch.conf may name want another release of the C library than this one.
  __nss_configure_lookup("hosts", "files dns");
  __nss_configure_lookup("passwd", "files");
#endif
  std::signal(SIGPIPE, SIG_IGN); // `taskgroup run … | head` must still clean up
  try {
    return static_cast<int>(run_program(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s; this is a bug in taskgroup, please report it\n", error.what());
    return static_cast<int>(taskgroup::ExitCode::internal);
  }
}
