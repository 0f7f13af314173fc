// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/run_table.h"

#include "cli/duration_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace taskgroup::cluster {

namespace {

using Cells = std::vector<std::string>;
using Time = std::optional<kube::WallTime>;

std::string_view colour_of(std::string_view state) {
  if (state == "Succeeded" || state == "Completed")
    return "\033[32m";
  if (state == "Failed" || state == "Error")
    return "\033[31m";
  if (state == "Running")
    return "\033[36m";
  if (state == "Cancelled" || state == "Cancelling")
    return "\033[33m";
  return "\033[90m";
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Lay rows out in columns; the first row is the heading. The column `state_at` gets the colour of
// its state, `right_at` stands to the right; the last one is not padded.
std::string lay_out(const std::vector<Cells>& rows, std::size_t state_at, std::size_t right_at,
                    bool colour) {
  std::vector<std::size_t> widths;
  for (const Cells& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], columns(row[i]));
  }
  std::string text;
  for (const Cells& row : rows) {
    const bool heading = &row == rows.data();
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string fill(widths[i] - columns(row[i]), ' ');
      const bool painted = colour && !heading && i == state_at;
      line += i == 0 ? "" : "  ";
      line += i == right_at ? fill : "";
      line += painted ? fmt::format("{}{}\033[0m", colour_of(row[i]), row[i]) : row[i];
      line += i == right_at ? "" : fill;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += (heading && colour ? "\033[1m" + line + "\033[0m" : line) + "\n";
  }
  return text;
}

std::string time_between(const Time& from, const Time& to, kube::WallTime now) {
  if (!from)
    return "-";
  // The status has whole seconds. A clock that differs from the cluster's must not show time before
  // the beginning.
  const auto seconds = std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::seconds>(to.value_or(now) - *from).count());
  return seconds < 60 ? fmt::format("{}s", seconds) : duration_text(std::chrono::seconds(seconds));
}

std::string with_message(std::string reason, const std::string& state, const std::string& message) {
  if (reason == state)
    reason.clear();
  if (message.empty())
    return reason;
  return reason.empty() ? message : reason + ": " + message;
}

std::string about(const TaskView& task) {
  std::string text = task.state == "Succeeded" && task.reason == task.state
                         ? std::string() // Tekton's words for it say no more
                         : with_message(task.reason, task.state, task.message);
  if (task.attempts > 1)
    text += fmt::format("{}({} attempts)", text.empty() ? "" : " ", task.attempts);
  if (task.is_finally)
    text += text.empty() ? "(finally)" : " (finally)";
  return text;
}

// What a step's state is to a reader: its reason says it, once it has ended.
std::string state_of(const StepView& step) {
  if (!step.paused.empty())
    return "Held";
  if (step.state.empty())
    return "-";
  return step.state == "Terminated" && !step.reason.empty() ? step.reason : step.state;
}

std::string about(const StepView& step) {
  std::string text = step.message;
  if (step.paused == "BeforeStep")
    text = "by a breakpoint before it runs";
  if (step.exit_code.value_or(0) != 0)
    text = fmt::format("exit code {}{}", *step.exit_code, text.empty() ? "" : ": " + text);
  return text;
}

// One step that went well, or has nothing to say yet, says no more than its task.
bool shows_steps(const TaskView& task) {
  return task.steps.size() > 1 || (task.steps.size() == 1 && !about(task.steps.front()).empty());
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string tasks_of(const RunView& run, kube::WallTime now, bool colour) {
  std::vector<Cells> rows{{"TASK", "STATE", "TIME", "REASON"}};
  for (const TaskView& task : run.tasks) {
    rows.push_back({task.name, task.state, time_between(task.started, task.finished, now),
                    one_line(about(task))});
    const auto add = [&](const std::string& prefix, const StepView& one) {
      rows.push_back({"  " + prefix + one.name, state_of(one),
                      time_between(one.started, one.finished, now), one_line(about(one))});
    };
    for (const StepView& step : task.steps) {
      if (shows_steps(task))
        add("", step);
    }
    for (const StepView& sidecar : task.sidecars)
      add("sidecar-", sidecar);
  }
  return lay_out(rows, 1, 2, colour);
}

std::string heading_of(const RunView& run, kube::WallTime now, bool colour) {
  std::string text =
      fmt::format("{}{}{}: {}{}{}", colour ? "\033[1m" : "", run.name, colour ? "\033[0m" : "",
                  colour ? colour_of(run.state) : "", run.state, colour ? "\033[0m" : "");
  const bool tells = !run.reason.empty() && run.reason != run.state
                     && !(run.state == "Cancelled" && run.reason.ends_with("RunCancelled"));
  if (tells)
    text += fmt::format(" ({})", run.reason);
  if (run.started)
    text += fmt::format(" {} {}", run.done() ? "in" : "for",
                        time_between(run.started, run.finished, now));
  if (run.attempts.size() > 1 || run.attempts_allowed > 1)
    text += fmt::format(
        ", attempt {} of {}", run.attempts.size(),
        std::max<std::size_t>(run.attempts.size(), static_cast<std::size_t>(run.attempts_allowed)));
  text += "\n";
  std::string what =
      run.group.empty() ? "an embedded TaskGroup" : fmt::format("TaskGroup \"{}\"", run.group);
  if (!run.pipeline_run.empty())
    what += fmt::format(", task \"{}\" of PipelineRun \"{}\"", run.pipeline_task, run.pipeline_run);
  if (!run.attempt().pod.empty())
    what += fmt::format(", in pod \"{}\"", run.attempt().pod);
  text += what + "\n";
  if (run.reason.empty())
    text += "No controller has taken it up yet. If this stays so, it does not run, or does not "
            "serve this namespace\n";
  if (!run.message.empty())
    text += run.message + "\n";
  return text;
}

// How to go on from a breakpoint.
std::string hint_of_held(const RunView& run, const StepView& step) {
  const std::string scripts = fmt::format("/tekton/debug/scripts/debug-{}",
                                          step.paused == "BeforeStep" ? "beforestep-" : "");
  return fmt::format(
      "\n\"{0}\" is held. Look around with `kubectl exec -it -n {1} {2} -c {0} -- sh`, "
      "then let it go on\n"
      "kubectl exec -n {1} {2} -c {0} -- {3}continue\n"
      "or fail it\n"
      "kubectl exec -n {1} {2} -c {0} -- {3}fail-continue\n",
      step.container, run.namespace_name, run.attempt().pod, scripts);
}

// Steps that are held; the first task that failed, with the words that show its log.
std::string hint_of(const RunView& run) {
  std::string held;
  for (const TaskView& task : run.tasks)
    for (const StepView& step : task.steps)
      if (!step.paused.empty() && !run.done())
        held += hint_of_held(run, step);
  if (!held.empty())
    return held;
  if (run.state != "Failed" || run.attempt().pod.empty())
    return {};
  for (const TaskView& task : run.tasks) {
    if (task.state == "Failed")
      return fmt::format("\ntaskgroup logs {} -n {} --task {}\n", run.name, run.namespace_name,
                         task.name);
  }
  return {};
}

} // namespace

std::string draw_run(const RunView& run, kube::WallTime now, bool colour) {
  std::string text = heading_of(run, now, colour);
  if (!run.tasks.empty())
    text += "\n" + tasks_of(run, now, colour);
  for (const auto& [name, value] : run.results)
    text += fmt::format("result {} = {}\n", name, value);
  return text + hint_of(run);
}

std::string draw_list(const std::vector<RunView>& runs, kube::WallTime now, bool colour) {
  std::vector<Cells> rows{{"RUN", "STATE", "TIME", "TASKS", "STARTED", "PIPELINERUN"}};
  for (const RunView& run : runs) {
    const auto done = std::count_if(run.tasks.begin(), run.tasks.end(),
                                    [](const TaskView& task) { return task.done(); });
    rows.push_back({run.name, run.state, time_between(run.started, run.finished, now),
                    run.tasks.empty() ? "-" : fmt::format("{}/{}", done, run.tasks.size()),
                    run.started ? time_between(run.started, {}, now) + " ago" : "-",
                    run.pipeline_run.empty() ? "-" : run.pipeline_run});
  }
  return lay_out(rows, 1, 2, colour);
}

} // namespace taskgroup::cluster
