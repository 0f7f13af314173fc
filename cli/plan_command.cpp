// SPDX-License-Identifier: Apache-2.0
#include <taskgroup/planner.h>
#include <taskgroup/requests.h>

#include "cli/commands.h"
#include "cli/duration_text.h"
#include "cli/prepared_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace taskgroup {
namespace {

// Say where the combinations of a matrix come from; of one that is known they show themselves.
std::string matrix_of_task(const Plan& plan, std::size_t task) {
  const PlanMatrix* matrix = matrix_of(plan, task);
  if (matrix == nullptr)
    return {};
  const std::string which = fmt::format("{} of {} of the matrix of {}", task - matrix->first + 1,
                                        matrix->count, matrix->task);
  return matrix->is_late() ? which + ", if there is such a combination" : which;
}

std::string limits_of(const Plan& plan, std::size_t index) {
  const PlanTask& task = plan.tasks[index];
  std::vector<std::string> limits;
  if (const std::string matrix = matrix_of_task(plan, index); !matrix.empty())
    limits.push_back(matrix);
  if (!task.when.empty())
    limits.emplace_back("when");
  if (task.retries > 0)
    limits.push_back(fmt::format("retries {}", task.retries));
  if (task.timeout)
    limits.push_back("timeout " + duration_text(*task.timeout));
  if (task.on_error == PlanTask::OnError::carry_on)
    limits.emplace_back("onError continue");
  if (task.late_timeout)
    limits.emplace_back("timeout from a result");
  if (task.late_on_error)
    limits.emplace_back("onError from a result");
  return fmt::format("{}", fmt::join(limits, ", "));
}

void print_tasks(const Plan& plan) {
  std::size_t width = 4;
  for (const PlanTask& task : plan.tasks)
    width = std::max(width, task.name.size());
  bool finally = false;
  for (std::size_t index = 0; index < plan.tasks.size(); ++index) {
    const PlanTask& task = plan.tasks[index];
    if (task.is_finally && !finally) {
      finally = true;
      std::puts("finally, whatever became of the tasks:");
    }
    std::vector<std::string> after;
    for (const std::size_t before : task.after)
      after.push_back(plan.tasks[before].name);
    for (const std::size_t before : task.ordered_after)
      after.push_back(plan.tasks[before].name + " (a port of their sidecars)");
    const std::string limits = limits_of(plan, index);
    std::puts(fmt::format("  {:<{}}{}{}", task.name, width,
                          after.empty() ? "" : fmt::format("  after {}", fmt::join(after, ", ")),
                          limits.empty() ? "" : "  (" + limits + ")")
                  .c_str());
    for (std::size_t i = 0; i < container_count(task); ++i) {
      const PlanStep& step = container_at(task, i);
      std::puts(fmt::format("  {:<{}}    {}{}: {}{}", "", width,
                            i < task.steps.size() ? "" : "sidecar ", step.name,
                            step.script ? "script" : "command",
                            step.image.empty() ? "" : ", image " + step.image)
                    .c_str());
    }
  }
}

void print_volumes(const Plan& plan) {
  for (const PlanVolume& volume : plan.volumes) {
    std::vector<std::string> tasks;
    for (const PlanTask& task : plan.tasks) {
      bool mounts = false;
      for (std::size_t i = 0; i < container_count(task); ++i) {
        for (const PlanMount& mount : container_at(task, i).mounts)
          mounts = mounts || mount.volume == volume.name;
      }
      if (mounts)
        tasks.push_back(task.name);
    }
    if (volume.kind == PlanVolume::Kind::empty && tasks.size() < 2)
      continue; // a task's own
    std::puts(fmt::format("  {}: {}{}, used by {}", volume.name,
                          volume.kind == PlanVolume::Kind::bound ? volume.source
                                                                 : "empty, made for the run",
                          volume.read_only ? " (read-only)" : "", fmt::join(tasks, ", "))
                  .c_str());
  }
}

std::string bytes_text(std::int64_t bytes) {
  constexpr std::int64_t mebi = 1024 * 1024;
  return bytes % mebi == 0 ? fmt::format("{}Mi", bytes / mebi)
                           : fmt::format("{:.1f}Mi", static_cast<double>(bytes) / mebi);
}

std::string cpu_text(std::int64_t millicores) { return fmt::format("{}m", millicores); }

// A pod made by stock rules asks for the sum of all containers; one of ours for what can run at
// once.
void print_resource(const Plan& plan, const char* name, const SizedResource& resource,
                    std::string (*text)(std::int64_t)) {
  std::vector<std::string> busiest;
  for (const std::size_t task : resource.busiest)
    busiest.push_back(plan.tasks[task].name);
  std::puts(fmt::format("  {}: {} at most at one time{}, {} in all{}", name, text(resource.peak),
                        busiest.empty() ? "" : fmt::format(" ({})", fmt::join(busiest, ", ")),
                        text(resource.sum),
                        resource.without_request == 0 ? ""
                                                      : fmt::format(" ({} containers ask for none)",
                                                                    resource.without_request))
                .c_str());
  if (resource.limits_sum > 0)
    std::puts(fmt::format("    limits: {} at most at one time, {} in all{}",
                          text(resource.limits_peak), text(resource.limits_sum),
                          resource.without_limit == 0
                              ? ""
                              : fmt::format(" ({} containers have none)", resource.without_limit))
                  .c_str());
}

// What one container asks for, and what it gets in a pod.
std::string share_text(const char* name, const SizedContainer& container,
                       std::string (*text)(std::int64_t)) {
  if (!container.asked)
    return {};
  return fmt::format("  {} {}{}", name, text(*container.asked),
                     container.given == container.asked ? "" : " -> " + text(*container.given));
}

void print_requests(const Plan& plan, const SizedPlan& sized) {
  print_resource(plan, "cpu", sized.cpu, cpu_text);
  print_resource(plan, "memory", sized.memory, bytes_text);
  std::size_t index = 0;
  for (const StepId& id : sized_order(plan)) {
    const std::string shares = share_text("cpu", sized.cpu.containers[index], cpu_text)
                               + share_text("memory", sized.memory.containers[index], bytes_text);
    ++index;
    if (!shares.empty())
      std::puts(
          fmt::format("    {}:{}", container_at(plan.tasks[id.task], id.step).container, shares)
              .c_str());
  }
}

void print_limits(const Plan& plan) {
  const auto limit = [](const char* name, const std::optional<Millis>& value) {
    if (value)
      std::puts(fmt::format("  {}: {}", name, duration_text(*value)).c_str());
  };
  limit("whole run", plan.whole);
  limit("tasks", plan.tasks_timeout);
  limit("finally", plan.finally_timeout);
  if (plan.max_parallel > 0)
    std::puts(fmt::format("  at once: {} tasks", plan.max_parallel).c_str());
  if (plan.fail_fast)
    std::puts("  a failure stops the tasks that run beside it");
}

} // namespace

ExitCode plan_command(const PlanFlags& flags) {
  const Input input = read_input(flags.files);
  const auto checked = check_group(input, flags.group, flags.request);
  if (!checked)
    return fail(checked.error());
  PlanOptions options;
  options.only_tasks = flags.tasks;
  const auto plan = plan_group(*checked, input.facts, std::move(options));
  if (!plan)
    return fail(plan.error());
  if (flags.json) {
    std::puts(to_json(*plan).c_str());
    return ExitCode::success;
  }
  std::size_t steps = 0;
  for (const PlanTask& task : plan->tasks)
    steps += task.steps.size();
  std::puts(
      fmt::format("{}: {} tasks, {} steps, in this order:", plan->group, plan->tasks.size(), steps)
          .c_str());
  print_tasks(*plan);
  std::puts("volumes:");
  print_volumes(*plan);
  const auto sized = size_requests(*plan, checked->group.run.resources == RequestMode::sum);
  if (!sized)
    return fail({ExitCode::bad_input, sized.error()});
  std::puts("requests, as asked -> in the pod:");
  print_requests(*plan, *sized);
  std::puts("limits:");
  print_limits(*plan);
  return ExitCode::success;
}

} // namespace taskgroup
